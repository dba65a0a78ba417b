#include "coordinator/mcp/session.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "common/version/version.h"
#include "coordinator/mcp/instructions.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/progress.h"
#include "coordinator/mcp/tool.h"
#include "coordinator/mcp/tool_result.h"
#include "coordinator/mcp/versions.h"
#include "coordinator/store/store.h"

namespace iris {
namespace {

constexpr size_t kMethodBytesShown = 100;
constexpr size_t kAnnouncedShown = 10;

// What waits, in words; empty: nothing.
std::string WaitingText(const std::vector<Store::WaitingAnswer>& answers) {
  if (answers.empty()) return "";
  std::vector<std::string> shown;
  for (const Store::WaitingAnswer& answer : answers) {
    if (shown.size() == kAnnouncedShown) break;
    shown.push_back(absl::StrCat(answer.tell_id, " from ", answer.to));
  }
  return absl::StrCat(
      answers.size() == 1 ? "1 answer waits" : absl::StrCat(answers.size(), " answers wait"), ": ",
      absl::StrJoin(shown, ", "), shown.size() < answers.size() ? ", …" : "",
      ". tell_wait with the id as tellId gets it.");
}

// The client's token if it wants to hear of progress, else null.
Json ProgressToken(const Json& params) {
  const Json& token = MemberOf(MemberOf(params, "_meta"), "progressToken");
  return token.is_string() || token.is_number_integer() ? token : Json();
}

Json TakeArguments(Json& params) {
  const auto arguments = params.find("arguments");
  const bool given = arguments != params.end() && !IsNotGiven(*arguments);
  return given ? std::move(*arguments) : Json::object();
}

}  // namespace

// One tools/call that waits.
class McpSession::Call final : private ToolListener {
 public:
  Call(McpSession& session, const McpClientMessage& message, Caller from)
      : session_(session),
        id_(message.incoming.id),
        from_(std::move(from)),
        message_id_(message.id),
        reporter_(session.loop_, ProgressToken(message.incoming.params), "waiting",
                  {.with_message = ProgressHasMessage(session.version_),
                   .age = message.age,
                   .beat = session.options_.progress_beat},
                  [this](std::string json) { SendProgress(std::move(json)); }) {}

  // May end the call before it returns, and this object with it.
  void Start(ToolCall call) {
    run_ = MakeToolRun(session_.loop_, session_.desk_, std::move(call), *this);
    run_->Start();
  }

  const Json& id() const { return id_; }
  const std::string& message_id() const { return message_id_; }
  const Caller& from() const { return from_; }

 private:
  void OnToolProgress(const ProgressNews& news) override { reporter_.News(news); }
  void OnToolAccepted() override {
    McpOutgoing accepted{std::string()};
    accepted.accepted = message_id_;
    session_.sink_.Send(std::move(accepted));
  }
  void OnToolDone(const ToolResult& result) override { session_.EndCall(id_.dump(), result); }
  void SendProgress(std::string json) {
    McpOutgoing progress(std::move(json));
    progress.is_progress = true;
    session_.sink_.Send(std::move(progress));
  }

