#ifndef IRIS_COORDINATOR_TRANSPORT_TURN_TEXT_H_
#define IRIS_COORDINATOR_TRANSPORT_TURN_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/transport/half_line.h"
#include "coordinator/transport/line_skim.h"
#include "coordinator/transport/read_point.h"
#include "coordinator/transport/said_line.h"

namespace iris {

// Gathers the answer of one turn from the lines of claude's stdout: every text block of its
// assistant messages, in order, with an empty line between two, and then the structured output, if
// there is one, as JSON. Thinking, tools, empty blocks and what sub-agents say are left out. A turn
// without any text (a slash command) answers with the `result` of its result line. What the turn
// cost and was denied is kept beside it.
//
// Lines come in pieces. Not thread-safe.
class TurnText {
 public:
  // A longer line is not looked at, and outcome() says so where it may have held text.
  static constexpr size_t kLineBytesMax = 64 << 20;

  // A new turn begins: forgets what was gathered. A line that has begun goes on.
  void Begin();
  // A new child begins: it counts what it spends from nothing.
  void BeginChild() { spent_micro_usd_ = 0; }
  // Lines may have gone unread: nobody knows what the child has spent by now.
  void MissLines() { spent_micro_usd_ = -1; }
  // Takes a piece of a line; returns the text that it adds to the answer.
  std::string Feed(absl::string_view piece, bool ends_line);
  // At the end of a turn that went well: text still to be added. The last `structured_bytes` of it
  // are the structured output.
  std::string Finish(size_t& structured_bytes);

  // A v1::TurnAccount in bytes; null: the turn has had no result line.
  const SharedText& account() const { return account_; }
  // What the turn does, as far as the last lines say. It changes with Feed() and Begin().
  struct Doing {
    SaidTool tool;      // What claude has asked for last, until it says something; or empty.
    std::string words;  // The end of what it has said last: ≤ 200 bytes.

    bool operator==(const Doing&) const = default;
  };
  const Doing& doing() const { return doing_; }

  // Everything that is known between two lines.
  TurnMark mark() const;
  // `half`: of a line that has begun.
  void Restore(const TurnMark& mark, absl::string_view half = "");
  // Whether mark() is enough to go on: no line that matters has begun.
  bool between_lines() const { return half_bytes_ == 0; }
  // What has come of the line that has begun, and is kept.
  const std::shared_ptr<HalfLine>& half() const { return half_; }
  size_t half_bytes() const { return half_bytes_; }
  // The rest of the line that has begun will not come.
  void DropLine();

  // OK, or why some of the text of this turn may be missing. FAILURE_STORAGE: a line was too long.
  // FAILURE_AMBIGUOUS: a line was broken, and nothing that came after it has its text.
  absl::Status outcome() const;

 private:
  void Keep(absl::string_view piece);
  std::string OnLine(SaidLine said);
  void OnBrokenLine(absl::string_view line);
  // Whether the result line's `result` may be some of the answer.
  bool WantsResult() const;
  // The last text that was said is this one.
  bool IsLastText(absl::string_view text) const;
  void OnResult(SaidLine& said);
  void KeepAccount(const SaidLine& said);
  void SeeDoing(SaidLine& said);
  void DropTooLong();
  void ForgetHalf();

  LineSkim skim_{kLineBytesMax};  // Of the line that has begun.
  std::shared_ptr<HalfLine> half_ = std::make_shared<HalfLine>();
  size_t half_bytes_ = 0;
  bool skips_line_ = false;  // The rest of this line is not looked at.
  bool any_text_ = false;
  uint64_t last_text_ = 0;  // TextHash() of the last text block.
  SharedText end_;          // Of the answer, by the result line.
  size_t structured_bytes_ = 0;
  TextLoss loss_ = TextLoss::kNone;
  uint32_t tools_ = 0;
  int64_t spent_micro_usd_ = -1;
  SharedText account_;
  Doing doing_;  // Not in a mark: who goes on from there says it with the next line.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TURN_TEXT_H_
