#include "coordinator/cli/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "common/base/utf8.h"
#include "common/process/thread.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

constexpr char kEraseLine[] = "\r\033[K";
constexpr size_t kLineBytesMax = 200;
constexpr absl::string_view kApart = " · ";
constexpr size_t kWordsColumnsMin = 8;  // Fewer of them say nothing.
constexpr size_t kEndColumns = 32;      // Room for " iris answer 4f6d1a2b allow|deny".
constexpr absl::string_view kEllipsis = "…";
constexpr size_t kColumnsUsual = 80;  // Of a terminal that does not say.
constexpr absl::Duration kBeat = absl::Seconds(1);

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

std::string Doing(const v1::TellProgress& progress) {
  if (progress.has_tool()) return absl::StrCat("runs ", OneLine(ToolText(progress.tool())));
  return progress.text().empty() ? NameOf(progress.stage()) : OneLine(progress.text());
}

// Of an upload.
std::string HowFar(const v1::TellProgress& progress) {
  if (progress.stage() != v1::TellProgress::UPLOADING || progress.bytes_total() == 0) return "";
  return absl::StrCat(": ", ShowBytes(progress.bytes_done()), " of ",
                      ShowBytes(progress.bytes_total()));
}

// What a person can do stands at the end ("iris answer ID allow|deny"): of a line that is too long
// the middle is left out, where there is room for two halves.
std::string InColumns(const std::string& doing, size_t columns) {
  if (ColumnsOf(doing) <= columns || columns < 2 * kEndColumns) return FirstColumns(doing, columns);
  return absl::StrCat(FirstColumns(doing, columns - kEndColumns),
                      LastColumns(doing, kEndColumns + 1).substr(kEllipsis.size()));
}

// At every line anew: a window changes its size.
size_t ColumnsOfTerminal() {
  winsize size{};
  const bool says = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return says ? size.ws_col : kColumnsUsual;
}

}  // namespace

std::string ShowProgress(const v1::TellProgress& progress) {
  return absl::StrCat(CutUtf8(Doing(progress), kLineBytesMax), HowFar(progress));
}

std::string ProgressLineText(const v1::TellProgress& progress, absl::Duration later,
                             size_t columns) {
  const std::string doing = Doing(progress);
  std::string tail = HowFar(progress);
  if (progress.working_ms() > 0) {
    const absl::Duration working = absl::Milliseconds(progress.working_ms()) + later;
    tail = absl::StrCat(kApart, absl::ToInt64Seconds(working), " s");
  }
  if (columns <= ColumnsOf(tail)) return FirstColumns(absl::StrCat(doing, tail), columns);
  std::string line = absl::StrCat(InColumns(doing, columns - ColumnsOf(tail)), tail);
  const std::string said = OneLine(progress.words());
  const size_t left = columns - ColumnsOf(line);
  if (said.empty() || left < ColumnsOf(kApart) + kWordsColumnsMin) return line;
  return absl::StrCat(line, kApart, LastColumns(said, left - ColumnsOf(kApart)));
}

bool HasToBeReadWhole(const v1::TellProgress& progress, size_t columns) {
  return progress.host_asks() && ColumnsOf(Doing(progress)) > columns;
}

ProgressLine::ProgressLine()
    : on_terminal_(isatty(STDERR_FILENO) == 1), ticker_(absl::UnavailableError("no terminal")) {
  if (on_terminal_) ticker_ = StartThread("shows the seconds", [this] { Tick(); });
}

ProgressLine::~ProgressLine() {
  Clear();
  {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }
  if (ticker_.ok()) ticker_->join();
}

void ProgressLine::Tick() {
  absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&over_), kBeat)) Draw();
}

void ProgressLine::Show(const v1::TellProgress& progress) {
  if (!on_terminal_) return;
  absl::MutexLock lock(&mutex_);
  const bool is_news = !progress_.has_value() || progress_->text() != progress.text();
  progress_ = progress;
  heard_at_ = absl::Now();
  if (is_news && HasToBeReadWhole(progress, ColumnsOfTerminal() - 1)) {
    fprintf(stderr, "%s%s\n", kEraseLine, OneLine(progress.text()).c_str());
  }
  Draw();
}

void ProgressLine::Draw() {
  if (!progress_.has_value()) return;
  // The last column is left free: some terminals wrap there.
  const std::string line =
      ProgressLineText(*progress_, absl::Now() - heard_at_, ColumnsOfTerminal() - 1);
  fprintf(stderr, "%s%s", kEraseLine, line.c_str());
  fflush(stderr);
}

void ProgressLine::Clear() {
  absl::MutexLock lock(&mutex_);
  if (!progress_.has_value()) return;
  progress_.reset();
  fputs(kEraseLine, stderr);
  fflush(stderr);
}

}  // namespace iris
