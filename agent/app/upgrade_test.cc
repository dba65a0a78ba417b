#include "agent/app/upgrade.h"

#include <sys/stat.h>

#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// Build 10 on a loop of its own; exec is a function that fails.
class UpgradeTest : public ::testing::Test {
 protected:
  UpgradeTest() {
    OnLoop([this] {
      upgrade_ = std::make_unique<Upgrade>(
          thread_.loop(), 10,
          Upgrade::Hooks{.why_not_now = [this] { return asked_++ < busy_ ? "busy" : ""; },
                         .become =
                             [this](const std::string& program) {
                               became_.push_back(program);
                               return absl::InternalError("exec failed");
                             }});
    });
  }
  ~UpgradeTest() override {
    OnLoop([this] { upgrade_.reset(); });
  }
  void OnLoop(absl::FunctionRef<void()> step) { thread_.Run(step); }
  std::string Build(const std::string& name, int number, const std::string& handover = "1-1") {
    const std::string path = scratch_.File(name);
    std::ofstream(path) << "#!/bin/sh\necho iris-agent 1.0.0 build " << number << " handover "
                        << handover << "\n";
    chmod(path.c_str(), 0700);
    return path;
  }
  std::future<absl::Status> Offer(const std::string& program) {
    auto outcome = std::make_shared<std::promise<absl::Status>>();
    OnLoop([&] {
      upgrade_->Offer(program,
                      [outcome](const absl::Status& status) { outcome->set_value(status); });
    });
    return outcome->get_future();
  }
  std::string Refused() {
    std::string refused;
    OnLoop([&] { refused = upgrade_->refused(); });
    return refused;
  }

  ScratchDir scratch_;
  int busy_ = 0;  // So often there is no moment.
  int asked_ = 0;
  std::vector<std::string> became_;
  LoopThread thread_;
  std::unique_ptr<Upgrade> upgrade_;
};

TEST_F(UpgradeTest, ANewerBuildIsTakenAtTheFirstMoment) {
  busy_ = 5;
  const std::string newer = Build("newer", 11);
  EXPECT_EQ(KindOf(Offer(newer).get()), v1::FAILURE_INTERNAL);  // As exec fails here.
  EXPECT_EQ(became_, std::vector<std::string>{newer});
  EXPECT_EQ(asked_, 6);
  EXPECT_THAT(Refused(), HasSubstr("exec failed"));
}

TEST_F(UpgradeTest, OnlyUpwards) {
  EXPECT_TRUE(Offer(Build("same", 10)).get().ok());
  EXPECT_TRUE(Offer(Build("older", 9)).get().ok());
  EXPECT_TRUE(became_.empty());
  EXPECT_EQ(Refused(), "");
}

TEST_F(UpgradeTest, ABuildThatDoesNotReadOurStateIsRefused) {
  const absl::Status refused = Offer(Build("newer", 11, "2-3")).get();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_VERSION);
  EXPECT_TRUE(became_.empty());
  EXPECT_THAT(Refused(), HasSubstr("build 11"));
}

TEST_F(UpgradeTest, AnAgentThatLeavesAnswers) {
  busy_ = 1 << 30;
  const std::string newer = Build("newer", 11);
  std::future<absl::Status> under_way = Offer(newer);
  OnLoop([this] { upgrade_->Stop(); });
  EXPECT_EQ(KindOf(under_way.get()), v1::FAILURE_DROPPED);
  EXPECT_EQ(KindOf(Offer(newer).get()), v1::FAILURE_DROPPED);
}

TEST_F(UpgradeTest, WhoOffersTheSameWaitsWithTheOtherAndAnotherBuildIsTurnedAway) {
  busy_ = 1 << 30;
  const std::string newer = Build("newer", 11);
  std::future<absl::Status> first = Offer(newer), second = Offer(newer);
  EXPECT_EQ(KindOf(Offer(Build("newest", 12)).get()), v1::FAILURE_BUSY_LIMIT);
  OnLoop([this] { busy_ = 0; });
  EXPECT_FALSE(first.get().ok());
  EXPECT_FALSE(second.get().ok());
  EXPECT_EQ(became_.size(), 1u);
}

}  // namespace
}  // namespace iris
