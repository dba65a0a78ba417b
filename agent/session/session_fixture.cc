#include "agent/session/session_fixture.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "agent/session/session_files.h"
#include "agent/testing/processes.h"
#include "agent/testing/programs.h"
#include "common/base/ids.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

// nlohmann sorts keys; each of these is looked for by name.
constexpr char kScriptStart[] = R"(#!/bin/sh
value() { v=${line#*\""$1"\":\"}; echo "${v%%\"*}"; }
next_tell() { read -r line || return 1; uuid=$(value uuid); }
done_with() {
  echo '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":["'$1'"]}'
}
)";
constexpr char kAnswerInitialize[] = R"(read -r line
echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$(value request_id)'"}}'
)";

std::string AssistantText(const std::string& line) {
  const json message = json::parse(line, nullptr, false);
  if (!message.is_object() || message.value("type", "") != "assistant") return "";
  std::string text;
  for (const json& block : message["message"]["content"]) text += block.value("text", "");
  return text;
}

}  // namespace

SessionFixture::SessionFixture() {
  BecomeLikeTheAgent();
  std::filesystem::create_directory(home);
  std::filesystem::create_directory(project);
  context = {.incarnation = NewUuid(),
             .boot_id = "boot",
             .pid_namespace = "pid:[1]",
             .hostname = "gpu1",
             .keeper_program = KeeperProgram(),
             .home = home,
             .program_dirs = {},
             // A sanitized stub may leave what it likes at its end.
             .child_env = {"PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0"}};
  spec.set_cwd(project);
  spec.set_claude_path(StubClaude());
  spec.set_team("gpu");
  disk_ = std::make_unique<JournalSync>(loop_);
  StartSession();
  thread_ = std::thread([this] { loop_.Run(); });
}

SessionFixture::~SessionFixture() {
  loop_.Stop();
  thread_.join();
}

std::unique_ptr<SessionFiles> SessionFixture::OpenFiles() {
  absl::StatusOr<std::unique_ptr<SessionFiles>> files =
      SessionFiles::Open(*disk_, scratch.File("session"), context.incarnation, limits);
  if (!files.ok()) std::abort();
  return *std::move(files);
}

void SessionFixture::StartSession() {
  session_ = std::make_unique<Session>(loop_, context, session_id, OpenFiles());
  session_->AddReader(this);
}

void SessionFixture::NextAgent(const std::function<void(SessionFiles&)>& prepare) {
  Do([&](Session&) {
    session_.reset();
    prepare(*OpenFiles());
    context.incarnation = NewUuid();
    StartSession();
    if (seen_ > session_->journal().newest_seq()) seen_ = 0;  // Another journal.
    OnNewEvents();
  });
}

void SessionFixture::TearDown() {
  Close(absl::Milliseconds(100));
  EXPECT_TRUE(HaveNoChildren());
}

void SessionFixture::UseBareScript(const std::string& text) {
  const std::string path = scratch.File("claude");
  std::ofstream(path) << kScriptStart << text;
  chmod(path.c_str(), 0700);
  spec.set_claude_path(path);
}

void SessionFixture::UseScript(const std::string& body) {
  UseBareScript(absl::StrCat(kAnswerInitialize, body));
}

void SessionFixture::Do(const std::function<void(Session&)>& task) {
  absl::Notification done;
  loop_.Post([&] {
    task(*session_);
    done.Notify();
  });
  // Not an assertion: what the task refers to is gone when this returns.
  if (!done.WaitForNotificationWithTimeout(kDeadline)) std::abort();
}

absl::StatusOr<v1::OpenResponse> SessionFixture::Open() {
  struct Waiting {
    absl::Notification done;
    absl::StatusOr<v1::OpenResponse> opened = absl::UnknownError("not opened in time");
  };
  auto waiting = std::make_shared<Waiting>();
  Do([&](Session& session) {
    session.Open(spec, [waiting](const absl::StatusOr<v1::OpenResponse>& opened) {
      waiting->opened = opened;
      waiting->done.Notify();
    });
  });
  waiting->done.WaitForNotificationWithTimeout(kDeadline);
  return waiting->opened;
}

absl::Status SessionFixture::TryTell(const std::string& tell_id, const std::string& text) {
  absl::Status status;
  Do([&](Session& session) { status = session.Tell(tell_id, text); });
  return status;
}

std::string SessionFixture::Tell(const std::string& text) {
  const std::string id = NewUuid();
  EXPECT_TRUE(TryTell(id, text).ok());
  return id;
}

v1::Failure SessionFixture::Outcome(const std::string& tell_id) {
  v1::Failure failure;
  failure.set_kind(v1::FAILURE_INTERNAL);
  failure.set_detail("not settled in time");
  WaitFor([&](const std::vector<v1::Event>& events) {
    for (const v1::Event& event : events) {
      if (event.settled().tell_id() != tell_id) continue;
      failure = event.settled().failure();
      return true;
    }
    return false;
  });
  return failure;
}

