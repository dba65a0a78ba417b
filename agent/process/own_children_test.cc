#include "agent/process/own_children.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <vector>

#include "absl/status/statusor.h"
#include "common/process/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const SpawnSpec& Sleep() {
  static const SpawnSpec& spec =
      *new SpawnSpec{.argv = {"/bin/sleep", "600"}, .env = {}, .cwd = "/"};
  return spec;
}

void End(pid_t pid) {
  kill(pid, SIGKILL);
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
}

TEST(OwnChildrenTest, OthersAreThoseThatNobodyWants) {
  OwnChildren children;
  const pid_t own = children.Start(Sleep()).value_or(0);
  const pid_t other = Spawn(Sleep()).value_or(0);
  ASSERT_GT(own, 0);
  ASSERT_GT(other, 0);
  EXPECT_THAT(children.FindOthers(), ElementsAre(other));
  children.Adopt(other);
  EXPECT_THAT(children.FindOthers(), IsEmpty());
  children.Forget(own);
  EXPECT_THAT(children.FindOthers(), ElementsAre(own));
  End(own);
  End(other);
}

TEST(OwnChildrenTest, ThereMayBeOthersUntilTwoLooksHaveFoundNone) {
  OwnChildren children;
  EXPECT_TRUE(children.may_have_others()) << "of an earlier program of this process";
  const pid_t other = Spawn(Sleep()).value_or(0);
  ASSERT_GT(other, 0);
  EXPECT_THAT(children.FindOthers(), ElementsAre(other));
  EXPECT_TRUE(children.may_have_others());
  End(other);
  EXPECT_THAT(children.FindOthers(), IsEmpty());
  EXPECT_TRUE(children.may_have_others());
  EXPECT_THAT(children.FindOthers(), IsEmpty());
  EXPECT_FALSE(children.may_have_others());
  children.NoteOthers();
  EXPECT_TRUE(children.may_have_others());
}

TEST(OwnChildrenTest, ThereMayBeOthersWhileAKeeperIsThereThatNobodyHears) {
  OwnChildren children;
  const pid_t keeper = Spawn(Sleep()).value_or(0);
  ASSERT_GT(keeper, 0);
  children.AdoptUnheard(keeper);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(children.FindOthers(), IsEmpty());
  EXPECT_TRUE(children.may_have_others());
  End(keeper);
  children.Forget(keeper);
  EXPECT_TRUE(children.may_have_others()) << "what it has left";
  for (int i = 0; i < 2; ++i) EXPECT_THAT(children.FindOthers(), IsEmpty());
  EXPECT_FALSE(children.may_have_others());
}

TEST(OwnChildrenTest, WhoHasNoDescriptorsToLookHasNotFoundNone) {
  OwnChildren children;
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 3; ++i) children.FindOthers();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(children.may_have_others());
}

}  // namespace
}  // namespace iris
