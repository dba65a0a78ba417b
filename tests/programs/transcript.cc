#include "tests/programs/transcript.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/programs/arguments.h"
#include "tests/programs/text.h"

namespace iris::stub {
namespace {

namespace fs = std::filesystem;

// A static glibc cannot look accounts up, so read the file. Without HOME claude does the same.
std::string PasswdHome() {
  std::ifstream passwd("/etc/passwd");
  const std::string uid = std::to_string(getuid());
  for (std::string line; std::getline(passwd, line);) {
    std::string field[6];
    size_t at = 0;
    for (std::string& f : field) {
      const size_t colon = line.find(':', at);
      f = line.substr(at, colon - at);
      if (colon == std::string::npos) break;
      at = colon + 1;
    }
    if (field[2] == uid) return field[5];
  }
  return "/";
}

fs::path ProjectsDir() {
  const char* config = getenv("CLAUDE_CONFIG_DIR");
  if (config != nullptr && *config != '\0') return fs::path(config) / "projects";
  const char* home = getenv("HOME");
  const std::string home_dir = home != nullptr && *home != '\0' ? home : PasswdHome();
  return fs::path(home_dir) / ".claude" / "projects";
}

std::string ProjectName(std::string cwd) {
  for (char& c : cwd) {
    if (isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  }
  return cwd;
}

bool IsPrompt(const Json& line) {
  if (StringAt(line, "type") != "user") return false;
  const Json message = ObjectAt(line, "message");
  const auto content = message.find("content");
  if (content == message.end()) return false;
  if (content->is_string()) return true;
  if (!content->is_array()) return false;
  // Arrays are a tool's result, a notice of an interruption, or a prompt made of blocks.
  for (const Json& block : *content) {
    if (StringAt(block, "type") != "text") return false;
    if (StringAt(block, "text").rfind("[Request interrupted", 0) == 0) return false;
  }
  return true;
}

}  // namespace

Transcript::Transcript(std::string session_id, std::string cwd)
    : session_id_(std::move(session_id)), cwd_(std::move(cwd)) {
  path_ = ProjectsDir() / ProjectName(cwd_) / (session_id_ + ".jsonl");
}

bool Transcript::Load() {
  std::error_code error;
  for (const auto& project : fs::directory_iterator(ProjectsDir(), error)) {
    const fs::path candidate = project.path() / (session_id_ + ".jsonl");
    if (!fs::exists(candidate, error)) continue;
    path_ = candidate;
    std::ifstream file(path_);
    for (std::string text; std::getline(file, text);) {
      const Json line = Json::parse(text, nullptr, false);
      if (line.is_object()) Notice(line);
    }
    return true;
  }
  return false;
}

void Transcript::Notice(const Json& line) {
  const std::string type = StringAt(line, "type");
  if (type != "user" && type != "assistant") return;
  last_uuid_ = StringAt(line, "uuid");
  waits_for_answer_ = type == "user";
  for (auto& [uuid, turn] : turns_) turn = Turn::kBegun;
  if (IsPrompt(line)) {
    turns_[last_uuid_] = Turn::kAsked;
    ++prompts_;
    if (line.contains("mergedSendUuids")) prompts_ += line["mergedSendUuids"].size();
  }
  const Json message = ObjectAt(line, "message");
  const auto content_at = message.find("content");
  if (content_at == message.end() || !content_at->is_array()) return;
  const Json& content = *content_at;
  for (const Json& block : content) {
    if (StringAt(block, "type") == "tool_use") open_tool_use_ = StringAt(block, "id");
    if (StringAt(block, "type") == "tool_result") open_tool_use_.clear();
  }
}

void Transcript::Open() {
  if (fd_ >= 0) return;
  const fs::path folder = fs::path(path_).parent_path();
  std::error_code error;
  fs::create_directories(folder, error);
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

std::string Transcript::LineFor(Json line) const {
  Json whole = {{"parentUuid", last_uuid_.empty() ? Json() : Json(last_uuid_)},
                {"isSidechain", false}};
  whole.update(line);
  if (!whole.contains("uuid")) whole["uuid"] = NewUuid();
  whole["timestamp"] = Timestamp();
  whole["userType"] = "external";
  whole["entrypoint"] = "sdk-cli";
  whole["cwd"] = cwd_;
  whole["sessionId"] = session_id_;
  whole["version"] = kVersion;
  whole["gitBranch"] = "HEAD";
  return ToLine(whole) + "\n";
}

bool Transcript::Write(const std::string& text) {
  Open();
  return write(fd_, text.data(), text.size()) >= 0;
}

void Transcript::Append(Json line) {
  if (!line.contains("uuid")) line["uuid"] = NewUuid();
  if (Write(LineFor(line))) Notice(line);
}

void Transcript::AppendAll(std::vector<Json> lines) {
  std::string text;
  for (Json& line : lines) {
    if (&line == &lines.front()) {
      Append(std::move(line));
      continue;
    }
    text += LineFor(line);
    Notice(line);
  }
  if (!text.empty()) Write(text);
}

void Transcript::Repair() {
  if (!open_tool_use_.empty()) {
    const std::string text =
        "[Tool call interrupted: the session ended before this call's result was recorded, so its "
        "outcome is unknown. Check whether it took effect before relying on it or running it "
        "again.]";
    const Json block = {{"type", "tool_result"},
                        {"content", text},
                        {"is_error", true},
                        {"tool_use_id", open_tool_use_}};
    Append({{"type", "user"},
            {"message", {{"role", "user"}, {"content", Json::array({block})}}},
            {"toolUseResult", text},
            {"toolDenialKind", "interrupted"}});
  }
  if (!waits_for_answer_) return;
  const Json block = {{"type", "text"}, {"text", "No response requested."}};
  Append({{"type", "assistant"},
          {"message",
           {{"id", NewUuid()},
            {"model", "<synthetic>"},
            {"role", "assistant"},
            {"stop_reason", "stop_sequence"},
            {"stop_sequence", ""},
            {"type", "message"},
            {"content", Json::array({block})}}},
          {"isApiErrorMessage", false}});
}

Transcript::Turn Transcript::StateOf(const std::string& uuid) const {
  const auto found = turns_.find(uuid);
  return found == turns_.end() ? Turn::kUnknown : found->second;
}

}  // namespace iris::stub
