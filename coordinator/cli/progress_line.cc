#include "coordinator/cli/progress_line.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

constexpr char kEraseLine[] = "\r\033[K";
constexpr size_t kLineBytesMax = 200;  // A wrapped line would not be erased.

const char* NameOf(v1::TellProgress::Stage stage) {
  switch (stage) {
    case v1::TellProgress::QUEUED:
      return "queued";
    case v1::TellProgress::CONNECTING:
      return "connecting";
    case v1::TellProgress::UPLOADING:
      return "uploading";
    case v1::TellProgress::STARTING:
      return "starting";
    case v1::TellProgress::WORKING:
      return "working";
    default:
      return "waiting";
  }
}

}  // namespace

std::string ShowProgress(const v1::TellProgress& progress) {
  std::string line = progress.text().empty()
                         ? NameOf(progress.stage())
                         : CutUtf8(OneLine(progress.text()), kLineBytesMax);
  if (progress.stage() == v1::TellProgress::UPLOADING && progress.bytes_total() > 0) {
    absl::StrAppend(&line, ": ", ShowBytes(progress.bytes_done()), " of ",
                    ShowBytes(progress.bytes_total()));
  }
  return line;
}

ProgressLine::ProgressLine() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressLine::Show(const v1::TellProgress& progress) {
  if (!on_terminal_) return;
  fprintf(stderr, "%s%s", kEraseLine, ShowProgress(progress).c_str());
  fflush(stderr);
  shown_ = true;
}

void ProgressLine::Clear() {
  if (!shown_) return;
  fputs(kEraseLine, stderr);
  fflush(stderr);
  shown_ = false;
}

}  // namespace iris
