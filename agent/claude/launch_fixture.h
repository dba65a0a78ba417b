#ifndef IRIS_AGENT_CLAUDE_LAUNCH_FIXTURE_H_
#define IRIS_AGENT_CLAUDE_LAUNCH_FIXTURE_H_

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/claude/launch.h"
#include "agent/inventory/session_context.h"
#include "agent/process/child.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

inline constexpr char kSession[] = "0b0e7a52-9a8f-4e0c-8a3c-5a8f3c1d2e4f";

// For tests: a launch on a host whose home and programs are scratch directories.
class LaunchTest : public ::testing::Test {
 protected:
  LaunchTest() {
    std::filesystem::create_directories(project);
    context.hostname = "gpu1";
    context.home = home;
    context.program_dirs = {scratch.File("system")};
    context.child_env = {"PATH=" + scratch.File("path")};
    spec.set_cwd(project);
    spec.set_team("gpu");
  }
  // An empty file below the scratch directory, with its directories.
  std::string Touch(const std::string& name, mode_t mode = 0600) {
    const std::string path = scratch.File(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path).flush();
    chmod(path.c_str(), mode);
    return path;
  }
  std::string Program(const std::string& name, const std::string& text = "#!/bin/sh\n") {
    const std::string path = Touch(name, 0700);
    std::ofstream(path) << text;
    return path;
  }
  absl::StatusOr<LaunchPlan> Plan() {
    return PlanLaunch(WithLastingAuthSock(spec, context), kSession, context);
  }
  ChildSpec Child() { return Plan().value().child; }
  std::string Refusal(FailureKind kind) {
    const absl::Status status = Plan().status();
    EXPECT_EQ(KindOf(status), kind) << status;
    return std::string(status.message());
  }
  // The value in the child's environment; "(unset)".
  std::string Variable(const std::string& name) {
    for (const std::string& variable : Child().env) {
      if (variable.rfind(name + "=", 0) == 0) return variable.substr(name.size() + 1);
    }
    return "(unset)";
  }

  const ScratchDir scratch;
  const std::string home = scratch.File("home");
  const std::string project = scratch.File("home/my project");
  SessionContext context;
  v1::LaunchSpec spec;
};

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_LAUNCH_FIXTURE_H_