std::string SessionFixture::Answer(const std::string& tell_id) {
  const v1::Failure failure = Outcome(tell_id);
  EXPECT_EQ(failure.kind(), v1::FAILURE_UNSPECIFIED) << failure.detail();
  std::string text, line;
  bool ours = false;
  for (const v1::Event& event : events()) {
    if (event.written().tell_id() == tell_id) ours = true;
    if (event.gap().tell_id() == tell_id) text.clear();
    if (event.settled().tell_id() == tell_id) break;
    if (!event.has_output()) continue;
    line += event.output().bytes();
    if (event.output().more()) continue;
    if (ours) text += AssistantText(line);
    line.clear();
  }
  return text;
}

bool SessionFixture::Close(absl::Duration grace) {
  struct Waiting {
    absl::Notification done;
    bool was_running = false;
  };
  auto waiting = std::make_shared<Waiting>();
  Do([&](Session& session) {
    session.Close(grace, [waiting](bool was_running) {
      waiting->was_running = was_running;
      waiting->done.Notify();
    });
  });
  EXPECT_TRUE(waiting->done.WaitForNotificationWithTimeout(kDeadline));
  return waiting->was_running;
}

void SessionFixture::OnNewEvents() {
  {
    absl::MutexLock lock(&mutex_);
    while (seen_ < session_->journal().newest_seq()) {
      const auto more = session_->journal().After(seen_, SIZE_MAX);
      ASSERT_TRUE(more.ok()) << more.status();
      for (const EventPtr& event : *more) {
        events_.push_back(*event);
        seen_ = event->seq();
      }
    }
  }
  if (acknowledges_) loop_.Post([this] { session_->Acknowledge(seen_); });
}

void SessionFixture::KeepAcknowledging() {
  Do([this](Session& session) {
    acknowledges_ = true;
    session.Acknowledge(seen_);
  });
}

bool SessionFixture::WaitFor(const Condition& condition) {
  struct News {
    const std::vector<v1::Event>& events;
    const size_t seen;
    static bool Came(News* news) { return news->events.size() > news->seen; }
  };
  // Looked at here: what a lock waits for is evaluated by whoever lets the lock go, and that is the
  // loop.
  const absl::Time until = absl::Now() + kDeadline;
  absl::MutexLock lock(&mutex_);
  while (!condition(events_)) {
    News news{events_, events_.size()};
    if (!mutex_.AwaitWithDeadline(absl::Condition(&News::Came, &news), until)) return false;
  }
  return true;
}

bool SessionFixture::WaitForOutput(const std::string& text) {
  return WaitFor([&](const std::vector<v1::Event>& events) {
    for (const v1::Event& event : events) {
      if (event.output().bytes().find(text) != std::string::npos) return true;
    }
    return false;
  });
}

std::vector<v1::Event> SessionFixture::events() {
  absl::MutexLock lock(&mutex_);
  return events_;
}

std::vector<std::string> SessionFixture::story() {
  std::vector<std::string> story;
  for (const v1::Event& event : events()) {
    switch (event.kind_case()) {
      case v1::Event::kStarted:
        story.push_back(event.started().resumed() ? "resumed" : "started");
        break;
      case v1::Event::kAccepted:
        story.push_back("accepted");
        break;
      case v1::Event::kWritten:
        story.push_back("written");
        break;
      case v1::Event::kSettled:
        story.push_back("settled");
        break;
      case v1::Event::kExited:
        story.push_back("exited");
        break;
      case v1::Event::kRequest:
        story.push_back("request");
        break;
      case v1::Event::kAnswered:
        story.push_back("answered");
        break;
      default:
        break;
    }
  }
  return story;
}

std::string SessionFixture::output(size_t from) {
  std::string text;
  const std::vector<v1::Event> all = events();
  for (size_t i = from; i < all.size(); ++i) {
    if (!all[i].has_output()) continue;
    absl::StrAppend(&text, all[i].output().bytes(), all[i].output().more() ? "" : "\n");
  }
  return text;
}

size_t SessionFixture::CountOf(v1::Event::KindCase kind) {
  size_t count = 0;
  for (const v1::Event& event : events()) count += event.kind_case() == kind ? 1 : 0;
  return count;
}

v1::Exited SessionFixture::LastExit() {
  v1::Exited exit;
  for (const v1::Event& event : events()) {
    if (event.has_exited()) exit = event.exited();
  }
  return exit;
}

v1::SessionInfo SessionFixture::Info() {
  v1::SessionInfo info;
  Do([&](Session& session) { info = session.Info(); });
  return info;
}

std::string StubChecksum(const std::string& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return absl::StrFormat("%016x %d", hash, bytes.size());
}

}  // namespace iris
