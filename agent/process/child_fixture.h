#ifndef IRIS_AGENT_PROCESS_CHILD_FIXTURE_H_
#define IRIS_AGENT_PROCESS_CHILD_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "agent/process/child.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "gtest/gtest.h"

namespace iris {

// For tests of Child: a program with its arguments, or a text for the shell.
inline ChildSpec Program(const std::string& program, std::vector<std::string> args) {
  return {.keeper_program = KeeperProgram(),
          .program = program,
          .args = std::move(args),
          .env = {"PATH=/usr/bin:/bin"},
          .cwd = "/"};
}
inline ChildSpec Script(const std::string& text) { return Program("/bin/sh", {"-c", text}); }

// Each test leaves nothing behind, not even a zombie: all that a child left has come to us.
class ChildFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { BecomeLikeTheAgent(); }
  void TearDown() override { EXPECT_TRUE(Eventually(HaveNoChildren)); }
};

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_CHILD_FIXTURE_H_
