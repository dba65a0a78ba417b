#include "coordinator/link/probe.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/testing/fake_channel.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest() {
    probe_ = Probe::Start(
        loop_, channel_,
        {.on_answer = [this](uint64_t nonce) { heard_.push_back(absl::StrCat("answer ", nonce)); },
         .on_end =
             [this](const absl::Status& why) {
               heard_.push_back(absl::StrCat("end ", KindName(KindOf(why)), ": ", why.message()));
             }});
  }
  ~ProbeTest() override {
    probe_.reset();
    if (channel_.probe->sink != nullptr) channel_.probe->End(absl::OkStatus());
    Run();
  }

  void Run() {
    while (loop_.RunReady()) {
    }
  }
  void LastLeaves() {
    channel_.probe->Leave();
    Run();
  }
  void Answer(uint64_t nonce) {
    v1::ProbeResponse answer;
    answer.set_nonce(nonce);
    channel_.probe->Say(answer);
    Run();
  }
  size_t asked() const { return channel_.probe->sent.size(); }
  std::vector<std::string> Heard() { return std::exchange(heard_, {}); }

  EventLoop loop_{[] { return absl::Hours(1); }};
  FakeChannel channel_;
  std::vector<std::string> heard_;
  std::unique_ptr<Probe> probe_;
};

TEST_F(ProbeTest, TheFirstQuestionIsAskedAtTheBeginning) {
  ASSERT_EQ(asked(), 1u);
  EXPECT_EQ(channel_.probe->sent[0].nonce(), 1u);
  LastLeaves();
  Answer(1);
  EXPECT_THAT(Heard(), ElementsAre("answer 1"));
}

TEST_F(ProbeTest, OneQuestionLeavesAtATimeAndThoseMeanwhileAreOne) {
  EXPECT_EQ(probe_->Ping(), 2u);
  EXPECT_EQ(probe_->Ping(), 2u);
  EXPECT_EQ(asked(), 1u);
  LastLeaves();
  ASSERT_EQ(asked(), 2u);
  EXPECT_EQ(channel_.probe->sent[1].nonce(), 2u);
  LastLeaves();
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(probe_->Ping(), 3u);
  EXPECT_EQ(asked(), 3u);
}

TEST_F(ProbeTest, ItsEndIsTheEndOfTheLink) {
  channel_.probe->End(MakeFailure(v1::FAILURE_DROPPED, "the wire is gone"));
  Run();
  EXPECT_THAT(Heard(), ElementsAre("end dropped: the link: the wire is gone"));
  EXPECT_EQ(probe_->Ping(), 0u);
}

TEST_F(ProbeTest, AnAgentMayEndItToo) {
  channel_.probe->End(absl::OkStatus());
  Run();
  EXPECT_THAT(Heard(), ElementsAre("end dropped: the agent ended the link"));
}

TEST_F(ProbeTest, NothingIsHeardOnceItIsDestroyed) {
  channel_.probe->Leave();
  probe_.reset();
  EXPECT_TRUE(channel_.probe->cancelled);
  Answer(1);
  channel_.probe->End(absl::OkStatus());
  Run();
  EXPECT_THAT(Heard(), IsEmpty());
}

}  // namespace
}  // namespace iris
