// A claude that costs next to nothing, for benches: what is measured is then the way to it. It
// speaks the stream-json of 2.1.330 as far as the agent needs, and knows no transcript: a session
// that is resumed begins anew. (The stub of tests/programs is as good as the real one, and slow.)
//
// A turn is the message's replay (--replay-user-messages), its text, and the result, each line in a
// write of its own, as the real one has it; with LEAN_WRITE_AT_ONCE=1 all that is due in one write.
// The text is "ECHO: <prompt>", unless the prompt begins with a word, or the environment has one:
//
//   BIG bytes           LEAN_ANSWER_BYTES    so much text in one line, and again in the result
//   LINES n [a second]  LEAN_LINES, LEAN_LINES_A_SECOND
//                                            n lines of text, all at once or so many a second
//   CLOCK ms                                 "CLOCK <CLOCK_MONOTONIC, ns>"; ms later the result
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/json_member.h"

namespace iris::bench {
namespace {

constexpr char kVersion[] = "2.1.330";
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr size_t kPieceBytes =
    64 << 10;  // What is read at once, and written once there is so much.

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

// The text of a prompt that is a string, or of the first block of one that is made of blocks.
std::string_view PromptIn(std::string_view line) {
  const std::string_view content = JsonMember(JsonMember(line, "message"), "content");
  return content.substr(0, 1) == "[" ? JsonText(content, "text") : JsonInside(content);
}

long FromEnvironment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? 0 : atol(value);
}

// "0000000 0000001 0000002 …", as the word BIG of tests/programs. Made once for each size.
const std::string& BigText(size_t bytes) {
  static std::string text;
  if (text.size() == bytes) return text;
  text.clear();
  text.reserve(bytes + 8);
  char digits[] = "0000000 ";
  while (text.size() < bytes) {
    text.append(digits, 8);
    for (int i = 6; i >= 0 && ++digits[i] > '9'; --i) digits[i] = '0';
  }
  text.resize(bytes);
  return text;
}

// What one turn is to say.
struct Turn {
  std::string uuid;     // Of the message.
  std::string text;     // Of its latest line.
  size_t big = 0;       // In place of `text`: BigText() of so many bytes.
  long lines_left = 0;  // "line 1", "line 2" …
  long line = 0;
  int64_t apart_ns = 0;  // From one of them to the next.
  int64_t next_ns = 0;   // When the next of them, or else the result, is due.
};

Turn ReadPrompt(std::string_view line) {
  Turn turn;
  turn.uuid = JsonText(line, "uuid");
  const std::string prompt(PromptIn(line));
  long big = FromEnvironment("LEAN_ANSWER_BYTES");
  long lines = FromEnvironment("LEAN_LINES");
  long a_second = FromEnvironment("LEAN_LINES_A_SECOND");
  long wait_ms = 0;
  sscanf(prompt.c_str(), "BIG %ld", &big);
  sscanf(prompt.c_str(), "LINES %ld %ld", &lines, &a_second);
  turn.next_ns = NowNs();
  if (sscanf(prompt.c_str(), "CLOCK %ld", &wait_ms) == 1) {
    turn.text = "CLOCK " + std::to_string(turn.next_ns);
    turn.next_ns += wait_ms * kNsPerMs;
  } else if (big > 0) {
    turn.big = static_cast<size_t>(big);
  } else if (lines > 0) {
    turn.lines_left = lines;
    if (a_second > 0) turn.apart_ns = kNsPerSecond / a_second;
  } else {
    turn.text = "ECHO: " + prompt;
  }
  return turn;
}

// Lines on stdout: what is put into them, as it is, until it is written.
class Output {
 public:
  void Put(std::string_view text) {
    if (text.size() < kPieceBytes) {
      text_ += text;
      return;
    }
    Flush();
    Write(text);
  }
  void Flush() {
    Write(text_);
    text_.clear();
  }
  bool is_long() const { return text_.size() >= kPieceBytes; }

 private:
  static void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
      if (n > 0) text.remove_prefix(static_cast<size_t>(n));
      if (n < 0 && errno == EAGAIN) {
        pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        poll(&writable, 1, -1);
      } else if (n < 0 && errno != EINTR) {
        _exit(0);  // Nobody listens.
      }
    }
  }

  std::string text_;
};

class Claude {
 public:
  Claude(std::string session_id, bool replays)
      : session_id_(std::move(session_id)),
        replays_(replays),
        writes_at_once_(FromEnvironment("LEAN_WRITE_AT_ONCE") != 0) {
    snprintf(uuid_head_, sizeof uuid_head_, "%08x-%04x-4000-8000-",
             static_cast<unsigned>(NowNs() >> 16), static_cast<unsigned>(getpid() & 0xffff));
  }

  int Run() {
    while (true) {
      SayWhatIsDue();
      output_.Flush();
      if (!busy_ && stdin_closed_) return 0;
      Wait();
    }
  }

 private:
  // Until it has to wait for the time of a line, or for a message.
  void SayWhatIsDue() {
    while (true) {
      if (!busy_) {
        if (waiting_.empty()) return;
        Start(waiting_.front());
        waiting_.pop_front();
      }
      for (; turn_.lines_left > 0 && turn_.next_ns <= NowNs(); turn_.next_ns += turn_.apart_ns) {
        --turn_.lines_left;
        turn_.text = "line " + std::to_string(++turn_.line);
        Say();
      }
      if (turn_.lines_left > 0 || turn_.next_ns > NowNs()) return;
      Result("success", R"("is_error":false)");
    }
  }

