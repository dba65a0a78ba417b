#include "coordinator/orchestrator/host_cancels.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/post_note.h"

namespace iris {
namespace {

absl::Status Cancelled(bool was_put_off, bool given) {
  if (given) {
    return MakeFailure(v1::FAILURE_CANCELLED,
                       "the message was cancelled while there was no way to its team, which may "
                       "have it, and is told once there is one",
                       FixFor(v1::FAILURE_AMBIGUOUS));
  }
  return MakeFailure(
      v1::FAILURE_CANCELLED,
      was_put_off ? "the message was cancelled while it waited for the limit of claude's account; "
                    "nothing was done for it"
                  : "the message was cancelled while it waited; the team never got it");
}

}  // namespace

void HostCancels::Note(const AcceptedTell& tell) {
  PostNote(store_, absl::StrCat("that tell ", tell.id(), " is cancelled"),
           [tell_id = tell.id(), id_on_host = tell.id_on_host()](Store& store) {
             return store.NoteCancel(tell_id, id_on_host);
           });
}

void HostCancels::OnHeard(const std::string& id_on_host) {
  PostNote(store_, "that a host heard of a cancel",
           [id_on_host](Store& store) { return store.ForgetCancel(id_on_host); });
}

void HostCancels::EndQueued(const AcceptedTell& tell, PooledSession* session) {
  if (tell.given()) {
    Owe(tell);
    if (session != nullptr) PassOn(*session);
  }
  settling_.End(tell.id(), Cancelled(tell.limit_waits() > 0, tell.given()));
}

void HostCancels::Owe(const AcceptedTell& tell) {
  Note(tell);
  const absl::StatusOr<ReadMark> mark = store_.FindMark(tell.session_id());
  owed_.push_back({.tell_id = tell.id(),
                   .id_on_host = tell.id_on_host(),
                   .host = mark.ok() ? mark->host.key : "",
                   .session_id = tell.session_id()});
}

void HostCancels::PassOn(PooledSession& session) {
  for (const Store::PendingCancel& cancel : owed_) {
    if (cancel.session_id != session.session_id()) continue;
    session.PassOnCancel(cancel.id_on_host, cancel.host);
  }
  std::erase_if(owed_, [&session](const Store::PendingCancel& cancel) {
    return cancel.session_id == session.session_id();
  });
}

}  // namespace iris
