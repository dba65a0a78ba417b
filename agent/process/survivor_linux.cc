#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/process/descendants.h"
#include "agent/process/own_children.h"
#include "agent/process/survivor.h"
#include "common/base/small_file.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

// Nobody tells when a process ends that is no child of ours, on every kernel.
constexpr absl::Duration kLookEvery = absl::Milliseconds(50);
// A keeper takes 10 s at most for its descendants.
constexpr int kLooksForKeeper = 15 * 20;
constexpr size_t kCommandBytesMax = 1 << 20;

void KillTree(pid_t root) {
  for (const pid_t below : DescendantsOf(root)) kill(below, SIGKILL);
  kill(root, SIGKILL);
}

// The fields of /proc/PID/stat behind the name: its state, its parent, …. Empty: no such process.
std::vector<std::string> StatOf(pid_t pid) {
  const std::string stat = ReadSmallFile(absl::StrCat("/proc/", pid, "/stat"), 512);
  const size_t name_end = stat.rfind(')');  // The name may hold anything.
  if (name_end == std::string::npos) return {};
  return absl::StrSplit(stat.substr(name_end + 1), ' ', absl::SkipEmpty());
}

// Its command line. Empty for a zombie.
std::vector<std::string> ArgsOf(pid_t pid) {
  return absl::StrSplit(ReadSmallFile(absl::StrCat("/proc/", pid, "/cmdline"), kCommandBytesMax),
                        '\0');
}

// By its name too: others serve as well, and one that is the first process of a container gets the
// keepers of an agent that was killed.
bool IsAgent(pid_t pid) {
  const std::vector<std::string> args = ArgsOf(pid);
  if (args.size() < 2 || args[1] != "serve") return false;
  return absl::StartsWith(args[0].substr(args[0].rfind('/') + 1), "iris-agent");
}

}  // namespace

bool ProcessId::Runs() const {
  if (pid <= 0 || ProcessStartTime(pid) != start_time) return false;
  const std::vector<std::string> stat = StatOf(pid);
  return !stat.empty() && stat[0] != "Z" && stat[0] != "X";
}

bool IsOfAnotherAgent(ProcessId keeper) {
  if (!keeper.Runs()) return false;
  const std::vector<std::string> stat = StatOf(keeper.pid);
  pid_t parent = 0;
  if (stat.size() < 2 || !absl::SimpleAtoi(stat[1], &parent)) return false;
  return parent > 0 && parent != getpid() && IsAgent(parent);
}

Survivor::Survivor(EventLoop& loop, ProcessId keeper, ProcessId claude,
                   absl::AnyInvocable<void()> on_gone)
    : loop_(loop), keeper_(keeper), claude_(claude), on_gone_(std::move(on_gone)) {
  // After an upgrade that lost its state, the keeper is a child of this very process: no stray, and
  // ours to reap.
  siginfo_t unused;
  is_own_child_ = keeper_.pid > 0 && waitid(P_PID, static_cast<id_t>(keeper_.pid), &unused,
                                            WEXITED | WNOHANG | WNOWAIT) == 0;
  if (is_own_child_) OwnChildren::Get().AdoptUnheard(keeper_.pid);
  timer_ = loop_.After(absl::ZeroDuration(), [this] { Look(); });
}

Survivor::~Survivor() {
  if (is_own_child_) OwnChildren::Get().Forget(keeper_.pid);
  if (timer_ != 0) loop_.Cancel(timer_);
}

void Survivor::Look() {
  timer_ = 0;
  const bool keeper_runs = keeper_.Runs();
  if (!keeper_runs && !claude_.Runs()) {
    if (is_own_child_) waitpid(keeper_.pid, nullptr, WNOHANG);
    absl::AnyInvocable<void()> on_gone = std::move(on_gone_);
    return on_gone();  // May destroy this.
  }
  if (looks_since_end_ >= 0 && (!keeper_runs || ++looks_since_end_ > kLooksForKeeper)) {
    if (claude_.Runs()) KillTree(claude_.pid);
    if (keeper_.Runs()) KillTree(keeper_.pid);
  }
  timer_ = loop_.After(kLookEvery, [this] { Look(); });
}

void Survivor::End() {
  if (looks_since_end_ >= 0) return;
  looks_since_end_ = 0;
  if (keeper_.Runs()) kill(keeper_.pid, SIGTERM);
}

std::map<std::string, ProcessId> FindKeepers() {
  std::map<std::string, ProcessId> found;
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return found;
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = atoi(entry->d_name);
    struct stat info;
    const std::string dir = absl::StrCat("/proc/", entry->d_name);
    if (pid <= 0 || stat(dir.c_str(), &info) != 0 || info.st_uid != geteuid()) continue;
    const std::vector<std::string> args = ArgsOf(pid);
    if (args.size() < 2 || args[1] != "keeper") continue;
    const auto flag = std::find_if(args.begin(), args.end(), [](const std::string& arg) {
      return arg == "--session-id" || arg == "--resume";
    });
    if (flag == args.end() || flag + 1 == args.end()) continue;
    const ProcessId keeper = {.pid = pid, .start_time = ProcessStartTime(pid)};
    if (!IsOfAnotherAgent(keeper)) found[*(flag + 1)] = keeper;
  }
  closedir(proc);
  return found;
}

}  // namespace iris
