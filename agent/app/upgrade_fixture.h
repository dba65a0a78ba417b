#ifndef IRIS_AGENT_APP_UPGRADE_FIXTURE_H_
#define IRIS_AGENT_APP_UPGRADE_FIXTURE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/app/one_session_fixture.h"
#include "agent/app/program_fixture.h"
#include "common/version/version.h"
#include "gtest/gtest.h"

namespace iris {

// The agent starts as the older build.
class AgentUpgradeTest : public OneSessionTest {
 protected:
  AgentUpgradeTest() { program_ = OlderProgram(); }

  v1::ListResponse List() {
    v1::ListResponse list;
    EXPECT_TRUE(stub_->List(&*NewContext(), {}, &list).ok());
    return list;
  }
  pid_t ClaudesPid() { return static_cast<pid_t>(List().sessions(0).child().pid()); }
  grpc::Status Offer(const std::string& program) {
    v1::UpgradeRequest request;
    request.set_program(program);
    v1::UpgradeResponse response;
    return stub_->Upgrade(&*NewContext(), request, &response);
  }
  // A newer build that runs `serve` when it takes over; its `version` is as good as any.
  std::string Script(const std::string& serve, int number = 1000) {
    const std::string path = scratch_.File(absl::StrCat("build-", number));
    std::ofstream(path) << "#!/bin/sh\n[ $1 = version ] && { echo iris-agent 9.0.0 build " << number
                        << " handover 1-1; exit; }\n"
                        << serve << "\n";
    chmod(path.c_str(), 0700);
    return path;
  }
  void ExpectUpgraded() {
    EXPECT_EQ(bridge_->hello.build_number(), kBuildNumber);
    EXPECT_EQ(bridge_->hello.upgrade_refused(), "");
  }
  static size_t OpenDescriptorsOf(pid_t pid) {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"))) {
      count += entry.path().empty() ? 0 : 1;
    }
    return count;
  }
};

}  // namespace iris

#endif  // IRIS_AGENT_APP_UPGRADE_FIXTURE_H_