  void Start(std::string_view line) {
    busy_ = true;
    turn_ = ReadPrompt(line);
    if (replays_) {
      Put({R"({"type":"user","message":)", JsonMember(line, "message"), R"(,"isReplay":true,)"});
      EndLine(turn_.uuid);
    }
    if (turn_.lines_left == 0) Say();
  }

  void Wait() {
    pollfd readable = {.fd = stdin_closed_ ? -1 : STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int64_t left = busy_ ? std::max<int64_t>(turn_.next_ns - NowNs(), 0) : 0;
    const timespec timeout = {.tv_sec = left / kNsPerSecond, .tv_nsec = left % kNsPerSecond};
    if (ppoll(&readable, 1, busy_ ? &timeout : nullptr, nullptr) > 0) ReadStdin();
  }

  void ReadStdin() {
    static char bytes[kPieceBytes];
    const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) {
      stdin_closed_ = true;
      return;
    }
    size_t searched = input_.size();
    input_.append(bytes, static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end; (end = input_.find('\n', searched)) != std::string::npos;) {
      OnLine(std::string_view(input_).substr(begin, end - begin));
      begin = searched = end + 1;
    }
    input_.erase(0, begin);
  }

  void OnLine(std::string_view line) {
    const std::string_view type = JsonText(line, "type");
    if (type == "user") waiting_.emplace_back(line);
    if (type == "control_request") OnControlRequest(line);
  }

  // Whatever it is, is done.
  void OnControlRequest(std::string_view line) {
    const bool interrupts = JsonText(JsonMember(line, "request"), "subtype") == "interrupt";
    Put({R"({"type":"control_response","response":{"subtype":"success","request_id":)",
         JsonMember(line, "request_id")});
    if (interrupts) {
      Put({R"(,"response":{"still_queued":[],"cancelled":[)", DropWaiting(), "]}},"});
    } else {
      Put({R"(,"response":{"commands":[],"models":[]}},)"});
    }
    EndLine(NewUuid());
    if (interrupts && busy_) {
      Result("error_during_execution", R"("is_error":true,"errors":["interrupted"])");
    }
  }

  // The uuids of the messages that waited, as JSON has them.
  std::string DropWaiting() {
    std::string uuids;
    for (const std::string& line : std::exchange(waiting_, {})) {
      if (!uuids.empty()) uuids += ',';
      uuids += JsonMember(line, "uuid");
    }
    return uuids;
  }

  // The text of the turn, as a line.
  void Say() {
    Put({R"({"type":"assistant","message":{"id":"msg_)", std::to_string(results_),
         R"(","type":"message","role":"assistant","model":"lean","content":[{"type":"text",)",
         R"("text":")", Text(), R"("}],"stop_reason":null,"stop_sequence":null,)",
         R"("usage":{"input_tokens":10,"output_tokens":1}},)"});
    PutWhatItAnswers();
    EndLine(NewUuid());
  }

  // Ends the turn.
  void Result(std::string_view subtype, std::string_view more) {
    Put({R"({"type":"result","subtype":")", subtype, R"(",)", more});
    if (subtype == "success") Put({R"(,"result":")", Text(), "\""});
    Put({R"(,"stop_reason":"end_turn","duration_ms":1,"duration_api_ms":1,"num_turns":1,)",
         R"("total_cost_usd":0,"usage":{"input_tokens":10,"output_tokens":25},"modelUsage":{},)",
         R"("permission_denials":[],"terminal_reason":"completed","result_index":)",
         std::to_string(results_++), ","});
    PutWhatItAnswers();
    EndLine(NewUuid());
    busy_ = false;
  }

  std::string_view Text() const { return turn_.big > 0 ? BigText(turn_.big) : turn_.text; }

  void PutWhatItAnswers() {
    Put({R"("user_message_uuid":")", turn_.uuid, R"(","user_message_uuids":[")", turn_.uuid,
         R"("],)"});
  }

  void EndLine(std::string_view uuid) {
    Put({R"("parent_tool_use_id":null,"session_id":")", session_id_, R"(","uuid":")", uuid,
         "\"}\n"});
    if (!writes_at_once_ || output_.is_long()) output_.Flush();
  }

  void Put(std::initializer_list<std::string_view> pieces) {
    for (const std::string_view piece : pieces) output_.Put(piece);
  }

  std::string NewUuid() {
    char uuid[64];
    snprintf(uuid, sizeof uuid, "%s%012llx", uuid_head_, ++lines_);
    return uuid;
  }

  const std::string session_id_;
  const bool replays_;
  const bool writes_at_once_;
  char uuid_head_[32];
  unsigned long long lines_ = 0;
  int results_ = 0;
  bool busy_ = false;
  Turn turn_;                        // While busy_.
  std::deque<std::string> waiting_;  // Messages, for the end of the turn.
  std::string input_;                // Of a line that has not ended.
  bool stdin_closed_ = false;
  Output output_;
};

int Main(int argc, char** argv) {
  std::string session_id = "00000000-0000-4000-8000-000000000000";
  bool replays = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--version") {
      printf("%s (Claude Code)\n", kVersion);
      return 0;
    }
    if (word == "--replay-user-messages") replays = true;
    if ((word == "--session-id" || word == "--resume") && i + 1 < argc) session_id = argv[++i];
  }
  return Claude(std::move(session_id), replays).Run();
}

}  // namespace
}  // namespace iris::bench

int main(int argc, char** argv) { return iris::bench::Main(argc, argv); }
