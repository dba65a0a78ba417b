#include "coordinator/pool/pooled_session.h"

#include <utility>

#include "common/failure/failure.h"

namespace iris {
namespace {

// Lost contact is not death: only the host's word says that a child is gone.
bool SaysChildIsGone(const absl::Status& why) {
  switch (KindOf(why)) {
    case v1::FAILURE_UNREACHABLE:
    case v1::FAILURE_DROPPED:
    case v1::FAILURE_TIMEOUT:
    case v1::FAILURE_AUTH:
    case v1::FAILURE_HOST_KEY:
    case v1::FAILURE_VERSION:
    case v1::FAILURE_WRONG_HOST:
    case v1::FAILURE_PERMISSION_DENIED:
    case v1::FAILURE_INTERNAL:
      return false;
    default:
      return true;
  }
}

}  // namespace

PooledSession::PooledSession(TransportFactory& factory, const Team& team, const SessionKey& key,
                             SessionListener& listener)
    : key_(key),
      team_(team),
      listener_(listener),
      transport_(factory.Make(team_, key_, static_cast<TransportSink&>(*this))) {}

void PooledSession::Tell(const std::string& tell_id, std::string text) {
  ++tells_open_;
  transport_->Tell(tell_id, std::move(text));
}

void PooledSession::Describe(v1::SessionStatus& status) const {
  if (child_ == Child::kReady) {
    status.set_state(busy() ? "busy" : "ready");
  } else if (busy()) {
    status.set_state("starting");
  } else if (child_ == Child::kGone) {
    status.set_state("stopped");
  } else if (child_ == Child::kUnverifiable) {
    status.set_state("unverifiable");
  }
  if (child_ == Child::kReady || child_ == Child::kUnverifiable) {
    status.set_child_pid(child_pid_);
    status.set_child_start_time(child_start_time_);
  }
}

void PooledSession::OnProgress(const TransportProgress& progress) {
  listener_.OnSessionProgress(key_.session_id, progress);
}

void PooledSession::OnReady(int64_t child_pid, uint64_t child_start_time) {
  child_ = Child::kReady;
  child_pid_ = child_pid;
  child_start_time_ = child_start_time;
}

void PooledSession::OnDown(const absl::Status& why) {
  if (child_ != Child::kReady) return;
  child_ = SaysChildIsGone(why) ? Child::kGone : Child::kUnverifiable;
}

void PooledSession::OnText(const std::string& tell_id, absl::string_view text) {
  listener_.OnTellText(tell_id, text);
}

void PooledSession::OnSettled(const std::string& tell_id, const absl::Status& outcome) {
  --tells_open_;
  listener_.OnTellSettled(tell_id, outcome);
}

}  // namespace iris
