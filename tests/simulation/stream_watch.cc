#include "tests/simulation/stream_watch.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/frame/wire_bytes.h"

namespace iris::simulation {

void StreamWatch::OnRequest(const void* id, const v1::AttachRequest& request) {
  Stream& stream = streams_[id];
  switch (request.kind_case()) {
    case v1::AttachRequest::kStart:
      stream = {.session_id = request.start().session_id(),
                .journal_id = request.start().after().journal_id(),
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
  last_.Add(stream.session_id, request);
}

void StreamWatch::OnAck(const Stream& stream, const v1::Position& position) {
  const ReadMark stored = stored_(stream.session_id);
  if (stored.journal_id != position.journal_id() || stored.seq < position.seq()) {
    world_.Violation(
        absl::StrCat("event ", position.seq(), " is acknowledged, stored is ", stored.seq));
  }
  std::map<uint64_t, std::string>& answered = answered_[position.journal_id()];
  while (!answered.empty() && answered.begin()->first <= position.seq()) {
    begun_.insert(answered.begin()->second);
    answered.erase(answered.begin());
  }
  uint64_t& highest = marks_[position.journal_id()];
  // A journal that a loss of power has rolled back is read again from an earlier event.
  if (position.seq() < highest) world_.Note("an earlier event is acknowledged");
  highest = std::max(highest, position.seq());
}

void StreamWatch::OnReset(Stream& stream, const v1::Position& position) {
  const uint64_t read = stream.journal_id == position.journal_id() ? stream.seq : 0;
  for (const std::string& tell_id : last_.SentOn(stream.session_id)) {
    if (read < position.seq()) lacks_[tell_id] = {position.journal_id(), position.seq()};
  }
  stream.seq = position.seq();
  stream.journal_id = position.journal_id();
  // These events of that journal are others from now on.
  std::map<uint64_t, std::string>& answered = answered_[stream.journal_id];
  answered.erase(answered.upper_bound(stream.seq), answered.end());
}

const StreamWatch::Lack* StreamWatch::LackOf(const std::string& tell_id) const {
  const auto found = lacks_.find(tell_id);
  return found == lacks_.end() ? nullptr : &found->second;
}

bool StreamWatch::Acknowledged(const Lack& lack) const {
  const auto highest = marks_.find(lack.journal_id);
  return highest != marks_.end() && highest->second >= lack.up_to;
}

void StreamWatch::OnResponse(const void* id, const v1::AttachResponse& response) {
  Stream& stream = streams_[id];
  last_.Add(stream.session_id, response);
  if (response.has_reset()) {
    OnReset(stream, response.reset().position());
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
    std::string& in_flight = in_flight_[stream.journal_id];
    if (event.has_written()) in_flight = event.written().tell_id();
    if (event.has_gap()) in_flight = event.gap().tell_id();
    if (event.has_written() || event.has_gap()) lacks_.erase(in_flight);
    // Where that is cut in two it is not seen, and something later is.
    if (!in_flight.empty() && absl::StrContains(event.output().bytes(), R"("assistant")")) {
      answered_[stream.journal_id].emplace(event.seq(), in_flight);
    }
    if (event.has_settled()) {
      world_.Note(absl::StrCat("event ", event.seq(), " settled ", event.settled().tell_id(), " ",
                               event.settled().failure().kind()));
    }
  }
}

}  // namespace iris::simulation
