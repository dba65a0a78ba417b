#include "coordinator/mcp/batches.h"

#include <utility>

#include "absl/status/status.h"

namespace iris {
namespace {

// Of its member `index`, as far as that is known.
bool WasAccepted(const McpClientMessage& batch, size_t index) {
  return batch.accepted_before && (batch.accepted_members.empty() ||
                                   batch.accepted_members.contains(McpMemberId(batch.id, index)));
}

// The array settles what its parts would have.
void MakePart(McpOutgoing& message) {
  message.settles.clear();
  message.continues = true;
}

}  // namespace

bool McpBatches::IsOpen(const McpClientMessage& message) const {
  if (batches_.contains(message.id)) return true;
  for (size_t i = 0; i < message.incoming.members.size(); ++i) {
    if (batch_of_.contains(McpMemberId(message.id, i))) return true;
  }
  return false;
}

std::vector<McpClientMessage> McpBatches::Open(McpClientMessage message) {
  std::vector<McpClientMessage> members;
  for (McpIncoming& incoming : message.incoming.members) {
    members.push_back({.id = McpMemberId(message.id, members.size()),
                       .age = message.age,
                       .accepted_before = WasAccepted(message, members.size()),
                       .incoming = std::move(incoming)});
    batch_of_[members.back().id] = message.id;
  }
  batches_[message.id].open = members.size();
  return members;
}

void McpBatches::Send(McpOutgoing message) {
  const auto member = batch_of_.find(message.accepted.empty() ? message.settles : message.accepted);
  if (member == batch_of_.end()) return sink_.Send(std::move(message));
  const std::string id = member->second;
  if (!message.accepted.empty()) {
    message.accepted_member = std::exchange(message.accepted, id);
    return sink_.Send(std::move(message));
  }
  batch_of_.erase(member);
  const auto found = batches_.find(id);
  if (found == batches_.end()) return sink_.Send(std::move(message));
  Batch& batch = found->second;
  if (!message.done()) {
    const bool is_long = message.text_bytes() > McpOutgoing::kHeldTextBytesMax;
    if (!message.outcome_of.empty() && is_long) message.LetGo();  // Until then the store has it.
    batch.answers.push_back(std::move(message));
  }
  if (--batch.open == 0) Finish(id);
}

void McpBatches::Finish(const std::string& id) {
  Batch batch = std::move(batches_.extract(id).mapped());
  McpOutgoing end(batch.answers.empty() ? "" : "]");
  end.settles = id;
  std::string separator = "[";
  for (McpOutgoing& answer : batch.answers) {
    SendPart(McpOutgoing(std::exchange(separator, ",")));
    if (answer.instead) {
      answer.instead = [make = std::move(answer.instead)](const absl::Status& why) {
        McpOutgoing part = make(why);
        MakePart(part);
        return part;
      };
    }
    SendPart(std::move(answer));
  }
  sink_.Send(std::move(end));
}

void McpBatches::SendPart(McpOutgoing part) {
  MakePart(part);
  sink_.Send(std::move(part));
}

}  // namespace iris
