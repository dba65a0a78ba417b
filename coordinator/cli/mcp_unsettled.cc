#include "coordinator/cli/mcp_unsettled.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/json/json.h"
#include "coordinator/mcp/message.h"

namespace iris {
namespace {

Json Cut(const McpIncoming& incoming) {
  if (incoming.kind == McpIncoming::Kind::kRequest) {
    return Json{{"jsonrpc", "2.0"}, {"id", incoming.id}, {"method", incoming.method}};
  }
  if (incoming.kind == McpIncoming::Kind::kBad) return Json{{"id", incoming.id}};
  return Json{{"jsonrpc", "2.0"}, {"method", ""}};
}

// What RefusalFor() needs of a client's line.
std::string Cut(const std::string& json) {
  const McpIncoming incoming = ParseMcp(json);
  if (incoming.kind != McpIncoming::Kind::kBatch) return DumpJson(Cut(incoming));
  Json members = Json::array();
  for (const McpIncoming& member : incoming.members) members.push_back(Cut(member));
  return DumpJson(members);
}

// For a message that is not over: the store has it.
absl::Status IsKept(const std::string& id, const absl::Status& why) {
  return MakeFailure(v1::FAILURE_DROPPED,
                     absl::StrCat("the message was accepted as ", id,
                                  " and is kept; its answer cannot be given here: ",
                                  KindName(KindOf(why)), ": ", ToProto(why).detail()),
                     absl::StrCat("Do not send it again: tell_wait with tellId ", id,
                                  " gets its answer once a coordinator runs."));
}

// The answer to one message; empty: there is none to give. `accepted`: of its line.
std::string RefusalFor(const McpIncoming& incoming, const std::string& id,
                       const McpAccepted& accepted, const absl::Status& why) {
  if (incoming.kind == McpIncoming::Kind::kBad) {
    return McpError(incoming.id, incoming.error_code, incoming.error);
  }
  if (incoming.kind != McpIncoming::Kind::kRequest) return "";
  const bool kept = accepted.Has(id) && incoming.method == "tools/call";
  return McpError(incoming.id, kInternalError, Describe(ToProto(kept ? IsKept(id, why) : why)));
}

// The answer to a client's line where no coordinator can give one.
std::string RefusalFor(const McpLine& line, const McpAccepted& accepted, const absl::Status& why) {
  const McpIncoming incoming = ParseMcp(line.json);
  if (incoming.kind != McpIncoming::Kind::kBatch) {
    return RefusalFor(incoming, line.id, accepted, why);
  }
  std::vector<std::string> answers;
  for (size_t i = 0; i < incoming.members.size(); ++i) {
    std::string answer = RefusalFor(incoming.members[i], McpMemberId(line.id, i), accepted, why);
    if (!answer.empty()) answers.push_back(std::move(answer));
  }
  return answers.empty() ? "" : absl::StrCat("[", absl::StrJoin(answers, ","), "]");
}

}  // namespace

std::shared_ptr<const McpLine> UnsettledLines::Add(std::string json) {
  const auto line = std::make_shared<const McpLine>(
      McpLine{.id = NewUuid(), .json = std::move(json), .read_at = absl::Now()});
  absl::MutexLock lock(&mutex_);
  if (whole_ < kWholeMax && line->json.size() <= kWholeBytesMax - whole_bytes_) {
    ++whole_;
    whole_bytes_ += line->json.size();
    lines_.push_back({.line = line});
  } else {
    lines_.push_back(
        {.line = std::make_shared<const McpLine>(McpLine{.id = line->id, .json = Cut(line->json)}),
         .whole = false});
  }
  return line;
}

void UnsettledLines::Accept(const std::string& id, const std::string& member) {
  absl::MutexLock lock(&mutex_);
  for (Kept& kept : lines_) {
    if (kept.line->id != id) continue;
    const bool all = kept.accepted.any && kept.accepted.members.empty();
    kept.accepted.any = true;
    if (member.empty() || all) {
      kept.accepted.members.clear();
    } else if (kept.accepted.members.size() < kMcpBatchMax) {
      kept.accepted.members.insert(member);
    }
  }
}

bool UnsettledLines::Settle(const std::string& id, bool opening) {
  absl::MutexLock lock(&mutex_);
  for (auto kept = lines_.begin(); kept != lines_.end(); ++kept) {
    if (kept->line->id != id) continue;
    if (opening) opening_ = kept->line;
    if (kept->whole) {
      --whole_;
      whole_bytes_ -= kept->line->json.size();
    }
    ++settled_;
    lines_.erase(kept);
    return true;
  }
  return opening_ == nullptr || opening_->id != id;
}

bool UnsettledLines::empty() const {
  absl::MutexLock lock(&mutex_);
  return lines_.empty();
}

size_t UnsettledLines::settled() const {
  absl::MutexLock lock(&mutex_);
  return settled_;
}

std::vector<UnsettledLines::ToSendLine> UnsettledLines::ToSend() const {
  absl::MutexLock lock(&mutex_);
  std::vector<ToSendLine> lines;
  if (opening_ != nullptr) lines.push_back({.line = opening_});
  for (const Kept& kept : lines_) {
    if (kept.whole) lines.push_back({.line = kept.line, .accepted = kept.accepted});
  }
  return lines;
}

std::vector<std::string> UnsettledLines::Refuse(const absl::Status& why, bool only_cut) {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> answers;
  for (auto kept = lines_.begin(); kept != lines_.end();) {
    if (kept->whole && only_cut) {
      ++kept;
      continue;
    }
    if (kept->whole) {
      --whole_;
      whole_bytes_ -= kept->line->json.size();
    }
    std::string answer = RefusalFor(*kept->line, kept->accepted, why);
    if (!answer.empty()) answers.push_back(std::move(answer));
    kept = lines_.erase(kept);
  }
  return answers;
}

}  // namespace iris
