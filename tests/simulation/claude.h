#ifndef IRIS_TESTS_SIMULATION_CLAUDE_H_
#define IRIS_TESTS_SIMULATION_CLAUDE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/process/child.h"
#include "common/base/scoped_fd.h"
#include "common/loop/event_loop.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// What every claude of one schedule has in common, whichever agent started it.
struct ClaudeWorld {
  struct Transcript {
    std::string path;
    ScopedFd file;  // Unset before its first line.
  };
  // What was run, by the id of the tell: how often the model began a turn for it.
  std::map<std::string, int> turns;
  std::vector<std::string> order;                 // Ids, as their turns began.
  std::map<std::string, Transcript> transcripts;  // By session, from its first claude on.
  absl::Duration pace;                            // Between two messages, at most.

  // ---- permissions
  bool asks = false;                                // Before it uses a tool.
  std::function<void(const std::string&)> on_asks;  // Of a request that waits from now on.
  std::function<void(const std::string&, bool)> on_answered;  // It was allowed, or not.
  std::set<std::string> asking;                               // Requests that wait.
  std::set<std::string> cut_off;  // Tells in which a request was lost with whoever could answer.
  int next_request = 1;
  int answer_blocks_max = 4;
  int next_pid = 5'000'000;  // Above any that Linux gives out.
};

// The whole answer to a tell with this text, as the coordinator is to report it. To "long answer,
// bytes: N", whatever follows, it is one line of so many bytes.
std::string AnswerTo(const std::string& text);

// A scripted claude (facts: tests/programs/README.md, agent/claude/transcript.h). It answers
// control requests, and prompts one after the other, in one or two messages; a message gets into
// its transcript when it ends. Once its stdin has ended it takes what it asks for refused, finishes
// its turn and leaves.
class Claude : public std::enable_shared_from_this<Claude> {
 public:
  Claude(World& world, ClaudeWorld& common, std::string session_id)
      : world_(world), common_(common), session_id_(std::move(session_id)) {}

  // Goes on when nobody holds its pipes any more: until it has left.
  void Start(ChildSink& sink);
  void Write(absl::string_view bytes);
  void CloseStdin();
  // Nobody reads what it says from now on.
  void Detach() { sink_ = nullptr; }
  void Pause(bool paused);
  // Ends in the middle of what it does.
  void Die(bool by_signal, int number);

  bool runs() const { return !gone_; }
  bool busy() const { return answering_; }
  int pid() const { return pid_; }

 private:
  void OnLine(const std::string& line);
  void NextPrompt();
  void TellMessage(const std::string& uuid, const std::string& text, size_t message);
  void UseTool(const std::string& uuid, const std::string& text, size_t message);
  void EndTool(const std::string& uuid, const std::string& text, size_t message,
               const std::string& result);
  void OnAnswer(const std::string& request_id, bool allowed);
  void EndTurn(const std::string& uuid);
  void Say(const std::string& line);
  void Keep(const std::string& line);
  void Flush();
  void FlushSoon();
  void TellEnd();
  void Later(absl::Duration delay, std::function<void()> task);
  bool HasBegun(const std::string& uuid) const;

  World& world_;
  ClaudeWorld& common_;
  const std::string session_id_;
  ChildSink* sink_ = nullptr;
  int pid_ = 0;
  bool gone_ = false;
  bool paused_ = false;
  bool eof_ = false;
  bool answering_ = false;
  bool interrupted_ = false;
  bool flushing_ = false;
  std::string asks_;  // The request that it waits for; empty: none.
  std::function<void(const std::string& result)> go_on_;  // With it: the tool has ended so.
  std::string tell_id_;                                   // Whose turn it is, or was last.
  ExitStatus exit_;
  bool end_waits_ = false;  // For somebody to read again.
  std::string stdin_;
  std::string stdout_;                                       // Not taken yet.
  std::deque<std::pair<std::string, std::string>> prompts_;  // Uuid and text.
};

// The agent's handle of one.
class ClaudeChild final : public Child {
 public:
  explicit ClaudeChild(std::shared_ptr<Claude> claude) : claude_(std::move(claude)) {}
  // As when its agent dies, or ends: it sees the end of its stdin.
  ~ClaudeChild() override;

  void Write(std::string bytes) override { claude_->Write(bytes); }
  void CloseStdin() override { claude_->CloseStdin(); }
  void Signal(int) override { claude_->Die(/*by_signal=*/true, 15); }
  void KillAll() override { claude_->Die(/*by_signal=*/true, 9); }
  void PauseOutput(bool paused) override { claude_->Pause(paused); }
  pid_t keeper() const override { return claude_->pid() + 1; }
  pid_t pid() const override { return claude_->pid(); }
  uint64_t start_time() const override { return 1; }

 private:
  const std::shared_ptr<Claude> claude_;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CLAUDE_H_
