#ifndef IRIS_AGENT_APP_UPGRADE_H_
#define IRIS_AGENT_APP_UPGRADE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/app/build_info.h"
#include "common/loop/event_loop.h"

namespace iris {

// Takes the offers of newer builds, one at a time:
//
//   Offer ──▶ check (on a thread) ──▶ wait for a moment ──▶ become it (and this object is gone)
//                  └──────── refuse ───────┴────────────────────┘
//
// Lives on the process loop.
class Upgrade {
 public:
  // OK: nothing to do, the offered build is not newer. Not called where it is taken.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;
  struct Hooks {
    // "" = now, or what has to end first.
    std::function<std::string()> why_not_now;
    // Becomes `program`. Returns only if that fails, with everything as before.
    std::function<absl::Status(const std::string& program)> become;
  };
  static constexpr absl::Duration kCheckWithin = absl::Seconds(5);
  static constexpr absl::Duration kMomentWithin = absl::Seconds(60);

  // `build_number` is that of the program that runs.
  Upgrade(EventLoop& loop, uint32_t build_number, Hooks hooks)
      : loop_(loop), build_number_(build_number), hooks_(std::move(hooks)) {}
  // Waits for a check under way, kCheckWithin at most.
  ~Upgrade();

  // The failures of CheckBuild(), and FAILURE_VERSION: it cannot read what this build hands over;
  // FAILURE_TIMEOUT: no moment within kMomentWithin; FAILURE_BUSY_LIMIT: another offer is being
  // taken, or no thread can be had; FAILURE_INTERNAL: exec failed.
  void Offer(const std::string& program, Done done);
  // The agent is leaving: offers are answered so (FAILURE_DROPPED), the one under way too.
  void Stop();
  // Why the last offer was refused, for people; empty: it was not.
  const std::string& refused() const { return refused_; }

 private:
  void OnChecked(const absl::StatusOr<BuildInfo>& build);
  void Try();
  void End(const absl::Status& outcome);

  EventLoop& loop_;
  const uint32_t build_number_;
  const Hooks hooks_;
  std::string program_;  // Of the offer under way.
  std::vector<Done> done_;
  std::thread check_;
  absl::Time give_up_;
  EventLoop::TimerId timer_ = 0;
  bool stopped_ = false;
  std::string refused_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace iris

#endif  // IRIS_AGENT_APP_UPGRADE_H_
