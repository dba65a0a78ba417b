#include "coordinator/config_file/yaml_text.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config_file/yaml_scalar.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/parser.h"

namespace iris {
namespace {

using nlohmann::json;

// What yaml-cpp calls the tags that nobody wrote.
constexpr absl::string_view kPlainTag = "?";
constexpr absl::string_view kQuotedTag = "!";

// Builds the document from the parser's events. After the first failure it takes nothing more: the
// parser cannot be stopped from inside.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(absl::string_view file) : file_(file) {}

  absl::Status status;
  ConfigText text;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "", "a second document begins", "Keep one; remove the `---`.");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (!status.ok()) return;
    if (AtKey()) return FailKey(mark);
    Put(nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { FailAnchor(mark); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { FailAnchor(mark); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    if (!TakesTag(mark, tag)) return;
    if (AtKey()) return OnKey(mark, value);
    if (tag == kQuotedTag) return Put(value);
    absl::StatusOr<json> typed = TypeYamlScalar(value);
    if (!typed.ok()) {
      status = Annotated(mark, PathHere(), typed.status());
      return;
    }
    Put(*std::move(typed));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Enter(mark, tag, json::array());
  }
  void OnSequenceEnd() override { Leave(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Enter(mark, tag, json::object());
  }
  void OnMapEnd() override { Leave(); }

 private:
  // One mapping or sequence that is open. What is inside a sequence has the sequence's path.
  struct Level {
    json* value;
    std::string path;
    std::string key_path;  // Of the value that comes next.
    bool has_key = false;  // In a mapping: the value comes next.
    std::string key;
  };

  bool AtKey() const {
    return !levels_.empty() && levels_.back().value->is_object() && !levels_.back().has_key;
  }
  std::string PathHere() const { return levels_.empty() ? "" : levels_.back().key_path; }

  absl::Status Annotated(const YAML::Mark& mark, absl::string_view path,
                         const absl::Status& why) const {
    return Annotate(why, absl::StrCat(file_, ":", mark.line + 1, path.empty() ? "" : ": ", path));
  }

  void Fail(const YAML::Mark& mark, absl::string_view path, absl::string_view what,
            absl::string_view fix) {
    if (status.ok()) status = Annotated(mark, path, Refuse(what, fix));
  }
  void FailKey(const YAML::Mark& mark) {
    Fail(mark, PathHere(), "a key is not a piece of text", "Write each key as text, or quote it.");
  }
  void FailAnchor(const YAML::Mark& mark) {
    Fail(mark, PathHere(), "anchors and aliases (& and *) are not allowed",
         "Write the value out; quote text that begins with & or *.");
  }

  bool TakesTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag != kPlainTag && tag != kQuotedTag) {
      Fail(mark, PathHere(), "tags (!) are not allowed", "Remove it; quote what must be a string.");
    }
    return status.ok();
  }

  void OnKey(const YAML::Mark& mark, const std::string& key) {
    Level& level = levels_.back();
    level.key_path = KeyPath(level.path, key);
    if (level.value->contains(key)) {
      return Fail(mark, level.key_path, "given twice", "Remove one of the two.");
    }
    text.lines[level.key_path] = mark.line + 1;
    level.key = key;
    level.has_key = true;
  }

  json& Place(json value) {
    if (levels_.empty()) return text.root = std::move(value);
    Level& level = levels_.back();
    level.has_key = false;
    if (level.value->is_object()) return (*level.value)[level.key] = std::move(value);
    level.value->push_back(std::move(value));
    return level.value->back();
  }
  void Put(json value) { Place(std::move(value)); }

  void Enter(const YAML::Mark& mark, const std::string& tag, json empty) {
    if (!TakesTag(mark, tag)) return;
    if (AtKey()) return FailKey(mark);
    if (levels_.size() >= kConfigDepthMax) {
      return Fail(mark, "", absl::StrCat("nested deeper than ", kConfigDepthMax, " levels"),
                  "Remove the levels that are too many; docs/CONFIG.md shows the form.");
    }
    const std::string path = PathHere();
    json& value = Place(std::move(empty));
    levels_.push_back({.value = &value, .path = path, .key_path = path});
  }
  void Leave() {
    if (status.ok()) levels_.pop_back();
  }

  const absl::string_view file_;
  int documents_ = 0;
  std::vector<Level> levels_;
};

absl::Status NotYaml(absl::string_view place, absl::string_view why) {
  return Refuse(
      absl::StrCat(place, ": not valid YAML: ", why),
      "Correct the YAML there; quote text that holds `: ` or ` #`, or begins with a sign.");
}

// The parser replaces bytes that are no UTF-8, and takes U+0004 for the end of the file.
absl::Status CheckCharacters(absl::string_view text, absl::string_view file) {
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::string_view one = text.substr(0, end);
    const std::string place = absl::StrCat(file, ":", line);
    if (!IsUtf8(one)) return NotYaml(place, "the text is not UTF-8");
    if (std::any_of(one.begin(), one.end(),
                    [](char c) { return absl::ascii_iscntrl(c) && c != '\t' && c != '\r'; })) {
      return NotYaml(place, "the line holds a control character");
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return absl::OkStatus();
}

bool IsIndentedByTab(absl::string_view line) {
  return absl::StrContains(line.substr(0, line.find_first_not_of(" \t")), "\t");
}

// The parser names a tab that it stumbles over by what it takes the rest of the line for.
absl::Status FailureAt(absl::string_view text, absl::string_view file, const YAML::Mark& mark,
                       absl::string_view why) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  for (const int number : {mark.line, mark.line - 1}) {
    if (number < 0 || static_cast<size_t>(number) >= lines.size()) continue;
    if (IsIndentedByTab(lines[static_cast<size_t>(number)])) {
      return Refuse(absl::StrCat(file, ":", number + 1, ": not valid YAML: a tab indents the line"),
                    "Indent with blanks; YAML takes no tabs there.");
    }
  }
  return NotYaml(absl::StrCat(file, ":", mark.line + 1, ":", mark.column + 1), why);
}

absl::string_view WhatOf(const YAML::Exception& error) {
  if (error.msg == YAML::ErrorMsg::DOC_IN_SCALAR) return "a quoted text does not end";
  return error.msg;
}

// The library throws; here it ends. It would take the file's end for a missing quote: the mark of a
// document's end it does not.
absl::Status Parse(absl::string_view text, absl::string_view file, Builder& builder) {
  std::istringstream stream(
      absl::StrCat(text, absl::EndsWith(text, "\n") || text.empty() ? "" : "\n", "...\n"));
  try {
    YAML::Parser parser(stream);
    while (builder.status.ok() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (!builder.status.ok()) return builder.status;
    return FailureAt(text, file, error.mark, WhatOf(error));
  }
  return builder.status;
}

}  // namespace

absl::StatusOr<ConfigText> ParseYamlText(absl::string_view text, absl::string_view file) {
  if (absl::Status status = CheckCharacters(text, file); !status.ok()) return status;
  Builder builder(file);
  if (absl::Status status = Parse(text, file, builder); !status.ok()) return status;
  return std::move(builder.text);
}

}  // namespace iris
