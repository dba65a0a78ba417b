#include "tests/simulation/last_events.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"

namespace iris::simulation {
namespace {

constexpr size_t kOutputShown = 80;
constexpr size_t kLinesMax = 2 * LastEvents::kEventsMax;  // Where little is an event.

constexpr const char* kPhases[] = {"?", "accepted", "written", "settled"};

std::string Open(const google::protobuf::RepeatedPtrField<v1::TellState>& tells) {
  std::string open;
  for (const v1::TellState& tell : tells) {
    absl::StrAppend(&open, "; open ", tell.tell_id(), " ", kPhases[tell.phase()]);
  }
  return open;
}

std::string At(const v1::Position& position) {
  return absl::StrCat(position.seq(), " of journal ", position.journal_id());
}

std::string Outcome(const v1::Failure& failure) {
  if (failure.kind() == v1::FAILURE_UNSPECIFIED) return "ok";
  return absl::StrCat(KindName(KindOf(failure)), ": ", failure.detail());
}

std::string How(const v1::Exited& exited) {
  return exited.how_case() == v1::Exited::kSignal ? absl::StrCat("signal ", exited.signal())
                                                  : absl::StrCat("code ", exited.code());
}

std::string What(const v1::Event& event) {
  switch (event.kind_case()) {
    case v1::Event::kAccepted:
      return absl::StrCat("accepted ", event.accepted().tell_id());
    case v1::Event::kWritten:
      return absl::StrCat("written ", event.written().tell_id());
    case v1::Event::kOutput:
      return absl::StrCat("output ", event.output().bytes().substr(0, kOutputShown),
                          event.output().more() ? " (more)" : "");
    case v1::Event::kStderrText:
      return "stderr";
    case v1::Event::kRequest:
      return absl::StrCat(event.request().request_id(), " waits in ", event.request().tell_id());
    case v1::Event::kAnswered:
      return absl::StrCat(event.answered().request_id(),
                          event.answered().json().empty() ? " is withdrawn" : " is answered");
    case v1::Event::kExited:
      return absl::StrCat("exited, ", How(event.exited()), ", reason ", event.exited().reason());
    case v1::Event::kSettled:
      return absl::StrCat("settled ", event.settled().tell_id(), " ",
                          Outcome(event.settled().failure()));
    case v1::Event::kGap:
      return absl::StrCat("gap ", event.gap().tell_id(), " ", event.gap().from_seq(), "–",
                          event.gap().to_seq(), " ", event.gap().reason());
    case v1::Event::kStarted:
      return absl::StrCat("started, pid ", event.started().child().pid());
    case v1::Event::kIncarnation:
      return absl::StrCat("incarnation ", event.incarnation().incarnation());
    case v1::Event::KIND_NOT_SET:
      break;
  }
  return "no event";
}

}  // namespace

void LastEvents::Add(const std::string& session_id, const v1::AttachRequest& request) {
  if (request.has_start()) {
    const v1::AttachStart& start = request.start();
    return Add(session_id,
               absl::StrCat("attach with epoch ", start.epoch(), " after ", At(start.after())),
               /*is_event=*/false);
  }
  if (!request.has_tell()) return;
  const v1::TellFrame& tell = request.tell();
  sent_on_[tell.tell_id()] = session_id;
  if (!tell.last()) return;
  Add(session_id,
      absl::StrCat("tell ", tell.tell_id(), tell.repeat() ? ", repeat" : "",
                   tell.begun() ? ", begun" : ""),
      /*is_event=*/false);
}

void LastEvents::Add(const std::string& session_id, const v1::AttachResponse& response) {
  if (response.has_attached()) {
    const v1::Attached& attached = response.attached();
    Add(session_id,
        absl::StrCat("attached, newest ", At(attached.position()), Open(attached.tells())),
        /*is_event=*/false);
  }
  if (response.has_reset()) {
    const v1::Reset& reset = response.reset();
    Add(session_id,
        absl::StrCat("reset, reason ", reset.reason(), ", to ", At(reset.position()), ", newest ",
                     reset.newest_seq(), Open(reset.tells())),
        /*is_event=*/false);
  }
  for (const v1::Event& event : response.events().events()) {
    Add(session_id, absl::StrCat(event.seq(), " ", What(event)), /*is_event=*/true);
  }
}

void LastEvents::Add(const std::string& session_id, std::string what, bool is_event) {
  Session& session = sessions_[session_id];
  session.lines.push_back({.when = world_.now(), .what = std::move(what), .is_event = is_event});
  if (is_event) ++session.events;
  while (session.events > kEventsMax || session.lines.size() > kLinesMax) {
    if (session.lines.front().is_event) --session.events;
    session.lines.pop_front();
  }
}

std::string LastEvents::SessionOf(const std::string& tell_id) const {
  const auto found = sent_on_.find(tell_id);
  return found == sent_on_.end() ? "" : found->second;
}

std::vector<std::string> LastEvents::SentOn(const std::string& session_id) const {
  std::vector<std::string> tell_ids;
  for (const auto& [tell_id, sent_on] : sent_on_) {
    if (sent_on == session_id) tell_ids.push_back(tell_id);
  }
  return tell_ids;
}

std::string LastEvents::Of(const std::string& session_id) const {
  const auto found = sessions_.find(session_id);
  std::string lines;
  if (found == sessions_.end()) return lines;
  for (const Line& line : found->second.lines) {
    absl::StrAppend(&lines, "    ", absl::FormatDuration(line.when), "  ", line.what, "\n");
  }
  return lines;
}

}  // namespace iris::simulation
