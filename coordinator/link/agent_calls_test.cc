#include "coordinator/link/agent_calls.h"

#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {
namespace {

v1::Hello SomeHello() {
  v1::Hello hello;
  hello.set_host_id("0123456789abcdef0123456789abcdef");
  hello.set_boot_id("boot 1");
  hello.set_pid_namespace("pid:[4026531836]");
  hello.set_user("me");
  hello.set_socket_path("/run/user/1000/iris/agent.sock");
  return hello;
}

TEST(AgentOfTest, AnUpgradeDoesNotMakeItAnotherAgent) {
  v1::Hello later = SomeHello();
  later.set_incarnation("another life");
  later.set_build_number(1000);
  later.set_pid(17);
  later.set_hostname("renamed");
  EXPECT_EQ(AgentOf(later), AgentOf(SomeHello()));
}

TEST(AgentOfTest, ClonesThatRunAtOnceAreTwo) {
  v1::Hello clone = SomeHello();
  clone.set_boot_id("boot 2");
  EXPECT_NE(AgentOf(clone), AgentOf(SomeHello()));
}

TEST(AgentOfTest, HostsContainersAccountsAndSocketsAreToldApart) {
  v1::Hello host = SomeHello(), container = SomeHello(), account = SomeHello(),
            socket = SomeHello();
  host.set_host_id("another");
  container.set_pid_namespace("pid:[4026532836]");
  account.set_user("you");
  socket.set_socket_path("/tmp/iris-1000/agent.sock");
  for (const v1::Hello& other : {host, container, account, socket}) {
    EXPECT_NE(AgentOf(other), AgentOf(SomeHello()));
  }
}

}  // namespace
}  // namespace iris
