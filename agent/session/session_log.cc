#include "agent/session/session_log.h"

#include <algorithm>
#include <utility>

namespace iris {
namespace {

constexpr size_t kPieceBytesMax = 32 << 10;  // Its reader hears of it whole: 1 s at 256 kbit/s.

}  // namespace

SessionLog::SessionLog(Journal& journal, std::function<void()> on_change)
    : journal_(journal), on_change_(std::move(on_change)) {
  journal_.OnRoom([this] { OnRoom(); });
}

SessionLog::~SessionLog() { journal_.OnRoom(nullptr); }

uint64_t SessionLog::Append(v1::Event event) {
  journal_.Append(std::move(event));
  const uint64_t seq = journal_.newest_seq();
  on_change_();
  for (SessionReader* reader : readers_) reader->OnNewEvents();
  if (!fenced_.empty() && journal_.half_full()) Trim();
  return seq;
}

void SessionLog::AppendOutput(absl::string_view bytes, bool more) {
  do {
    const absl::string_view part = bytes.substr(0, kPieceBytesMax);
    bytes.remove_prefix(part.size());
    v1::Event event;
    event.mutable_output()->set_bytes(part.data(), part.size());
    event.mutable_output()->set_more(more || !bytes.empty());
    Append(std::move(event));
  } while (!bytes.empty());
}

void SessionLog::RemoveReader(SessionReader* reader) {
  readers_.erase(reader);
  if (fenced_.empty()) return;
  fenced_.Remove(*reader);
  Trim();
}

void SessionLog::OnRoom() {
  if (!fenced_.empty() && journal_.half_full()) return Trim();
  on_change_();
}

void SessionLog::OnReaderSent() {
  if (!fenced_.empty()) Trim();
}

void SessionLog::Acknowledge(uint64_t seq) {
  acknowledged_ = std::max(acknowledged_, std::min(seq, journal_.newest_seq()));
  Trim();
}

void SessionLog::Fence(uint64_t epoch, const std::vector<v1::TellState>& open) {
  for (const SessionReader* reader : readers_) {
    if (reader->epoch() == epoch) fenced_.Add(*reader, open);
  }
}

void SessionLog::ForgetFencedReaders() {
  fenced_.Clear();
  Trim();
}

void SessionLog::Describe(v1::SessionInfo& info) const {
  info.set_journal_bytes(journal_.bytes());
  info.set_readers(static_cast<uint32_t>(readers_.size()));
}

void SessionLog::Trim() {
  // The child must not wait for who has no say here any more.
  if (journal_.half_full()) fenced_.Clear();
  journal_.Trim(std::min(acknowledged_, fenced_.NeedNothingUpTo()));
  on_change_();
}

}  // namespace iris
