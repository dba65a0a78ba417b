#include "common/process/thread.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/exhausted.h"

namespace iris {

absl::StatusOr<std::thread> StartThread(absl::string_view purpose, std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    return Exhausted(error.code().value(), absl::StrCat("no thread can be started that ", purpose));
  }
}

}  // namespace iris
