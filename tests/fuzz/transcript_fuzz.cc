// A transcript that stops anywhere, as it does where claude is killed: what is said of a tell's
// turn only ever moves on as more of it is there, and its lines are lines of the file.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/claude/transcript.h"
#include "common/base/scoped_fd.h"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

using State = TranscriptTurn::State;

constexpr char kTell[] = "11111111-2222-4333-8444-555555555555";
constexpr char kEarlier[] =
    R"({"type":"user","uuid":"e","message":{"role":"user","content":"earlier"}})"
    "\n"
    R"({"type":"assistant","message":{"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"}})"
    "\n";

TranscriptTurn TurnIn(absl::string_view text) {
  const ScopedFd fd(memfd_create("transcript", MFD_CLOEXEC));
  Require(pwrite(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
          "pwrite()");
  absl::StatusOr<TranscriptTurn> turn = FindTurn(absl::StrCat("/proc/self/fd/", fd.get()), kTell);
  Require(turn.ok(), "a file can be read");
  return *std::move(turn);
}

bool Begun(const TranscriptTurn& turn) {
  return turn.state == State::kEndedWell || turn.state == State::kBroken;
}

// JSON may spell a word with escapes.
bool Has(absl::string_view text, absl::string_view word) {
  return absl::StrContains(text, word) || absl::StrContains(text, "\\");
}

void RequireOfTheFile(const TranscriptTurn& turn, absl::string_view text) {
  std::vector<absl::string_view> file = absl::StrSplit(text, '\n');
  auto at = file.begin();
  for (const std::string& line : turn.lines) {
    at = std::find(at, file.end(), absl::string_view(line));
    Require(at != file.end(), "the lines are lines of the file, in its order");
    ++at;
    Require(Has(line, "assistant"), "they are the assistant's");
  }
  Require(turn.state == State::kAbsent || Has(text, kTell), "it names the tell");
  Require(Begun(turn) || turn.lines.empty(), "what has not begun has no lines");
  Require(turn.state != State::kEndedWell || !turn.lines.empty(), "an answer has lines");
  Require((turn.state == State::kBroken) == !turn.detail.empty(), "why it is broken is said");
}

void Check(absl::string_view text, size_t cut) {
  const TranscriptTurn whole = TurnIn(text);
  RequireOfTheFile(whole, text);
  const TranscriptTurn after = TurnIn(absl::StrCat(kEarlier, text));
  Require(after.state == whole.state && after.lines == whole.lines && after.detail == whole.detail,
          "what was there before the tell is no matter");

  const absl::string_view cut_text = text.substr(0, cut);
  const TranscriptTurn part = TurnIn(cut_text);
  RequireOfTheFile(part, cut_text);
  // The last line may be cut: of one that is whole, all that follows holds.
  if (!cut_text.empty() && !absl::EndsWith(cut_text, "\n")) return;
  Require(part.state == State::kAbsent || whole.state != State::kAbsent, "the tell stays there");
  Require(!Begun(part) || Begun(whole), "what has begun has begun");
  Require(part.lines.size() <= whole.lines.size() &&
              std::equal(part.lines.begin(), part.lines.end(), whole.lines.begin()),
          "what was said stays said");
}

}  // namespace
}  // namespace iris

// The first two bytes say where the file is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  size_t cut = text.empty() ? 0 : (data[0] << 8 | data[1]) % (text.size() + 1);
  // Half of the cuts between two lines.
  if ((data[1] & 1) != 0) {
    const size_t end = text.find('\n', cut);
    cut = end == absl::string_view::npos ? text.size() : end + 1;
  }
  iris::Check(text, cut);
  return 0;
}
