#include "agent/claude/transcript.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/claude/line_scanner.h"
#include "common/base/scoped_fd.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr int kProjectDirsMax = 100'000;
constexpr size_t kReadBytes = 256 << 10;

constexpr absl::string_view kInterrupted = "[Request interrupted by user";
constexpr absl::string_view kNobodyAnswered = "Tool permission request failed: AbortError";

bool HasBlock(const LineFacts& facts, absl::string_view type) {
  return absl::c_any_of(facts.blocks, [type](const auto& block) { return block.type == type; });
}

bool IsInterruption(const LineFacts& facts) {
  return absl::c_any_of(facts.blocks, [](const auto& block) {
    return block.type == "text" && absl::StartsWith(block.text, kInterrupted);
  });
}

// An answer is never thoughts alone: those of a message that was cut between its lines.
bool EndsTurn(const LineFacts& facts) {
  const bool thoughts_alone = absl::c_all_of(facts.blocks, [](const auto& block) {
    return block.type == "thinking" || block.type == "redacted_thinking";
  });
  return !thoughts_alone && !facts.stop_reason.empty() && facts.stop_reason != "tool_use" &&
         facts.stop_reason != "pause_turn";
}

// Follows one turn through the lines of a transcript.
class TurnReader : public LineScannerSink {
 public:
  TurnReader(absl::string_view uuid, const Said& said) : uuid_(uuid), said_(said) {}

  // Nothing that follows belongs to the turn.
  bool over() const { return over_; }

  TranscriptTurn Verdict() && {
    TranscriptTurn turn;
    turn.lines = std::move(lines_);
    if (!asked_) {
      turn.state = TranscriptTurn::State::kAbsent;
    } else if (IsBehind()) {
      turn.state = TranscriptTurn::State::kBehind;
      turn.detail = "it lacks the end of what claude has said";
      turn.permission_lost = permission_lost_;
    } else if (!begun_) {
      turn.state = TranscriptTurn::State::kNotBegun;
    } else if (ended_ && !spoiled_) {
      turn.state = TranscriptTurn::State::kEndedWell;
    } else {
      turn.state = TranscriptTurn::State::kBroken;
      turn.detail = std::move(why_);
      turn.permission_lost = permission_lost_;
    }
    return turn;
  }

 private:
  bool IsBehind() const {
    return !has_last_said_ && (begun_ ? !said_.last.empty() : said_.called_tool);
  }

  void OnLinePiece(absl::string_view piece, bool) override {
    if (!asked_ || over_ || too_long_) return;
    if (kept_bytes_ + line_.size() + piece.size() > TranscriptTurn::kLinesBytesMax) {
      too_long_ = true;
      line_ = {};
      return;
    }
    line_.append(piece.data(), piece.size());
  }

  void OnLine(const LineFacts& facts, absl::string_view, bool) override {
    if (over_) return;
    std::string line = std::exchange(line_, {});
    const bool too_long = std::exchange(too_long_, false);
    const bool is_user = facts.type == "user";
    const bool is_assistant = facts.type == "assistant";
    // Also before the turn: it may be a background task's, which had the word until then.
    has_last_said_ |= is_assistant && !said_.last.empty() && facts.uuid == said_.last;
    if (!asked_) {
      asked_ = facts.is_object && is_user && facts.uuid == uuid_;
    } else if (!facts.is_object) {
      // Of a message that was being written, its type comes late.
      if (is_user || is_assistant || (facts.type.empty() && facts.has_message)) {
        BreakOff("a line of it is cut");
      }
    } else if (facts.is_sidechain) {
      return;
    } else if (is_user) {
      OnUser(facts);
    } else if (is_assistant) {
      OnAssistant(facts, std::move(line), too_long);
    }
  }

  void OnUser(const LineFacts& facts) {
    if (HasBlock(facts, "tool_result")) {
      BreakOff("it stops after a tool's result");
      if (absl::StrContains(facts.tool_use_result, kNobodyAnswered)) {
        Spoil("claude ended while it waited for a permission");
        permission_lost_ = true;
      }
    } else if (IsInterruption(facts)) {
      Spoil("it was interrupted");
    } else if (facts.is_meta || facts.uuid == uuid_) {
      BreakOff("it stops in the middle");
    } else {
      over_ = true;
    }
  }

