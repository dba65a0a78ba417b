#include "common/failure/exhausted.h"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/failure/agent_fix.h"

namespace iris {
namespace {

// " (the limit on open files is 1024)"; empty where there is none.
std::string Limit(int resource, absl::string_view what) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return absl::StrCat(" (the limit on ", what, " is ", limit.rlim_cur, ")");
}

absl::Status OutOfProcesses(absl::string_view doing, absl::string_view why) {
  return MakeFailure(
      v1::FAILURE_BUSY_LIMIT,
      absl::StrCat(doing, ": ", why, Limit(RLIMIT_NPROC, "the account's processes and threads")),
      kFixProcesses);
}

absl::Status OutOfDescriptors(absl::string_view doing, absl::string_view why) {
  return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                     absl::StrCat(doing, ": ", why, Limit(RLIMIT_NOFILE, "open files")),
                     kFixDescriptors);
}

absl::Status OutOfWatches(absl::string_view doing, absl::string_view why) {
  std::string most;
  std::getline(std::ifstream("/proc/sys/fs/epoll/max_user_watches"), most);
  return MakeFailure(
      v1::FAILURE_BUSY_LIMIT,
      absl::StrCat(doing, ": ", why, " (the limit on the account's watched descriptors is ",
                   most.empty() ? "unknown" : most, ")"),
      kFixWatches);
}

absl::Status OutOfMemory(absl::string_view doing, absl::string_view why) {
  return MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(doing, ": ", why), kFixMemory);
}

}  // namespace

bool IsExhausted(int error) {
  return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool IsExhausted(const absl::Status& status) {
  // EAGAIN is the one, EMFILE, ENFILE and ENOMEM are the other.
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

bool SaysExhausted(absl::string_view text) {
  for (const int error : {EAGAIN, EMFILE, ENFILE, ENOMEM}) {
    if (absl::StrContains(text, strerror(error))) return true;
  }
  return false;
}

absl::Status Exhausted(int error, absl::string_view doing) {
  switch (error) {
    case EAGAIN:
      return OutOfProcesses(doing, strerror(error));
    case ENOMEM:
      return OutOfMemory(doing, strerror(error));
    case ENOSPC:
      return OutOfWatches(doing, "epoll");
    default:
      return OutOfDescriptors(doing, strerror(error));
  }
}

absl::Status Exhausted(const absl::Status& status, absl::string_view doing) {
  const absl::string_view why = status.message();
  const auto says = [why](int error) { return absl::StrContains(why, strerror(error)); };
  if (absl::IsUnavailable(status) || says(EAGAIN)) return OutOfProcesses(doing, why);
  if (absl::StrContains(why, "fs.epoll.max_user_watches")) return OutOfWatches(doing, why);
  return says(ENOMEM) ? OutOfMemory(doing, why) : OutOfDescriptors(doing, why);
}

absl::Status DiskFailure(absl::string_view doing, absl::string_view why, absl::string_view fix) {
  const std::string limit =
      absl::StrContains(why, strerror(EFBIG)) ? Limit(RLIMIT_FSIZE, "the bytes of a file") : "";
  return MakeFailure(v1::FAILURE_STORAGE, absl::StrCat(doing, ": ", why, limit),
                     limit.empty() ? fix : kFixFileSize);
}

bool IsOfFileSize(const absl::Status& failure) {
  return KindOf(failure) == v1::FAILURE_STORAGE && Failure(ToProto(failure)).fix() == kFixFileSize;
}

absl::Status SystemFailure(FailureKind kind, int error, absl::string_view doing) {
  if (IsExhausted(error)) return Exhausted(error, doing);
  return MakeFailure(kind, absl::StrCat(doing, ": ", strerror(error)));
}

}  // namespace iris
