// Prints what the agent makes of a transcript: the turn's state, the reason where it is broken, and
// the turn's lines. For the contract tests, which hold it to what claude writes.
//   find_turn TRANSCRIPT TELL_ID [UUID]
// UUID: of the last line that claude has said.
#include <cstdio>

#include "agent/claude/said.h"
#include "agent/claude/transcript.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  const iris::Said said = {.last = argc == 4 ? argv[3] : ""};
  const absl::StatusOr<iris::TranscriptTurn> turn = iris::FindTurn(argv[1], argv[2], said);
  if (!turn.ok()) {
    fprintf(stderr, "%s\n", turn.status().ToString().c_str());
    return 1;
  }
  constexpr const char* kStates[] = {"absent", "not begun", "ended well", "broken", "behind"};
  printf("%s\n%s\n", kStates[static_cast<int>(turn->state)], turn->detail.c_str());
  for (const std::string& line : turn->lines) printf("%s\n", line.c_str());
  return 0;
}
