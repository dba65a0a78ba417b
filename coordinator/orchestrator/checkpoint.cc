// What was read of sessions is stored every kCheckpointEvery, and only then acknowledged: whoever
// reads them next, in this life or another, goes on from there.

#include <string>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

// One write to the disk for all sessions; a loss of power costs at most so much of reading.
constexpr absl::Duration kCheckpointEvery = absl::Milliseconds(50);
// The disk took nothing: the hosts keep what is not acknowledged meanwhile.
constexpr absl::Duration kCheckpointAgain = absl::Seconds(1);

}  // namespace

void Orchestrator::OnSessionApplied(const std::string& session_id, const ReadMark& mark) {
  applied_[session_id] = mark;
  ArmCheckpoint(kCheckpointEvery);
}

void Orchestrator::ArmCheckpoint(absl::Duration after) {
  if (checkpoint_timer_ != 0) return;
  checkpoint_timer_ = loop_.After(after, [this] {
    checkpoint_timer_ = 0;
    SaveCheckpoint();
  });
}

void Orchestrator::SaveCheckpoint() {
  if (applied_.empty()) return;
  std::vector<Checkpoint> checkpoints;
  for (const auto& [session_id, mark] : applied_) {
    Checkpoint& checkpoint = checkpoints.emplace_back();
    checkpoint.session_id = session_id;
    checkpoint.mark = mark;
    const auto open = open_.find(queues_[session_id].in_flight);
    if (open == open_.end()) continue;
    checkpoint.tell_id = open->first;
    checkpoint.void_before = open->second.stored_text_is_void;
    checkpoint.text = absl::string_view(open->second.answer).substr(open->second.stored_bytes);
  }
  if (const absl::Status saved = store_.SaveCheckpoints(checkpoints); !saved.ok()) {
    LogError("what was read of ", checkpoints.size(), " sessions to store: ", saved.message());
    return ArmCheckpoint(kCheckpointAgain);
  }
  applied_.clear();
  for (const Checkpoint& checkpoint : checkpoints) {
    Queue& queue = queues_[checkpoint.session_id];
    if (queue.session != nullptr) queue.session->Acknowledge(checkpoint.mark);
    const auto open = open_.find(checkpoint.tell_id);
    if (open == open_.end()) continue;
    open->second.stored_text_is_void = false;
    open->second.stored_bytes += checkpoint.text.size();
  }
}

}  // namespace iris
