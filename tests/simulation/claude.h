#ifndef IRIS_TESTS_SIMULATION_CLAUDE_H_
#define IRIS_TESTS_SIMULATION_CLAUDE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
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
  // What was run, by the id of the tell: how often the model began a turn for it.
  std::map<std::string, int> turns;
  std::vector<std::string> order;  // Ids, as their turns began.
  std::string transcript_path;     // Of the session; empty before its first claude.
  ScopedFd transcript;
  absl::Duration pace;  // Between two messages, at most.
  int answer_blocks_max = 4;
  int next_pid = 5'000'000;  // Above any that Linux gives out.
};

// The whole answer to a tell with this text, as the coordinator is to report it. To "long answer,
// bytes: N", whatever follows, it is one line of so many bytes.
std::string AnswerTo(const std::string& text);

// A scripted claude (facts: tests/programs/README.md, agent/claude/transcript.h). It answers
// control requests, and prompts one after the other, in one or two messages; a message gets into
// its transcript when it ends. Once its stdin has ended it finishes its turn and leaves.
class Claude : public std::enable_shared_from_this<Claude> {
 public:
  Claude(World& world, ClaudeWorld& common) : world_(world), common_(common) {}

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
  ChildSink* sink_ = nullptr;
  int pid_ = 0;
  bool gone_ = false;
  bool paused_ = false;
  bool eof_ = false;
  bool answering_ = false;
  bool interrupted_ = false;
  bool flushing_ = false;
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
