#ifndef IRIS_COORDINATOR_MCP_JSON_RUNS_H_
#define IRIS_COORDINATOR_MCP_JSON_RUNS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "common/json/peer_json.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

// Runs whose result is a JSON object, indented, for the model to read.

inline std::shared_ptr<const std::string> Readable(const Json& json) {
  return std::make_shared<const std::string>(
      json.dump(2, ' ', false, Json::error_handler_t::replace));
}

inline ToolResult ResultOf(const absl::StatusOr<Json>& json) {
  if (!json.ok()) return {.status = json.status(), .text = nullptr};
  return {.text = Readable(*json)};
}

// Looks at the status, and perhaps at more, which takes a moment: hosts are asked, and the store.
class StatusRun final : public ToolRun {
 public:
  using Done = std::function<void(const absl::StatusOr<Json>&)>;
  // `done` may come after the run is gone.
  using Look = std::function<void(const v1::GetStatusResponse& status, Done done)>;
  StatusRun(Desk& desk, Look look, ToolListener& listener)
      : desk_(desk), look_(std::move(look)), listener_(listener) {}

  void Start() override {
    desk_.Status([weak = std::weak_ptr<StatusRun*>(this_)](
                     const absl::StatusOr<v1::GetStatusResponse>& status) {
      const std::shared_ptr<StatusRun*> run = weak.lock();
      if (run != nullptr) (*run)->OnStatus(status);
    });
  }

 private:
  void OnStatus(const absl::StatusOr<v1::GetStatusResponse>& status) {
    if (!status.ok()) return listener_.OnToolDone(ResultOf(status.status()));
    const Look look = look_;  // This may be gone before it returns.
    look(*status, [weak = std::weak_ptr<StatusRun*>(this_)](const absl::StatusOr<Json>& json) {
      const std::shared_ptr<StatusRun*> run = weak.lock();
      if (run != nullptr) (*run)->listener_.OnToolDone(ResultOf(json));
    });
  }

  Desk& desk_;
  const Look look_;
  ToolListener& listener_;
  const std::shared_ptr<StatusRun*> this_ = std::make_shared<StatusRun*>(this);
};

// Waits for something that cannot be called back: whoever ends the wait leaves `this_` empty.
class WaitRun final : public ToolRun {
 public:
  using Done = std::function<void(const absl::StatusOr<Json>&)>;
  using Begin = std::function<void(Done)>;
  WaitRun(std::string doing, Begin begin, ToolListener& listener)
      : doing_(std::move(doing)), begin_(std::move(begin)), listener_(listener) {}

  void Start() override {
    listener_.OnToolProgress({.doing = doing_});
    begin_([weak = std::weak_ptr<WaitRun*>(this_)](const absl::StatusOr<Json>& json) {
      const std::shared_ptr<WaitRun*> run = weak.lock();
      if (run != nullptr) (*run)->listener_.OnToolDone(ResultOf(json));
    });
  }

 private:
  const std::string doing_;
  const Begin begin_;
  ToolListener& listener_;
  const std::shared_ptr<WaitRun*> this_ = std::make_shared<WaitRun*>(this);
};

inline void SetUnlessEmpty(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

// An argument that is a string; empty where there is none.
inline std::string TextArgument(const ToolCall& call, const char* name) {
  return TextIn(call.arguments, name);
}

// One that is a boolean; false where there is none.
inline bool FlagArgument(const ToolCall& call, const char* name) {
  const Json& flag = MemberOf(call.arguments, name);
  return flag.is_boolean() && flag.get<bool>();
}

// The whole id of a message. Its letters are small, and a model may have changed that.
inline std::string TellIdArgument(const ToolCall& call) {
  return absl::AsciiStrToLower(TextArgument(call, "tellId"));
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_JSON_RUNS_H_
