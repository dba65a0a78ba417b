#ifndef IRIS_AGENT_SESSION_SESSION_FIXTURE_H_
#define IRIS_AGENT_SESSION_SESSION_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/inventory/session_context.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_sync.h"
#include "agent/session/session.h"
#include "agent/session/session_files.h"
#include "agent/testing/held_turns.h"
#include "common/base/ids.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// For tests: one session over the stub claude in a home of its own, on a process loop of its own.
// The test thread waits; every wait ends after kDeadline. After each test nothing may be left of
// its processes.
class SessionFixture : public ::testing::Test, private SessionReader {
 protected:
  static constexpr absl::Duration kDeadline = absl::Seconds(60);
  static constexpr size_t kQuotaBytes = 16 << 20;  // Of its journal.

  SessionFixture();
  ~SessionFixture() override;
  void TearDown() override;

  // `spec`, changed by the test before it opens.
  v1::LaunchSpec spec;
  // Of its journal, changed by the test before NextAgent().
  Journal::Limits limits{.quota_bytes = kQuotaBytes};
  const ScratchDir scratch;
  const std::string home = scratch.File("home");
  const std::string project = scratch.File("project");
  const std::string session_id = NewUuid();

  // In place of the stub: a shell script that has answered `initialize`. In it `next_tell` reads a
  // tell and puts its id into $uuid (false at EOF), and `done_with UUID` prints its result.
  void UseScript(const std::string& body);
  // One that begins with the first line.
  void UseBareScript(const std::string& text);

  absl::StatusOr<v1::OpenResponse> Open();
  // Returns its id.
  std::string Tell(const std::string& text);
  absl::Status TryTell(const std::string& tell_id, const std::string& text);
  // In the middle of a turn: `word` waits for LetGo() (agent/testing/held_turns.h).
  std::string Held(const std::string& word) { return held_.Word(word); }
  void LetGo() { held_.LetGo(); }
  // Waits until it is settled; kind 0 = ended well.
  v1::Failure Outcome(const std::string& tell_id);
  // The assistant's text between the tell's `written`, or its last `gap`, and `settled`. It must
  // end well.
  std::string Answer(const std::string& tell_id);
  std::string Ask(const std::string& text) { return Answer(Tell(text)); }
  bool Close(absl::Duration grace = absl::ZeroDuration());

  // What the session's log has brought so far.
  std::vector<v1::Event> events();
  // Without output and stderr: "started", "resumed", "accepted", "written", "settled", "exited".
  std::vector<std::string> story();
  // The child's stdout from the event with this index on, newlines back in.
  std::string output(size_t from = 0);
  size_t CountOf(v1::Event::KindCase kind);
  using Condition = std::function<bool(const std::vector<v1::Event>&)>;
  bool WaitFor(const Condition& condition);
  bool WaitForOutput(const std::string& text);
  v1::Exited LastExit();

  // Acknowledges all that comes from now on, as it comes.
  void KeepAcknowledging();
  // The agent is gone, its session's files are as `prepare` leaves them, and the next agent comes.
  // No child may run.
  void NextAgent(const std::function<void(SessionFiles&)>& prepare);
  SessionContext context;
  // Runs `task` on the loop and waits for it.
  void Do(const std::function<void(Session&)>& task);
  v1::SessionInfo Info();
  EventLoop& loop() { return loop_; }
  JournalSync& disk() { return *disk_; }  // On the loop.

 private:
  void OnNewEvents() override;
  uint64_t epoch() const override { return 0; }
  uint64_t sent_seq() const override { return seen_; }
  std::unique_ptr<SessionFiles> OpenFiles();
  void StartSession();

  HeldTurns held_{scratch.path()};
  EventLoop loop_;
  std::thread thread_;
  std::unique_ptr<JournalSync> disk_;
  std::unique_ptr<Session> session_;
  bool acknowledges_ = false;
  uint64_t seen_ = 0;

  absl::Mutex mutex_;
  std::vector<v1::Event> events_ ABSL_GUARDED_BY(mutex_);
};

// As the stub's word SUM says it: FNV-1a of 64 bits in hex, a space, the number of bytes.
std::string StubChecksum(const std::string& bytes);

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_FIXTURE_H_
