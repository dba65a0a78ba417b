#include "coordinator/orchestrator/earlier_tells.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/progress.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

// The configuration may be mended, or somebody comes for whom it loads.
v1::TellProgress NoWayYet(const absl::Status& why) {
  return ToProto({.text = absl::StrCat("the message waits for somebody for whom the configuration "
                                       "loads, who asks for it as `iris tells` does: ",
                                       Failure(ToProto(why)).detail())});
}

}  // namespace

absl::Status EarlierTells::TakeUpAll() {
  const absl::StatusOr<std::vector<StoredSession>> sessions = store_.Sessions();
  if (!sessions.ok()) return sessions.status();
  for (const StoredSession& session : *sessions) lines_.NoteTeam(session.session_id, session.to);
  const absl::StatusOr<std::vector<std::string>> ids = store_.OpenTells();
  if (!ids.ok()) return ids.status();
  for (const std::string& id : *ids) {
    absl::StatusOr<absl::optional<StoredTell>> tell = store_.FindTell(id);
    if (!tell.ok()) return tell.status();
    if (absl::Status status = TakeUp(**std::move(tell)); !status.ok()) return status;
  }
  if (!ids->empty()) LogInfo(ids->size(), " tells are taken up from an earlier coordinator");
  return absl::OkStatus();
}

absl::Status EarlierTells::TakeUp(StoredTell stored) {
  const absl::StatusOr<SessionLine*> line = Open(stored);
  if (!line.ok() || *line == nullptr) return line.status();
  (*line)->TakeUp(std::move(stored));
  return absl::OkStatus();
}

absl::Status EarlierTells::TakeUpBehind(const StoredTell& stored) {
  const absl::StatusOr<SessionLine*> line = Open(stored);
  if (!line.ok() || *line == nullptr) return line.status();
  (*line)->PushBack(stored.tell_id);
  (*line)->PostStartNext();
  return absl::OkStatus();
}

absl::StatusOr<SessionLine*> EarlierTells::Open(const StoredTell& stored) {
  absl::StatusOr<std::string> answer = store_.FindText(stored.tell_id);
  if (!answer.ok()) return answer.status();
  const absl::StatusOr<SessionLine*> found = ways_.FindAgain(stored.from, stored.to, nullptr);
  if (!found.ok() && SaysNothingOfTheTeam(found.status())) return found.status();
  const AcceptedTell& tell = tells_.Add(std::make_unique<AcceptedTell>(stored, *std::move(answer)));
  if (found.ok() && teams_.LeadsItsWay(tell.asker(), stored.to, nullptr)) return *found;
  if (found.ok()) {  // As overdue as it may be: Askers::EndOverdue() looks.
    wayless_.Add(stored.tell_id);
    tells_.SetProgress(stored.tell_id, NotItsSendersVariables());
    return nullptr;
  }
  const bool is_overdue = tell.IsOverdue(store_.Now(), limits_.host_wait_max);
  if (!teams_.Current(nullptr).ok() && !is_overdue) {
    wayless_.Add(stored.tell_id);
    tells_.SetProgress(stored.tell_id, NoWayYet(found.status()));
  } else {  // The configuration has changed.
    settling_.End(stored.tell_id, NoWay(found.status(), tell.given()));
  }
  return nullptr;
}

}  // namespace iris
