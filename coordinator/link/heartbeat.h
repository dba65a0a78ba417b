#ifndef IRIS_COORDINATOR_LINK_HEARTBEAT_H_
#define IRIS_COORDINATOR_LINK_HEARTBEAT_H_

#include "absl/time/time.h"

namespace iris {

// When to probe a link, and what its silence means. A probe goes once nothing came for `urgent` (or
// `relaxed`); any byte that comes proves life. So somebody who waits for an answer learns of a host
// that is gone within urgent + lost_after.
//
//   quiet ── urgent or relaxed ──▶ probed ── suspect_after ──▶ silent ── lost_after ──▶ lost
//     ▲                              │ any byte                   │
//     └──────────────────────────────┴────────────────────────────┘
//
// Times are of a clock that never jumps. Not thread-safe.
class Heartbeat {
 public:
  struct Times {
    absl::Duration urgent = absl::Seconds(5);    // Somebody waits for an answer.
    absl::Duration relaxed = absl::Seconds(60);  // Nobody does.
    // After the probe, both.
    absl::Duration suspect_after = absl::Seconds(5);
    absl::Duration lost_after = absl::Seconds(15);
  };
  enum class Act {
    kNothing,
    kProbe,    // Send one.
    kSuspect,  // Once a silence.
    kLost,     // The end of this heartbeat.
  };
  // This process did not run for so long beyond due(): what came meanwhile is still to be read.
  static constexpr absl::Duration kHeldUp = absl::Seconds(2);

  Heartbeat(const Times& times, absl::Duration now) : times_(times), last_life_(now) {}

  void SetUrgent(bool urgent) { urgent_ = urgent; }
  // Cheap: due() may grow, and a Tick() that comes too early does nothing.
  void OnLife(absl::Duration now);
  // Probes at the next Tick(), whatever came before.
  void ProbeSoon(absl::Duration now);

  // When Tick() has something to do.
  absl::Duration due() const;
  Act Tick(absl::Duration now);

 private:
  enum class Stage { kQuiet, kProbed, kSilent };

  Act Probe(absl::Duration now);

  Times times_;
  bool urgent_ = true;
  Stage stage_ = Stage::kQuiet;
  absl::Duration last_life_;
  absl::Duration probed_at_;  // Unless kQuiet.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HEARTBEAT_H_
