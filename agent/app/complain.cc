#include "agent/app/complain.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/failure/failure.h"

namespace iris {

void Complain(const absl::Status& status) {
  const Failure failure = ToProto(status);
  const std::string line = absl::StrCat("iris-agent: ", KindName(KindOf(failure)), ": ",
                                        absl::StrReplaceAll(failure.detail(), {{"\n", " "}}), "\n");
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace iris