  McpSession& session_;
  const Json id_;
  const Caller from_;  // For whom it speaks.
  const std::string message_id_;
  ProgressReporter reporter_;
  std::unique_ptr<ToolRun> run_;
};

McpSession::McpSession(EventLoop& loop, Desk& desk, McpSink& sink, McpOptions options)
    : loop_(loop), desk_(desk), sink_(sink), options_(options) {}

McpSession::~McpSession() = default;

void McpSession::Take(McpClientMessage message) {
  switch (message.incoming.kind) {
    case McpIncoming::Kind::kRequest:
      return TakeRequest(std::move(message));
    case McpIncoming::Kind::kNotification:
      return TakeNotification(message);
    case McpIncoming::Kind::kBatch:
      return TakeBatch(std::move(message));
    case McpIncoming::Kind::kResponse:
      return Settle(message.id);
    case McpIncoming::Kind::kBad:
      return Refuse(message, message.incoming.error_code, message.incoming.error);
  }
}

void McpSession::TakeBatch(McpClientMessage message) {
  if (!HasBatches(version_)) return Refuse(message, kInvalidRequest, "batches are not supported");
  if (sink_.IsOpen(message)) {
    return Refuse(message, kInvalidRequest, "a batch with this id is under way");
  }
  for (McpClientMessage& member : sink_.Open(std::move(message))) Take(std::move(member));
}

void McpSession::TakeRequest(McpClientMessage message) {
  const std::string& method = message.incoming.method;
  if (method == "ping") return Answer(message, Json::object());
  if (method == "initialize") return Initialize(message);
  const bool list = method == "tools/list";
  if (!list && method != "tools/call") {
    // Also for server/discover: this is how a client learns that it has to initialize.
    return Refuse(message, kMethodNotFound,
                  absl::StrCat("there is no method ", CutUtf8(method, kMethodBytesShown)));
  }
  if (version_.empty()) return Refuse(message, kInvalidRequest, "initialize first");
  if (list) return ListTools(message);
  CallTool(std::move(message));
}

void McpSession::TakeNotification(const McpClientMessage& message) {
  Settle(message.id);
  if (message.incoming.method != "notifications/cancelled") return;
  const auto call = calls_.find(message.incoming.params.value("requestId", Json())
                                    .dump(-1, ' ', false, Json::error_handler_t::replace));
  if (call == calls_.end()) return;  // Answered meanwhile.
  const std::string message_id = call->second->message_id();
  calls_.erase(call);
  Settle(message_id);
}

void McpSession::Initialize(const McpClientMessage& message) {
  if (!version_.empty()) return Refuse(message, kInvalidRequest, "initialized already");
  const Json wanted = message.incoming.params.value("protocolVersion", Json());
  if (!wanted.is_string()) return Refuse(message, kInvalidParams, "protocolVersion is no string");
  version_ = std::string(NegotiateMcpVersion(wanted.get_ref<const std::string&>()));
  McpOutgoing answer(
      McpResult(message.incoming.id,
                {{"protocolVersion", version_},
                 {"capabilities", {{"tools", {{"listChanged", false}}}}},
                 {"serverInfo", {{"name", "iris"}, {"title", "Iris"}, {"version", kVersion}}},
                 {"instructions", Instructions()}}));
  answer.settles = message.id;
  answer.opening = true;
  sink_.Send(std::move(answer));
}

void McpSession::ListTools(const McpClientMessage& message) {
  if (!IsNotGiven(message.incoming.params.value("cursor", Json()))) {
    return Refuse(message, kInvalidParams, "there is no such cursor: all tools are on one page");
  }
  Answer(message, {{"tools", DescribeTools()}});
}

void McpSession::CallTool(McpClientMessage message) {
  Json& params = message.incoming.params;
  const Json name = params.value("name", Json());
  const Tool* tool = name.is_string() ? FindTool(name.get_ref<const std::string&>()) : nullptr;
  if (tool == nullptr) return Refuse(message, kInvalidParams, "there is no such tool");
  Json arguments = TakeArguments(params);
  if (!arguments.is_object()) return Refuse(message, kInvalidParams, "arguments is no object");
  const std::string key = message.incoming.id.dump();
  if (calls_.contains(key)) {
    return Refuse(message, kInvalidRequest, "a request with this id is under way");
  }
  absl::StatusOr<Visitor> visitor = Admit(*tool, arguments);
  if (!visitor.ok()) {
    McpOutgoing refusal = ToolAnswer(message.incoming.id,
                                     {.status = visitor.status(), .text = nullptr}, ConfigNote());
    refusal.settles = message.id;
    return sink_.Send(std::move(refusal));
  }
  const auto call =
      calls_.emplace(key, std::make_unique<Call>(*this, message, visitor->caller)).first;
  call->second->Start({.tool = *tool,
                       .arguments = std::move(arguments),
                       .visitor = *std::move(visitor),
                       .id = message.id,
                       .age = message.age,
                       .accepted_before = message.accepted_before});
}

absl::StatusOr<Visitor> McpSession::Admit(const Tool& tool, Json& arguments) {
  if (absl::Status fits = ReadArguments(tool, arguments); !fits.ok()) return fits;
  if (calls_.size() >= options_.calls_max) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(options_.calls_max, " calls of this client are under way"));
  }
  return VisitorOf(desk_, client_, tool, arguments);
}

void McpSession::EndCall(const std::string& key, const ToolResult& result) {
  const auto node = calls_.extract(key);
  const std::string config = ConfigNote();
  const std::string news = Announce(node.mapped()->from(), result.outcome_of);
  const std::string note = absl::StrCat(config, config.empty() || news.empty() ? "" : "\n", news);
  McpOutgoing answer = ToolAnswer(node.mapped()->id(), result, note);
  answer.settles = node.mapped()->message_id();
  answer.instead = [id = node.mapped()->id(), settles = answer.settles](const absl::Status& why) {
    McpOutgoing failure = ToolAnswer(id, {.status = why, .text = nullptr});
    failure.settles = settles;
    return failure;
  };
  sink_.Send(std::move(answer));
}

std::string McpSession::Announce(const Caller& from, const std::string& but) {
  if (from.is_nobody()) return "";
  const absl::StatusOr<std::vector<Store::WaitingAnswer>> waiting = desk_.Unread(from);
  if (!waiting.ok()) return "";  // The next call says it.
  std::set<std::string>& announced = announced_[from.name()];
  const std::set<std::string> before = std::exchange(announced, {but});
  std::vector<Store::WaitingAnswer> news;
  for (const Store::WaitingAnswer& answer : *waiting) {
    const bool is_news = answer.tell_id != but && !before.contains(answer.tell_id);
    announced.insert(answer.tell_id);
    if (is_news) news.push_back(answer);
  }
  return WaitingText(news);
}

std::string McpSession::Instructions() {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk_.Teams(client_.visitor);
  std::string unread;
  if (teams.ok() && !client_.visitor.caller.is_nobody()) {
    const absl::StatusOr<std::vector<Store::WaitingAnswer>> waiting =
        desk_.Unread(client_.visitor.caller);
    if (waiting.ok()) unread = WaitingText(*waiting);
  }
  return McpInstructions(teams, client_, unread);
}

std::string McpSession::ConfigNote() {
  const absl::Status problem = desk_.ConfigProblem(client_.visitor.environment);
  if (problem.ok()) return "";
  return absl::StrCat(
      "The configuration cannot be used as it is now, and the last good one is in force. ",
      Describe(ToProto(problem)));
}

void McpSession::Close(const absl::Status& why) {
  while (!calls_.empty()) {
    const std::string key = calls_.begin()->first;
    EndCall(key, {.status = why, .text = nullptr});
  }
}

void McpSession::Answer(const McpClientMessage& message, Json result) {
  McpOutgoing answer(McpResult(message.incoming.id, std::move(result)));
  answer.settles = message.id;
  sink_.Send(std::move(answer));
}

void McpSession::Refuse(const McpClientMessage& message, int code, absl::string_view why) {
  McpOutgoing refusal(McpError(message.incoming.id, code, why));
  refusal.settles = message.id;
  sink_.Send(std::move(refusal));
}

void McpSession::Settle(const std::string& message_id) {
  McpOutgoing nothing{std::string()};
  nothing.settles = message_id;
  sink_.Send(std::move(nothing));
}

}  // namespace iris
