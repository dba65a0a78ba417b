#include "agent/app/links.h"

#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(LinksTest, CountWhatIsOpenAndAreNotFooledByAReusedNumber) {
  Links links;
  int ends[2], others[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  links.Add(ends[0]);
  links.Add(ends[1]);
  EXPECT_EQ(links.Count(), 2u);
  close(ends[0]);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
  ASSERT_EQ(others[0], ends[0]);
  EXPECT_EQ(links.Count(), 1u);
  for (const int fd : {ends[1], others[0], others[1]}) close(fd);
  EXPECT_EQ(links.Count(), 0u);
}

}  // namespace
}  // namespace iris
