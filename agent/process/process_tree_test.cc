#include "agent/process/process_tree.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/testing/processes.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

constexpr size_t kAmple = 100;

// Whether the kernel is asked who the children are: it finds the same as who looks at all.
class ProcessTreeTest : public ::testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() { BecomeLikeTheAgent(); }
  void SetUp() override {
    int ends[2] = {-1, -1};
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_.Reset(ends[0]);
    writer_.Reset(ends[1]);
  }
  void TearDown() override {
    writer_.Reset();
    while (waitpid(-1, nullptr, 0) > 0) {
    }
  }

  // A shell that runs this, and reads from stdin until the test ends; so does what it starts in the
  // background by `<&3`.
  pid_t Start(const std::string& script) {
    const absl::StatusOr<pid_t> pid = Spawn({.argv = {"/bin/sh", "-c", "exec 3<&0; " + script},
                                             .env = {"PATH=/usr/bin:/bin"},
                                             .cwd = "/",
                                             .fds = {{0, reader_.get()}}});
    EXPECT_TRUE(pid.ok()) << pid.status();
    return pid.value_or(0);
  }
  std::vector<pid_t> Children(pid_t parent, size_t room = kAmple) const {
    std::vector<pid_t> found(room);
    found.resize(FindChildren(parent, found.data(), room, GetParam()));
    return found;
  }
  std::vector<pid_t> Descendants(pid_t ancestor, size_t room = kAmple) const {
    std::vector<pid_t> found(room);
    found.resize(FindDescendants(ancestor, found.data(), room, GetParam()));
    return found;
  }

 private:
  ScopedFd reader_, writer_;
};

TEST_P(ProcessTreeTest, ChildrenAreThoseRightBelow) {
  EXPECT_THAT(Children(getpid()), IsEmpty());
  std::vector<pid_t> started;
  for (int i = 0; i < 3; ++i) started.push_back(Start("sh -c 'read -r nothing; :' <&3 & wait"));
  for (const pid_t child : started) {
    ASSERT_TRUE(Eventually([&] { return Children(child).size() == 1; }));
  }
  EXPECT_THAT(Children(getpid()), UnorderedElementsAreArray(started));
  EXPECT_THAT(Children(started[0]), SizeIs(1));
}

TEST_P(ProcessTreeTest, DescendantsComeBehindTheirParents) {
  const pid_t root = Start("sh -c 'sh -c \"read -r nothing; :\" <&3 & wait' <&3 & wait");
  std::vector<pid_t> chain = {root};
  while (chain.size() < 3) {
    ASSERT_TRUE(Eventually([&] { return Children(chain.back()).size() == 1; }));
    chain.push_back(Children(chain.back()).at(0));
  }
  EXPECT_THAT(Descendants(getpid()), ElementsAreArray(chain));
  EXPECT_THAT(Descendants(chain.back()), IsEmpty());
}

TEST_P(ProcessTreeTest, NoMoreAreFoundThanThereIsRoomFor) {
  for (int i = 0; i < 3; ++i) Start("read -r nothing");
  ASSERT_TRUE(Eventually([&] { return Descendants(getpid()).size() == 3; }));
  EXPECT_THAT(Children(getpid(), 2), SizeIs(2));
  EXPECT_THAT(Descendants(getpid(), 2), SizeIs(2));
  EXPECT_THAT(Descendants(getpid(), 0), IsEmpty());
}

TEST_P(ProcessTreeTest, AZombieIsAChildAndNoDescendant) {
  const pid_t zombie = Start("exit 0");
  ASSERT_TRUE(Eventually([&] { return StateOf(zombie) == 'Z'; }));
  EXPECT_THAT(Children(getpid()), ElementsAreArray({zombie}));
  EXPECT_THAT(Descendants(getpid()), IsEmpty());
}

TEST_P(ProcessTreeTest, AProcessThatIsGoneHasNobody) {
  const pid_t gone = Start("exit 0");
  ASSERT_EQ(waitpid(gone, nullptr, 0), gone);
  EXPECT_THAT(Children(gone), IsEmpty());
  EXPECT_THAT(Descendants(gone), IsEmpty());
  EXPECT_FALSE(IsLivingDaemon(gone));
}

// More than one read of a file or a directory gives.
TEST_P(ProcessTreeTest, ManyAreFoundToo) {
  constexpr size_t kMany = 150;
  const pid_t parent = Start(
      "i=0; while [ $i -lt 150 ]; do sh -c 'read -r nothing; :' <&3 & "
      "i=$((i + 1)); done; wait");
  EXPECT_TRUE(Eventually([&] { return Children(parent, 2 * kMany).size() == kMany; }));
}

// Both, where this kernel says who the children are; else all there is is to look at all.
std::vector<bool> Ways() {
  return KernelSaysChildren() ? std::vector<bool>{false, true} : std::vector<bool>{false};
}

INSTANTIATE_TEST_SUITE_P(ProcessTreeTests, ProcessTreeTest, ::testing::ValuesIn(Ways()),
                         [](const ::testing::TestParamInfo<bool>& by) {
                           return by.param ? "ByTheKernel" : "ByLookingAtAll";
                         });

}  // namespace
}  // namespace iris
