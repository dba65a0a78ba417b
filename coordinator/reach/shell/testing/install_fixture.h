#ifndef IRIS_COORDINATOR_REACH_SHELL_TESTING_INSTALL_FIXTURE_H_
#define IRIS_COORDINATOR_REACH_SHELL_TESTING_INSTALL_FIXTURE_H_

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/shell/dialogue.h"
#include "coordinator/reach/shell/hello.h"
#include "coordinator/reach/shell/install.h"
#include "coordinator/reach/shell/install_script.h"
#include "coordinator/reach/shell/remote_command_line.h"
#include "coordinator/reach/shell/testing/shell_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {

// The script against a real shell of this machine, in mounts of its own, with an agent that is put
// into a home that each test has to itself.
class InstallTest : public testing::Test {
 protected:
  static constexpr char kMarker[] = "00112233445566778899aabbccddeeff";

  static absl::Time InAMinute() { return absl::Now() + absl::Minutes(1); }

  InstallTest()
      : bundle_(AgentBundle::Find(
            {absl::StrCat(getenv("TEST_SRCDIR"), "/iris/coordinator/reach/shell/testing")})) {
    std::filesystem::create_directory(home_);
  }
  ~InstallTest() override {
    host_.reset();
    for (const std::string& path : mounted_) UnmountEmpty(path);
  }

  void Mount(const std::string& path, const std::string& options, bool noexec = false,
             bool read_only = false) {
    std::filesystem::create_directories(path);
    MountEmpty(path, options, noexec, read_only);
    mounted_.push_back(path);
  }

  const AgentBuild& Build() const { return **bundle_->ForThisMachine(); }
  std::string AgentIn(const std::string& directory) const {
    return absl::StrCat(directory, "/bin/iris-agent-", Build().sha256);
  }

  // The host has no agent; what it says it is ("Linux x86_64").
  std::string MeetShell(const std::vector<std::string>& env) {
    dialogue_.reset();
    const RemoteCommandLine line = {
        .marker = kMarker, .builds = {Build()}, .agent_dir = agent_dir_, .ignore_installed = true};
    host_ = std::make_unique<ShellHost>(shell_, *MakeRemoteCommandLine(line), home_, env);
    dialogue_ = std::make_unique<Dialogue>(host_->fd(), kMarker, nullptr);
    const std::string reply = dialogue_->FirstReply(InAMinute()).value_or("nothing");
    EXPECT_THAT(reply, testing::StartsWith("none "));
    return reply.substr(5);
  }
  absl::Status Install(const std::vector<std::string>& env = {}) {
    const std::string system = MeetShell(env);
    const absl::StatusOr<bool> uploaded = InstallAgent(*dialogue_, *bundle_, Request(system));
    uploaded_ = uploaded.value_or(false);
    return uploaded.status();
  }
  // As far as the host waits for the program, packed as `gzip`.
  void StartUpload(const std::string& gzip) {
    MeetShell({});
    const std::string script = MakeInstallScript({.marker = kMarker,
                                                  .agent_dir = agent_dir_,
                                                  .sha256 = Build().sha256,
                                                  .bytes = Build().bytes,
                                                  .gzip_bytes = gzip.size()});
    ASSERT_TRUE(dialogue_->Send(script, InAMinute()).ok());
    ASSERT_EQ(dialogue_->NextReply(InAMinute()).value_or(""), "ready gzip " + agent_dir_);
  }
  InstallRequest Request(const std::string& system) {
    return {.marker = kMarker,
            .system = system,
            .agent_dir = agent_dir_,
            .answer_timeout = absl::Minutes(1),
            .silence_max = absl::Seconds(60),
            .on_progress = [this](uint64_t done, uint64_t total) {
              sent_ = done;
              total_ = total;
            }};
  }
  // After those that say how far it is.
  std::string LastReply() {
    std::string reply = "got";
    while (absl::StartsWith(reply, "got")) reply = dialogue_->NextReply(InAMinute()).value_or("");
    return reply;
  }
  absl::StatusOr<v1::Hello> Hello() { return ReadAgentHello(host_->fd(), InAMinute(), nullptr); }

  // A PATH with only these commands.
  std::string PathWith(const std::vector<std::string>& commands) {
    const std::string bin = scratch_.File("bin");
    std::filesystem::create_directory(bin);
    for (const std::string& command : commands) {
      std::filesystem::create_symlink(absl::StrCat("/usr/bin/", command),
                                      absl::StrCat(bin, "/", command));
    }
    return "PATH=" + bin;
  }

  const ScratchDir scratch_;
  const std::string home_ = scratch_.File("home");
  const std::unique_ptr<AgentBundle> bundle_;
  LoginShell shell_ = {"/bin/dash", "-c"};
  std::string agent_dir_;
  bool uploaded_ = false;
  uint64_t sent_ = 0;
  uint64_t total_ = 0;
  std::unique_ptr<ShellHost> host_;
  std::unique_ptr<Dialogue> dialogue_;
  std::vector<std::string> mounted_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_TESTING_INSTALL_FIXTURE_H_
