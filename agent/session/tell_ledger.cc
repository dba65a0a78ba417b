#include "agent/session/tell_ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/claude/line_scanner.h"
#include "agent/claude/stream_json.h"
#include "agent/journal/files.h"
#include "common/base/ids.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

// The id's 16 bytes | the phase (1)
constexpr size_t kEntryBytes = 17;
constexpr size_t kEntriesMax = 4 * TellLedger::kSettledKept;
constexpr size_t kFileBytesMax = 16 << 20;

std::string Encode(absl::string_view tell_id, v1::TellState::Phase phase) {
  std::string entry = absl::HexStringToBytes(absl::StrReplaceAll(tell_id, {{"-", ""}}));
  entry.push_back(static_cast<char>(phase));
  return entry;
}

std::string IdIn(absl::string_view entry) {
  std::string id = absl::BytesToHexString(entry.substr(0, kEntryBytes - 1));
  for (const int at : {8, 13, 18, 23}) id.insert(at, 1, '-');
  return id;
}

}  // namespace

class TellLedger::OutputLine : public LineScannerSink {
 public:
  explicit OutputLine(Said& said) : said_(said) {}
  void Feed(absl::string_view bytes) { scanner_.Feed(bytes); }

 private:
  void OnLinePiece(absl::string_view, bool) override {}
  void OnLine(const LineFacts& facts, absl::string_view, bool) override { said_.OnLine(facts); }

  Said& said_;
  LineScanner scanner_{*this};
};

TellLedger::TellLedger(std::string path, KeptFiles& kept)
    : file_(kept, std::move(path), KeptFile::IfMissing::kMake) {}
TellLedger::~TellLedger() = default;

absl::StatusOr<std::unique_ptr<TellLedger>> TellLedger::Open(const std::string& path,
                                                             KeptFiles& kept) {
  std::unique_ptr<TellLedger> ledger(new TellLedger(path, kept));
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path, kFileBytesMax);
  if (absl::IsNotFound(bytes.status())) return ledger;
  if (SaysExhausted(bytes.status().message())) return Exhausted(bytes.status(), "known tells");
  if (!bytes.ok()) {
    return MakeFailure(v1::FAILURE_STORAGE,
                       absl::StrCat("known tells: ", bytes.status().message()));
  }
  absl::string_view rest = *bytes;
  for (; rest.size() >= kEntryBytes; rest.remove_prefix(kEntryBytes)) {
    ++ledger->entries_;
    const int phase = rest[kEntryBytes - 1];
    // A loss of power may leave zeros.
    if (phase >= v1::TellState::ACCEPTED && phase <= v1::TellState::SETTLED) {
      ledger->Note(IdIn(rest), static_cast<Phase>(phase));
    }
  }
  ledger->behind_ = !rest.empty();
  return ledger;
}

TellLedger::Phase TellLedger::PhaseOf(absl::string_view tell_id) const {
  const auto found = phases_.find(tell_id);
  return found == phases_.end() ? v1::TellState::PHASE_UNSPECIFIED : found->second;
}

void TellLedger::CheckLists() const {
  Check(phases_.size() == open_.size() + settled_.size(), "a known tell is in no list, or in two");
  Check(settled_.size() <= kSettledKept, "more settled tells are known than are kept");
}

void TellLedger::Note(const std::string& tell_id, Phase phase) {
  CheckLists();
  Check(phase != v1::TellState::PHASE_UNSPECIFIED, "a tell is noted as unknown");
  Phase& known = phases_[tell_id];
  if (known == v1::TellState::SETTLED) return;
  if (known == v1::TellState::PHASE_UNSPECIFIED) open_.push_back(tell_id);
  known = phase;
  if (phase != v1::TellState::SETTLED) return;
  const auto open = std::find(open_.begin(), open_.end(), tell_id);
  Check(open != open_.end(), "a tell is settled that is not open");
  open_.erase(open);
  settled_.push_back(tell_id);
  if (settled_.size() > kSettledKept) {
    phases_.erase(settled_.front());
    outcomes_.erase(settled_.front());
    settled_.pop_front();
  }
}

