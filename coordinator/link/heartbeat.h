#ifndef IRIS_COORDINATOR_LINK_HEARTBEAT_H_
#define IRIS_COORDINATOR_LINK_HEARTBEAT_H_

#include "absl/time/time.h"

namespace iris {

// When to probe a link, and what its silence means. A probe goes once none was answered for
// `urgent` (or `relaxed`), whatever else comes: what a deaf host still sends must not hide that it
// is deaf. Its answer may wait behind much else on a slow link, so any byte keeps the link from
// being suspected or lost. Somebody who waits for an answer learns of a host that is gone within
// urgent + lost_after, also where some bytes still came for a while.
//
//   quiet ── urgent or relaxed ──▶ probed ── suspect_after ──▶ silent ── lost_after ──▶ lost
//     ▲                              │  ▲        any byte         │
//     │  answered                    │  └─────────────────────────┤
//     └──────────────────────────────┴────────────────────────────┘
//
// Times are of a clock that never jumps. Not thread-safe.
class Heartbeat {
 public:
  struct Times {
    absl::Duration urgent = absl::Seconds(5);    // Somebody waits for an answer.
    absl::Duration relaxed = absl::Seconds(60);  // Nobody does.
    // After the probe, both. Bytes that came since put them off: suspicion until so long after the
    // last one, loss by the difference.
    absl::Duration suspect_after = absl::Seconds(5);
    absl::Duration lost_after = absl::Seconds(15);
  };
  enum class Act {
    kNothing,
    kProbe,    // Send one.
    kSuspect,  // Once a silence.
    kLost,     // The end of this heartbeat.
  };
  // A Tick() that comes this much later than due() says that this process was suspended: what the
  // host sent meanwhile is still to be read, so the host is probed again instead of being declared
  // silent or lost.
  static constexpr absl::Duration kHeldUp = absl::Seconds(2);

  Heartbeat(const Times& times, absl::Duration now)
      : times_(times), answered_at_(now), traffic_at_(now) {}

  void SetUrgent(bool urgent) { urgent_ = urgent; }
  // Both are cheap: due() may grow, and a Tick() that comes too early does nothing.
  void OnAnswer(absl::Duration now);   // Of a probe.
  void OnTraffic(absl::Duration now);  // Other bytes.
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
  absl::Duration answered_at_;
  absl::Duration traffic_at_;
  absl::Duration probed_at_;  // Unless kQuiet.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_HEARTBEAT_H_
