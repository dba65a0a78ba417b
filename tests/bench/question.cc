#include "tests/bench/question.h"

#include "absl/strings/str_cat.h"

namespace iris::bench {

absl::Status CheckAnswer(const Question& question, absl::string_view answer) {
  constexpr size_t kShownBytes = 200;
  const bool right = question.answer_bytes > 0 ? answer.size() == question.answer_bytes
                                               : answer == absl::StrCat("ECHO: ", question.text);
  if (right) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("not what was asked for, of ", answer.size(),
                                          " bytes: ", answer.substr(0, kShownBytes)));
}

}  // namespace iris::bench