void TellLedger::Forget(const std::string& tell_id) {
  CheckLists();
  phases_.erase(tell_id);
  outcomes_.erase(tell_id);
  open_.erase(std::remove(open_.begin(), open_.end(), tell_id), open_.end());
  settled_.erase(std::remove(settled_.begin(), settled_.end(), tell_id), settled_.end());
  behind_ = true;
}

void TellLedger::NoteOutcome(const std::string& tell_id, uint64_t seq) {
  outcomes_[tell_id] = seq;
  outcomes_by_seq_.emplace_back(seq, tell_id);
  if (outcomes_by_seq_.size() > 2 * kSettledKept) outcomes_by_seq_.pop_front();
}

void TellLedger::ForgetOutcomesUpTo(uint64_t seq) {
  for (; !outcomes_by_seq_.empty() && outcomes_by_seq_.front().first <= seq;
       outcomes_by_seq_.pop_front()) {
    const auto known = outcomes_.find(outcomes_by_seq_.front().second);
    if (known != outcomes_.end() && known->second <= seq) outcomes_.erase(known);
  }
}

void TellLedger::Set(const std::string& tell_id, Phase phase, uint64_t seq) {
  Note(tell_id, phase);
  Check(PhaseOf(tell_id) == phase || PhaseOf(tell_id) == v1::TellState::SETTLED,
        "a tell is not where it was set");
  if (phase == v1::TellState::SETTLED) NoteOutcome(tell_id, seq);
  absl::Status status;
  if (behind_ || entries_ >= kEntriesMax) {
    status = Rewrite();
  } else {
    ++entries_;
    status = Append(Encode(tell_id, phase));
  }
  if (!status.ok() && !behind_) LogError("known tells: ", status.message());
  behind_ = !status.ok();
}

void TellLedger::Learn(const v1::Event& event) {
  std::string tell_id;
  Phase phase = v1::TellState::PHASE_UNSPECIFIED;
  if (event.has_output()) LearnOutput(event.output());
  if (event.has_written() || event.has_started()) {
    written_ = event.written().tell_id();
    heard_ = false;
    said_ = {};
    line_.reset();
  }
  if (event.has_accepted()) {
    tell_id = event.accepted().tell_id();
    phase = v1::TellState::ACCEPTED;
  } else if (event.has_written()) {
    tell_id = event.written().tell_id();
    phase = v1::TellState::WRITTEN;
  } else if (event.has_settled()) {
    tell_id = event.settled().tell_id();
    phase = v1::TellState::SETTLED;
  }
  if (!IsUuid(tell_id)) return;
  if (phase == v1::TellState::SETTLED) NoteOutcome(tell_id, event.seq());
  if (PhaseOf(tell_id) >= phase) return;
  Note(tell_id, phase);
  behind_ = true;
}

void TellLedger::LearnOutput(const v1::Output& output) {
  if (!IsAside(output.bytes())) heard_ = true;
  if (line_ == nullptr) line_ = std::make_unique<OutputLine>(said_);
  line_->Feed(output.bytes());
  if (output.more()) return;
  line_->Feed("\n");
  line_.reset();
}

std::vector<v1::TellState> TellLedger::Open() const {
  std::vector<v1::TellState> open;
  for (const std::string& tell_id : open_) {
    open.emplace_back().set_tell_id(tell_id);
    open.back().set_phase(PhaseOf(tell_id));
  }
  return open;
}

absl::Status TellLedger::Append(const std::string& entry) {
  file_.CloseIfElsewhere();
  // At this offset: what a failed write has left is written over.
  return file_.WriteAt((entries_ - 1) * kEntryBytes, entry);
}

absl::Status TellLedger::WriteAnew() {
  absl::Status status = Rewrite();
  behind_ = !status.ok();
  return status;
}

absl::Status TellLedger::Rewrite() {
  std::string entries;
  for (const std::string& id : settled_) entries += Encode(id, v1::TellState::SETTLED);
  for (const std::string& id : open_) entries += Encode(id, PhaseOf(id));
  absl::Status status = ReplaceFile(file_.path(), entries);
  if (status.ok()) entries_ = entries.size() / kEntryBytes;
  return status;
}

}  // namespace iris
