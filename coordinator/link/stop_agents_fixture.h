#ifndef IRIS_COORDINATOR_LINK_STOP_AGENTS_FIXTURE_H_
#define IRIS_COORDINATOR_LINK_STOP_AGENTS_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_client_life.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link.h"
#include "coordinator/link/stop_agents.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

inline constexpr absl::Duration kStopPatience = absl::Seconds(60);

// What one stop answers.
struct Answer {
  std::vector<std::string> stopped;
  std::vector<std::string> problems;
  absl::Notification told;

  StopAgentsDone Done() {
    return [this](std::vector<std::string> names, std::vector<std::string> why) {
      stopped = std::move(names);
      problems = std::move(why);
      told.Notify();  // Twice: aborts.
    };
  }
  bool Wait() { return told.WaitForNotificationWithTimeout(kStopPatience); }
};

class StopAgentsTest : public ::testing::Test {
 protected:
  StopAgentsTest() { KeepGrpcClientThreads(); }
  ~StopAgentsTest() override {
    OnLoop([this] {
      stops_.clear();
      links_.clear();
    });
    EXPECT_TRUE(calls_.WaitForNone(absl::Now() + kStopPatience));
  }

  void OnLoop(absl::FunctionRef<void()> task) { loop_.Run(task); }
  FakeHost& Host(const std::string& name) { return hosts_[name]; }
  HostLink& Link(const std::string& name) {
    std::unique_ptr<HostLink>& link = links_[name];
    if (link == nullptr) {
      link = std::make_unique<HostLink>(loop_.loop(), calls_, name, Host(name).MakeConnector());
    }
    return *link;
  }
  void BringUp(const std::string& name) {
    LinkRecorder recorder;
    OnLoop([&] {
      Link(name).AddObserver(&recorder);
      Link(name).Want(&recorder);
    });
    EXPECT_THAT(recorder.WaitFor(1), ::testing::ElementsAre("up"));
    OnLoop([&] { Link(name).RemoveObserver(&recorder); });
  }
  StopAgentsCall& Stop(Answer& answer, absl::Duration deadline = StopAgentsCall::kDeadline) {
    return *stops_.emplace_back(
        std::make_unique<StopAgentsCall>(loop_.loop(), request_, answer.Done(), deadline));
  }
  // As the table does it.
  void StopAll(Answer& answer, const std::vector<std::string>& names,
               absl::Duration deadline = StopAgentsCall::kDeadline) {
    OnLoop([&] {
      StopAgentsCall& stop = Stop(answer, deadline);
      for (const std::string& name : names) {
        const std::shared_ptr<LinkLife> life = Link(name).life();
        if (life != nullptr) {
          stop.Ask(Link(name), name, life);
        } else {
          stop.AwaitAndAsk(Link(name), name);
        }
      }
      stop.Begin();
      EXPECT_FALSE(answer.told.HasBeenNotified()) << "from inside";
    });
  }

  v1::ShutdownRequest request_;
  std::map<std::string, FakeHost> hosts_;
  LoopThread loop_;
  OutstandingCalls calls_;
  std::map<std::string, std::unique_ptr<HostLink>> links_;
  std::vector<std::unique_ptr<StopAgentsCall>> stops_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_STOP_AGENTS_FIXTURE_H_
