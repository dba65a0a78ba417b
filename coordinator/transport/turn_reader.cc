#include "coordinator/transport/turn_reader.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_failure.h"
#include "coordinator/link/host_text.h"

namespace iris {
namespace {

using Kind = SessionNews::Kind;

constexpr size_t kLastWordsBytesMax = 1 << 10;

absl::Status WhyExited(const v1::Exited& exited) {
  std::string how = exited.how_case() == v1::Exited::kSignal
                        ? absl::StrCat("was ended by signal ", exited.signal())
                        : absl::StrCat("exited with code ", exited.code());
  if (exited.reason() == v1::Exited::IDLE) how = "was ended because it was idle";
  if (exited.reason() == v1::Exited::CLOSED) how = "was ended on request";
  if (exited.reason() == v1::Exited::TAKEN_OVER) {
    return MakeFailure(v1::FAILURE_WRONG_HOST,
                       "claude was ended because another host has taken the session over");
  }
  const std::string said = PrintableHostText(CutUtf8ToEnd(exited.stderr_tail(), kLastWordsBytesMax),
                                             kHostDetailBytesMax);
  if (!said.empty()) absl::StrAppend(&how, "; the host says: ", said);
  return MakeFailure(v1::FAILURE_CHILD_EXITED, absl::StrCat("claude ", how));
}

}  // namespace

absl::Status NotReadWhole() {
  return MakeFailure(v1::FAILURE_AMBIGUOUS,
                     "the team answered, and only a part of the answer was read here: the "
                     "coordinator's store was put back from a copy, another coordinator had the "
                     "session meanwhile, or the host has lost the rest",
                     "Ask the team to say it again.");
}

TurnReader::TurnReader(const ReadPoint& from)
    : line_began_after_(from.mark.seq), in_flight_(from.mark.in_flight) {
  position_.set_journal_id(from.mark.journal_id);
  position_.set_incarnation(from.mark.incarnation);
  const absl::optional<std::string> half =
      from.line != nullptr ? from.line->First(from.line_bytes) : absl::nullopt;
  // The other reader may have come to the end of the line, unheard: then it is read again.
  position_.set_seq(half.has_value() ? from.seq : from.mark.seq);
  turn_.Restore(from.mark.turn, half.value_or(""));
}

void TurnReader::Apply(const v1::Attached& attached, std::vector<SessionNews>& news) {
  const bool known = !position_.journal_id().empty();
  if (!known) position_ = attached.position();
  told_as_of_ = attached.position().seq();
  news.push_back(
      {.kind = Kind::kAttached,
       .child = attached.child(),
       .known = known && !attached.never_opened(),
       .requests = {attached.pending_requests().begin(), attached.pending_requests().end()}});
}

void TurnReader::Apply(const v1::Reset& reset, std::vector<SessionNews>& news) {
  position_ = reset.position();
  // Some events are missing here, or come again: in the middle of whose turn nobody can say. The
  // next one begins with a tell that is written, or replayed.
  turn_.DropLine();
  turn_.Begin();
  turn_.MissLines();
  in_flight_.clear();
  told_as_of_ = reset.newest_seq();
  news.push_back({.kind = Kind::kAttached,
                  .child = reset.child(),
                  // What was trimmed was acknowledged: only by a store that is older than that it
                  // was not read.
                  .known = reset.reason() == v1::RESET_TRIMMED,
                  .store_is_old = reset.reason() == v1::RESET_TRIMMED,
                  .requests = {reset.pending_requests().begin(), reset.pending_requests().end()}});
}

void TurnReader::Apply(const v1::Event& event, std::vector<SessionNews>& news) {
  position_.set_seq(event.seq());
  switch (event.kind_case()) {
    case v1::Event::kStarted:
      turn_.BeginChild();
      if (event.seq() <= told_as_of_) break;
      news.push_back({.kind = Kind::kStarted, .child = event.started().child()});
      break;
    case v1::Event::kWritten:
      in_flight_ = event.written().tell_id();
      turn_.Begin();
      news.push_back({.kind = Kind::kWritten, .tell_id = in_flight_});
      break;
    case v1::Event::kOutput: {
      if (turn_.between_lines()) line_began_after_ = event.seq() - 1;
      const bool ends_line = !event.output().more();
      const TurnText::Doing before = ends_line ? turn_.doing() : TurnText::Doing();
      std::string text = turn_.Feed(event.output().bytes(), ends_line);
      if (in_flight_.empty()) break;
      if (!text.empty()) {
        news.push_back({.kind = Kind::kText, .tell_id = in_flight_, .text = std::move(text)});
      }
      if (ends_line && turn_.doing() != before) {
        news.push_back({.kind = Kind::kDoing, .tell_id = in_flight_, .doing = turn_.doing()});
      }
      break;
    }
    case v1::Event::kGap:
      turn_.DropLine();
      turn_.Begin();
      turn_.MissLines();
      in_flight_ = event.gap().tell_id();  // Empty: events are lost, in the middle of a turn.
      if (in_flight_.empty()) break;
      news.push_back({.kind = Kind::kVoid, .tell_id = in_flight_});
      break;
    case v1::Event::kIncarnation:
      // The earlier agent may have been killed in the middle of a line.
      position_.set_incarnation(event.incarnation().incarnation());
      turn_.DropLine();
      break;
    case v1::Event::kSettled:
      Settle(event.settled(), news);
      break;
    case v1::Event::kExited:
      if (event.seq() <= told_as_of_) break;
      news.push_back({.kind = Kind::kExited, .outcome = WhyExited(event.exited())});
      break;
    case v1::Event::kRequest:
      if (event.seq() <= told_as_of_) break;
      news.push_back({.kind = Kind::kAsked, .requests = {event.request()}});
      break;
    case v1::Event::kAnswered:
      if (event.seq() <= told_as_of_) break;
      news.push_back({.kind = Kind::kAnswered, .request_id = event.answered().request_id()});
      break;
    default:
      break;
  }
}

void TurnReader::Settle(const v1::Settled& settled, std::vector<SessionNews>& news) {
  absl::Status outcome = FromHost(settled.failure());
  size_t structured_bytes = 0;
  SharedText account;
  if (settled.tell_id() == in_flight_) {
    account = turn_.account();
    if (outcome.ok()) outcome = turn_.outcome();
    if (outcome.ok()) {
      std::string rest = turn_.Finish(structured_bytes);
      news.push_back({.kind = Kind::kText, .tell_id = in_flight_, .text = std::move(rest)});
    }
    in_flight_.clear();
    turn_.Begin();
  } else if (outcome.ok()) {
    outcome = NotReadWhole();
  }
  news.push_back({.kind = Kind::kSettled,
                  .tell_id = settled.tell_id(),
                  .outcome = outcome,
                  .structured_bytes = structured_bytes,
                  .account = std::move(account)});
}

ReadPoint TurnReader::point() const {
  ReadPoint point{.mark = {.journal_id = position_.journal_id(),
                           .incarnation = position_.incarnation(),
                           .seq = position_.seq(),
                           .in_flight = in_flight_,
                           .turn = turn_.mark()},
                  .seq = position_.seq()};
  if (turn_.between_lines()) return point;
  point.mark.seq = line_began_after_;
  point.line = turn_.half();
  point.line_bytes = turn_.half_bytes();
  return point;
}

}  // namespace iris
