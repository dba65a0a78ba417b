#ifndef IRIS_TESTS_BENCH_QUESTION_H_
#define IRIS_TESTS_BENCH_QUESTION_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace iris::bench {

// What is said, and what must come back. Without what JSON would escape.
struct Question {
  std::string text;
  // 0: "ECHO: text". Else the answer has so many bytes, and nobody looks at them.
  size_t answer_bytes = 0;
};

// Internal, with the beginning of what came: that is not what was to come.
absl::Status CheckAnswer(const Question& question, absl::string_view answer);

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_QUESTION_H_
