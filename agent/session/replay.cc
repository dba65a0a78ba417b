#include "agent/session/replay.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/session/turn_failure.h"
#include "common/failure/failure.h"

namespace iris {

void Replay::Look(const std::string& tell_id, const Said& said, Looked done) const {
  auto turn = std::make_shared<Turn>();
  work_.Run(
      "claude's transcript", kWithin,
      [turn, find = finder_(), tell_id, said] { *turn = FindTurn(find(), tell_id, said); },
      lifetime_.While([turn, done = std::move(done)](const absl::Status& ran) mutable {
        done(ran.ok() ? *turn : Turn(ran));
      }));
}

void Replay::ReplaceOutput(absl::string_view tell_id, const std::vector<std::string>& lines,
                           absl::string_view reason) {
  v1::Event event;
  event.mutable_gap()->set_tell_id(std::string(tell_id));
  event.mutable_gap()->set_reason(std::string(reason));
  log_.Append(std::move(event));
  for (const std::string& line : lines) log_.AppendOutput(line, /*more=*/false);
}

std::optional<absl::Status> Replay::OutcomeBy(const Turn& turn, const std::string& tell_id,
                                              bool was_heard, const absl::Status& unless_ended) {
  const std::string lost = absl::StrCat(who_(), " lost its agent in this turn");
  if (!turn.ok()) {
    return MakeFailure(
        v1::FAILURE_AMBIGUOUS,
        absl::StrCat(lost, ", and its transcript does not help: ", turn.status().message()));
  }
  switch (turn->state) {
    case TranscriptTurn::State::kAbsent:
      // What was heard of it stays in the journal, and says that claude had begun it.
      if (!was_heard) return std::nullopt;
      if (!unless_ended.ok()) return unless_ended;
      return NothingSays(absl::StrCat(lost, ", and there is no transcript of it"), "");
    case TranscriptTurn::State::kNotBegun:
      return std::nullopt;
    case TranscriptTurn::State::kEndedWell:
      ReplaceOutput(tell_id, turn->lines, "the agent was lost; this is the transcript's text");
      return absl::OkStatus();
    case TranscriptTurn::State::kBroken:
      ReplaceOutput(tell_id, turn->lines, "the agent was lost; this is what the transcript has");
      break;
    case TranscriptTurn::State::kBehind:  // Its readers have more.
      break;
  }
  if (!unless_ended.ok()) return unless_ended;
  if (turn->permission_lost) return PermissionLost(who_(), /*closed=*/false);
  return NothingSays(lost, turn->detail);
}

bool Replay::ReplayIfAnswered(const Turn& turn, const std::string& tell_id) {
  if (!turn.ok() || turn->state != TranscriptTurn::State::kEndedWell) return false;
  ReplaceOutput(tell_id, turn->lines,
                "claude ended after its answer; this is the transcript's text");
  return true;
}

// Of a text that lacks its beginning nothing may be left.
absl::Status Replay::ReplayWhole(const Turn& turn, const std::string& tell_id,
                                 const absl::Status& outcome) {
  ReplaceOutput(tell_id, turn.ok() ? turn->lines : std::vector<std::string>(),
                "the message came anew while it ran; this is what the transcript has");
  if (!outcome.ok()) return outcome;
  if (turn.ok() && turn->state == TranscriptTurn::State::kEndedWell) return outcome;
  return NothingSays(
      absl::StrCat(who_(), " has answered, and its transcript does not have the whole answer"),
      turn.ok() ? turn->detail : turn.status().message());
}

}  // namespace iris
