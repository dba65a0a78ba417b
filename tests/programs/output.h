#ifndef IRIS_TESTS_PROGRAMS_OUTPUT_H_
#define IRIS_TESTS_PROGRAMS_OUTPUT_H_

#include <cstddef>
#include <string_view>

#include "tests/programs/json.h"

namespace iris::stub {

// Standard output. Blocks while the reader does not read, as claude does; when the reader is gone,
// everything is dropped and the program goes on. Not thread-safe.
class Output {
 public:
  void Line(const Json& json);

  // From now on lines are those of 2.1.197, which says neither what it can do nor what becomes of
  // the user's messages: no `capabilities`, `user_message_uuid(s)`, or `command_lifecycle` lines.
  void SpeakOld() { old_ = true; }

  // Writes `json` in pieces of two bytes with a millisecond between them: cuts inside characters.
  void SplitLine(const Json& json);

  // `bytes` as they are.
  void Raw(std::string_view bytes);

  // From now on no write(2) is larger than `bytes`.
  void LimitWrites(size_t bytes) { write_max_ = bytes; }

 private:
  void Write(std::string_view bytes, size_t write_max, int pause_ms);

  bool old_ = false;
  size_t write_max_ = 1 << 20;
  bool reader_gone_ = false;
};

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_OUTPUT_H_
