#include "coordinator/reach/shell/shell_attempt.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/shell/shell_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// No program: the test is the host, at the other end of a socket pair.
class FakeClient final : public ShellClient {
 public:
  FakeClient() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ours_.Reset(ends[0]);
    host_.Reset(ends[1]);
  }

  int stdio() const override { return ours_.get(); }
  bool at_shell() const override { return at_shell_; }
  absl::Time Deadline() override { return deadline_; }
  void OnAnswered() override { answered_ = true; }
  absl::Status WhyNotAtShell() override { return MakeFailure(v1::FAILURE_AUTH, "no login"); }
  End Explain(ClientStage stage, std::string noise) override {
    stages_.push_back(stage);
    return {.why = MakeFailure(v1::FAILURE_UNREACHABLE, absl::StrCat("ended after ", noise))};
  }

  // The host prints `text` and ends.
  void EndsAfter(const std::string& text) {
    EXPECT_EQ(send(host_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    host_.Reset();
  }

  bool at_shell_ = true;
  bool answered_ = false;
  absl::Time deadline_ = absl::Now() + absl::Minutes(1);
  std::vector<ClientStage> stages_;  // In which it was to explain its end.

 private:
  ScopedFd ours_;
  ScopedFd host_;
};

class ShellAttemptTest : public ::testing::Test {
 protected:
  absl::Status Meet() { return attempt_.Meet(client_).status(); }

  const std::unique_ptr<AgentBundle> bundle_ = AgentBundle::Find({});
  std::vector<std::string> told_;
  const ShellAttemptOptions options_ = {
      .destination = "gpu",
      .agent_dir = "",
      .connect_timeout = absl::Seconds(7),
      .on_progress = [this](const ConnectProgress& progress) { told_.push_back(progress.text); }};
  ShellAttempt attempt_{*bundle_, options_};
  FakeClient client_;
};

TEST_F(ShellAttemptTest, WithoutABuildThereIsNothingToSay) {
  EXPECT_EQ(KindOf(attempt_.CommandLine(/*ignore_installed=*/false).status()),
            v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST_F(ShellAttemptTest, WhatEndsBeforeItAnswersIsExplainedByItsClientWithWhatTheHostPrinted) {
  client_.EndsAfter("Welcome!\n");
  const absl::Status why = Meet();
  EXPECT_EQ(KindOf(why), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(std::string(why.message()), HasSubstr("ended after Welcome!"));
  EXPECT_THAT(client_.stages_, ElementsAre(ClientStage::kConnecting));
  EXPECT_FALSE(client_.answered_);
  EXPECT_THAT(told_, ElementsAre("starting the agent on gpu")) << "our command may have run";
}

TEST_F(ShellAttemptTest, BeforeTheShellNothingCanHaveBeenStarted) {
  client_.at_shell_ = false;
  client_.EndsAfter("");
  EXPECT_EQ(KindOf(Meet()), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(ShellAttemptTest, WhoeverIsNotLetInInTimeHearsWhyFromItsClient) {
  client_.at_shell_ = false;
  client_.deadline_ = absl::InfinitePast();
  EXPECT_EQ(KindOf(Meet()), v1::FAILURE_AUTH);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(ShellAttemptTest, AShellThatRunsNothingInTimeIsNamedWithTheTimeItHad) {
  client_.deadline_ = absl::InfinitePast();
  const absl::Status why = Meet();
  EXPECT_EQ(KindOf(why), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(std::string(why.message()), HasSubstr("did not run our command within 7s"));
  EXPECT_THAT(told_, ElementsAre("starting the agent on gpu"));
}

}  // namespace
}  // namespace iris