  void OnAssistant(const LineFacts& facts, std::string line, bool too_long) {
    if (facts.is_api_error) {
      const std::string text = facts.blocks.empty() ? "" : facts.blocks.front().text;
      return BreakOff(absl::StrCat("it ended with an error: ", ToUtf8(text)));
    }
    // "No response requested.": on its way to something else, claude closed a turn that was cut.
    if (facts.model == "<synthetic>") {
      if (!begun_) BreakOff("it was cut before its first message was over");
      return;
    }
    if (too_long) {
      return Spoil(
          absl::StrCat("its text is longer than ", TranscriptTurn::kLinesBytesMax >> 20, " MiB"));
    }
    kept_bytes_ += line.size();
    lines_.push_back(std::move(line));
    if (EndsTurn(facts)) {
      begun_ = ended_ = true;
    } else {
      BreakOff(HasBlock(facts, "tool_use") ? "it stops at the call of a tool"
                                           : "it stops in the middle of a message");
    }
  }

  // Unless more follows, this is how it ends.
  void BreakOff(std::string why) {
    begun_ = true;
    ended_ = false;
    if (!spoiled_) why_ = std::move(why);
  }
  // Whatever follows.
  void Spoil(std::string why) {
    BreakOff(std::move(why));
    spoiled_ = true;
  }

  const std::string uuid_;
  const Said& said_;
  bool has_last_said_ = false;
  bool asked_ = false;    // The message was there.
  bool begun_ = false;    // Another message follows it.
  bool ended_ = false;    // The last message ended the turn.
  bool spoiled_ = false;  // It cannot have ended well any more.
  bool over_ = false;
  bool permission_lost_ = false;
  std::string why_;
  std::vector<std::string> lines_;
  size_t kept_bytes_ = 0;  // Of lines_.
  std::string line_;       // The current one.
  bool too_long_ = false;
};

absl::Status Unreadable(const std::string& path, absl::string_view why) {
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("claude's transcript ", path, " cannot be read: ", why));
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

absl::StatusOr<TranscriptTurn> FindTurn(const std::string& path, absl::string_view uuid,
                                        const Said& said) {
  if (path.empty()) return TranscriptTurn();
  // Not blocking: nobody promises that it is a file.
  const ScopedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid() && errno == ENOENT) return TranscriptTurn();
  struct stat info;
  if (!file.valid() || fstat(file.get(), &info) != 0) return Unreadable(path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return Unreadable(path, "it is not a regular file");

  TurnReader reader(uuid, said);
  LineScanner scanner(reader);
  std::string buffer(kReadBytes, '\0');
  // No further than it was at the start, whoever writes.
  for (off_t left = info.st_size; left > 0 && !reader.over();) {
    const ssize_t got =
        read(file.get(), buffer.data(), std::min<size_t>(buffer.size(), static_cast<size_t>(left)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, strerror(errno));
    if (got == 0) break;
    scanner.Feed(absl::string_view(buffer.data(), static_cast<size_t>(got)));
    left -= got;
  }
  scanner.Finish();
  return std::move(reader).Verdict();
}

std::string ClaudeConfigDir(const std::map<std::string, std::string>& env) {
  const auto get = [&env](const char* name) {
    const auto found = env.find(name);
    return found == env.end() ? std::string() : found->second;
  };
  const std::string config = get("CLAUDE_CONFIG_DIR");
  return !config.empty() ? config : absl::StrCat(get("HOME"), "/.claude");
}

// claude keeps a session at <config>/projects/<cwd with every non-alphanumeric as '-'>/<id>.jsonl
// and resumes it from any directory.
std::string FindTranscript(const TranscriptPlace& place) {
  const std::string projects = absl::StrCat(place.config_dir, "/projects");
  const std::string name = absl::StrCat("/", place.session_id, ".jsonl");
  std::string folder = place.cwd;
  for (char& c : folder) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '-';
  }
  std::string path = absl::StrCat(projects, "/", folder, name);
  if (Exists(path)) return path;
  DIR* dir = opendir(projects.c_str());
  if (dir == nullptr) return "";
  path.clear();
  for (int i = 0; path.empty() && i < kProjectDirsMax; ++i) {
    const dirent* entry = readdir(dir);
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    path = absl::StrCat(projects, "/", entry->d_name, name);
    if (!Exists(path)) path.clear();
  }
  closedir(dir);
  return path;
}

}  // namespace iris
