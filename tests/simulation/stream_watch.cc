#include "tests/simulation/stream_watch.h"

#include "absl/strings/str_cat.h"
#include "common/frame/wire_bytes.h"

namespace iris::simulation {

void StreamWatch::OnRequest(const void* id, const v1::AttachRequest& request) {
  Stream& stream = streams_[id];
  switch (request.kind_case()) {
    case v1::AttachRequest::kStart:
      stream = {.session_id = request.start().session_id(),
                .allowed = request.start().credit_bytes(),
                .seq = request.start().after().seq()};
      world_.Detail("attach after ", stream.seq);
      break;
    case v1::AttachRequest::kCredit:
      stream.allowed += request.credit().bytes();
      break;
    case v1::AttachRequest::kTell:
      world_.Detail("tell ", request.tell().tell_id(), request.tell().repeat() ? " again" : "");
      break;
    case v1::AttachRequest::kAck:
      OnAck(stream, request.ack().position());
      break;
    default:
      break;
  }
}

void StreamWatch::OnAck(const Stream& stream, const v1::Position& position) {
  const ReadMark stored = stored_(stream.session_id);
  if (stored.journal_id != position.journal_id() || stored.seq < position.seq()) {
    world_.Violation(
        absl::StrCat("event ", position.seq(), " is acknowledged, stored is ", stored.seq));
  }
  uint64_t& highest = marks_[position.journal_id()];
  // A journal that a loss of power has rolled back is read again from an earlier event.
  if (position.seq() < highest) world_.Note("an earlier event is acknowledged");
  highest = std::max(highest, position.seq());
}

void StreamWatch::OnResponse(const void* id, const v1::AttachResponse& response) {
  Stream& stream = streams_[id];
  if (response.has_reset()) {
    stream.seq = response.reset().position().seq();
    world_.Note(absl::StrCat("reset, reason ", response.reset().reason()));
  }
  if (response.has_attached()) {
    world_.Detail("attached at ", response.attached().position().seq());
    for (const v1::TellState& tell : response.attached().tells()) {
      world_.Detail("open there: ", tell.tell_id(), " ", tell.phase());
    }
  }
  if (response.events().events().empty()) return;
  if (stream.came >= stream.allowed) {
    world_.Violation(
        absl::StrCat("events beyond the credit: ", stream.came, " of ", stream.allowed));
  }
  for (const v1::Event& event : response.events().events()) {
    stream.came += WireBytes(event);
    if (event.seq() != ++stream.seq) {
      world_.Violation(absl::StrCat("event ", event.seq(), " in the place of ", stream.seq));
      stream.seq = event.seq();
    }
    world_.Detail("event ", event.seq(), " kind ", event.kind_case());
    if (event.has_settled()) {
      world_.Note(absl::StrCat("event ", event.seq(), " settled ", event.settled().tell_id(), " ",
                               event.settled().failure().kind()));
    }
  }
}

}  // namespace iris::simulation
