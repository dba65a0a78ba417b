#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ASKER_FIXTURE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ASKER_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "coordinator/orchestrator/orchestrator_fixture.h"
#include "coordinator/transport/testing/fake_transport.h"
#include "gtest/gtest.h"

namespace iris {

// gpu's path and its WHO are those of the asker's WHO.
class AskerTest : public OrchestratorTest {
 protected:
  AskerTest() {
    on_load_ = [this](const EnvLookup& env, Config& config) {
      const std::string who = env("WHO").value_or("nobody");
      config.teams[1].env.push_back({.name = "WHO", .written = written_env_, .value = who});
      if (!path_is_of_asker_) return;
      config.teams[1].path = "/" + who;
      config.teams[1].written_path = "/${WHO:-nobody}";
    };
    store_options_.now = [this] { return absl::Now() + later_; };
    Start(HoldScript);
  }
  ~AskerTest() override {
    OnLoop([this] {
      orchestrator_.reset();
      store_.reset();
    });
  }
  // `gives`: messages get to the host.
  void Restart(bool gives = true) {
    OnLoop([this] { orchestrator_->Leave(); });
    hold_starts_ = !gives;
    Start(HoldScript);
    Drain();
  }
  static TellSpec From(const std::string& who) {
    TellSpec spec = ToGpu("hello from " + who);
    spec.environment = std::make_shared<const Environment>(Environment{{"WHO", who}});
    return spec;
  }
  std::string Who() {
    std::string who;
    OnLoop([&] {
      const Team& team = Transport().team();
      who = team.asker.environment == nullptr ? "nobody" : team.asker.environment->at("WHO");
      EXPECT_EQ(team.env.at(0).value, who);
    });
    return who;
  }
  // Once it is under way.
  void Settle(const std::string& tell_id) {
    AwaitUnderWay(tell_id);
    OnLoop([&] { Transport().Settle(tell_id, absl::OkStatus()); });
  }
  void AwaitUnderWay(const std::string& tell_id) {
    bool met = false;
    for (const absl::Time deadline = absl::Now() + absl::Seconds(20);
         !met && absl::Now() < deadline;) {
      OnLoop([&] {
        met = factory_->made("cli", "gpu") && !Transport().open_tells().empty() &&
              Transport().open_tells().front() == tell_id;
      });
    }
    ASSERT_TRUE(met);
  }

  bool path_is_of_asker_ = false;
  // Where it names no variable a later life goes on with a message by itself.
  std::string written_env_ = "of whoever asks";
  absl::Duration later_;  // Than by the clock. On the loop alone.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ASKER_FIXTURE_H_
