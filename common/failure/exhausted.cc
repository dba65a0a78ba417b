#include "common/failure/exhausted.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr absl::string_view kFixProcesses =
    "End programs of this account, or raise its limit on processes (`ulimit -u`, TasksMax of its "
    "slice or container); messages that wait are tried again.";
constexpr absl::string_view kFixDescriptors =
    "Raise the limit on open files (`ulimit -n`) and run `iris stop`: the next start has it.";
constexpr absl::string_view kFixMemory = "Free memory on this machine.";

absl::Status Make(absl::string_view doing, absl::string_view why, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(doing, ": ", why), fix);
}

}  // namespace

bool IsExhausted(int error) {
  return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool IsExhausted(const absl::Status& status) {
  // EAGAIN is the one, EMFILE, ENFILE and ENOMEM are the other.
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

absl::Status Exhausted(int error, absl::string_view doing) {
  return Make(doing, strerror(error),
              error == EAGAIN   ? kFixProcesses
              : error == ENOMEM ? kFixMemory
                                : kFixDescriptors);
}

absl::Status Exhausted(const absl::Status& status, absl::string_view doing) {
  return Make(doing, status.message(),
              absl::IsUnavailable(status) ? kFixProcesses : kFixDescriptors);
}

}  // namespace iris
