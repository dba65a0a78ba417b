#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SESSION_SINK_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SESSION_SINK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/alive_flag.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/sent_tells.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What a session's transport says, brought to whoever has to know: first to the session, then to
// its line, to the tell that is meant, or to what is stored. Lives on the coordinator's loop.
class SessionSink final : public TransportSink {
 public:
  // All outlive this, but for the session, whose end is the last that is heard.
  SessionSink(PooledSession& session, SessionLine& line, SentTells& sent, Settling& settling,
              HostCancels& cancels)
      : session_(session), line_(line), sent_(sent), settling_(settling), cancels_(cancels) {}
  SessionSink(const SessionSink&) = delete;
  SessionSink& operator=(const SessionSink&) = delete;

  void OnProgress(const TransportProgress& progress) override {
    session_.NoteProgress();
    line_.OnProgress(progress);
  }
  void OnReady(int64_t child_pid, uint64_t child_start_time) override {
    session_.NoteReady(child_pid, child_start_time);
    line_.OnReady(child_pid);
  }
  void OnDown(const absl::Status& why) override {
    session_.NoteDown(why);
    line_.OnDown(why);
  }
  void OnText(const std::string& id_on_host, std::string text) override {
    sent_.OnText(id_on_host, std::move(text));
  }
  void OnTextVoid(const std::string& id_on_host) override { sent_.OnTextVoid(id_on_host); }
  void OnStructured(const std::string& id_on_host, size_t bytes) override {
    sent_.OnStructured(id_on_host, bytes);
  }
  void OnAccount(const std::string& id_on_host, const v1::TurnAccount& account) override {
    v1::TurnAccount of_team = account;
    of_team.set_asks(session_.team().ask_permissions);  // Whether a person is asked.
    sent_.OnAccount(id_on_host, of_team);
  }
  void OnSettled(const std::string& id_on_host, const absl::Status& outcome) override {
    session_.NoteSettled();
    sent_.OnSettled(id_on_host, outcome);
  }
  void OnCancelHeard(const std::string& id_on_host) override {
    session_.NoteCancelHeard(id_on_host);
    cancels_.OnHeard(id_on_host);
  }
  void OnRequests(const std::vector<v1::PendingRequest>& requests) override {
    session_.NoteRequests(requests);
  }
  void OnReadUpTo(const ReadMark& mark) override {
    session_.NoteReadUpTo(mark);
    settling_.Read(line_.session_id(), mark);
  }
  bool HostHasAnswered() const override { return session_.HostHasAnswered(); }
  absl::Status EndWhileAway(const std::string& id_on_host, const HostAway& away) const override {
    return sent_.EndWhileAway(id_on_host, away);
  }
  void OnHostAway(const HostAway& away) override { line_.OnHostAway(away); }
  void OnHostBack() override {
    session_.NoteHostBack();
    line_.OnHostBack();
  }
  bool MayGive(const std::string& id_on_host) override {
    return sent_.MayGive(id_on_host, [this, alive = alive_.Watch()] {
      if (alive && !line_.has_left()) session_.GiveNow();
    });
  }

 private:
  PooledSession& session_;
  SessionLine& line_;
  SentTells& sent_;
  Settling& settling_;
  HostCancels& cancels_;
  AliveFlag alive_;  // For what waits for the store.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SESSION_SINK_H_
