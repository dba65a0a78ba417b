#ifndef IRIS_AGENT_CLAUDE_TRANSCRIPT_H_
#define IRIS_AGENT_CLAUDE_TRANSCRIPT_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/claude/said.h"

namespace iris {

// What became of one message, by the transcript that claude keeps of its session.
struct TranscriptTurn {
  // Of the assistant's lines, together. More make a turn kBroken.
  static constexpr size_t kLinesBytesMax = 64 << 20;

  enum class State {
    kAbsent,    // claude never took it. Its line may be written again.
    kNotBegun,  // It took it, and nothing came of it. The same uuid may be written again, and runs.
    kEndedWell,  // `lines` are the whole answer.
    kBroken,     // It had begun. claude ignores the uuid from now on; nobody may run it again.
    kBehind,     // As kBroken, and claude has said more of it than is here.
  };
  State state = State::kAbsent;
  // What the model said in this turn, in order: the transcript's lines of type "assistant", byte
  // for byte. Not those of sub-agents, nor those that claude makes up itself (model "<synthetic>").
  std::vector<std::string> lines;
  std::string detail;  // kBroken, kBehind: where it broke off, for people.
  // kBroken, kBehind: it went on without a permission, since nobody could give it any more.
  bool permission_lost = false;
};

// Reads the transcript at `path` ("" or no such file = kAbsent) for the turn that answers the user
// line with this uuid, as far as it goes now. `said`: what was heard of the turn; a transcript that
// lacks its end is kBehind, unless nothing is there and nothing was done: that may run again. Of a
// turn that is still under way the verdict means nothing yet; a message gets there up to some
// seconds after claude has said it.
//
// Facts (claude 2.1.330; held to by tests/programs/test_transcript_contract.py): a message gets
// there when it ends, one line a block, each with the message's stop reason; a turn has no other
// end. It lasts until the next prompt. What is cut in mid-stream has no stop reason. A user line
// that nothing follows runs again if its uuid comes again; one that anything follows never does.
//
// Blocks while it reads, once and in linear time (about 1 s for 300 MB); holds no more than the
// answer.
// FAILURE_STORAGE: it cannot be read, and so nothing is known of the message.
absl::StatusOr<TranscriptTurn> FindTurn(const std::string& path, absl::string_view uuid,
                                        const Said& said = {});

// Where the claude with this environment keeps its config and, below projects/, its sessions.
std::string ClaudeConfigDir(const std::map<std::string, std::string>& env);

// By what the transcript of a session is found, on any thread.
struct TranscriptPlace {
  std::string session_id;
  std::string cwd;         // Of its claude.
  std::string config_dir;  // As ClaudeConfigDir() says it.
};

// The session's transcript; "" if claude has nothing of it yet, or not any more. (A session that
// never spoke has no transcript, and --resume of it fails.) Blocks while it looks, into every
// folder of claude's projects (100,000 of them at most) where it is not in that of the cwd: for
// SlowWork, and not for a loop.
std::string FindTranscript(const TranscriptPlace& place);

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_TRANSCRIPT_H_
