#ifndef IRIS_COORDINATOR_POOL_POOLED_SESSION_H_
#define IRIS_COORDINATOR_POOL_POOLED_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Told what happens to the tells of the sessions in the pool. On the coordinator's loop, never from
// inside a call to the session; not to destroy the session.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  virtual void OnSessionProgress(const std::string& session_id,
                                 const TransportProgress& progress) = 0;
  // As TransportSink::OnText() and OnSettled().
  virtual void OnTellText(const std::string& tell_id, absl::string_view text) = 0;
  virtual void OnTellSettled(const std::string& tell_id, const absl::Status& outcome) = 0;
};

// One session: its transport, made with the team's settings as they were then, and what is known of
// its child. Lives on the coordinator's loop.
//
//   stopped ── Tell ──▶ starting ──▶ busy ⇄ ready
//      ▲                                │
//      └── the host said that it ended ─┴─ contact lost ──▶ unverifiable
class PooledSession : private TransportSink {
 public:
  // `factory` is used here only; `listener` outlives the session.
  PooledSession(TransportFactory& factory, const Team& team, const SessionKey& key,
                SessionListener& listener);
  PooledSession(const PooledSession&) = delete;
  PooledSession& operator=(const PooledSession&) = delete;

  const std::string& session_id() const { return key_.session_id; }
  const Team& team() const { return team_; }
  // A tell was passed and is not settled.
  bool busy() const { return tells_open_ > 0; }

  // As Transport::Tell().
  void Tell(const std::string& tell_id, std::string text);
  // Overwrites what this life of the coordinator knows better than the store: state, child_pid and
  // child_start_time.
  void Describe(v1::SessionStatus& status) const;

 private:
  enum class Child { kNotAsked, kReady, kGone, kUnverifiable };

  void OnProgress(const TransportProgress& progress) override;
  void OnReady(int64_t child_pid, uint64_t child_start_time) override;
  void OnDown(const absl::Status& why) override;
  void OnText(const std::string& tell_id, absl::string_view text) override;
  void OnSettled(const std::string& tell_id, const absl::Status& outcome) override;

  const SessionKey key_;
  const Team team_;  // A copy: the configuration may be replaced while the transport lives.
  SessionListener& listener_;
  int tells_open_ = 0;
  Child child_ = Child::kNotAsked;
  int64_t child_pid_ = 0;
  uint64_t child_start_time_ = 0;
  const std::unique_ptr<Transport> transport_;  // Last: it refers to the others.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_POOLED_SESSION_H_
