#ifndef IRIS_AGENT_TESTING_HELD_TURNS_H_
#define IRIS_AGENT_TESTING_HELD_TURNS_H_

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace iris {

// Turns of the stub claude that go on when the test says so, and not by the clock: for whatever has
// to happen in the middle of one.
//
//   Tell(held.Word("SLOW"))    what comes before the wait is said
//   ...                        in the middle of the turn, however long it takes
//   held.LetGo()               the turn goes on
//
// Not thread-safe.
class HeldTurns {
 public:
  // `dir` is a scratch directory of the test.
  explicit HeldTurns(std::string dir) : dir_(std::move(dir)) {}

  // The stub's SLOW, WAIT or TOOL (tests/programs/README.md) that waits for LetGo() instead of for
  // some seconds. The same text until then, and another one afterwards.
  std::string Word(absl::string_view word) const { return absl::StrCat(word, " ", File()); }

  // All that wait go on.
  void LetGo() {
    std::ofstream file(File());
    ++let_go_;
  }

 private:
  std::string File() const { return absl::StrCat(dir_, "/let-go-", let_go_); }

  const std::string dir_;
  int let_go_ = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_HELD_TURNS_H_
