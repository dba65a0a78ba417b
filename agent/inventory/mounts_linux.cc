#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/inventory/mounts.h"
#include "agent/inventory/storage.h"
#include "common/base/age_clock.h"

namespace iris {
namespace {

constexpr char kKernelsTable[] = "/proc/self/mountinfo";
constexpr size_t kStepBytes = 64 << 10;
constexpr size_t kMountsBytesMax = 1 << 20;
constexpr int kLinksMax = 40;  // As the kernel has it.

struct Mount {
  std::string at;
  bool on_network = false;
};

// The names of what StorageOfMagic() knows by number. An automounter waits for what it mounts.
bool IsTypeOfNetwork(absl::string_view type) {
  constexpr absl::string_view kTypes[] = {"9p",   "afs",   "autofs", "beegfs",  "ceph",
                                          "cifs", "coda",  "gpfs",   "lustre",  "pvfs2",
                                          "smb3", "smbfs", "vboxsf", "virtiofs"};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes) ||
         absl::StartsWith(type, "nfs") || absl::StartsWith(type, "fuse");
}

// A blank in a path stands as \040 there.
std::string Unescaped(absl::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0')));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// "36 35 98:0 /root /mnt/point rw,noatime master:1 - ext3 /dev/root rw": proc(5).
std::vector<Mount> MountsIn(absl::string_view table) {
  std::vector<Mount> mounts;
  for (const absl::string_view line : absl::StrSplit(table, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || dash == words.end() || dash + 1 == words.end()) continue;
    mounts.push_back({.at = Unescaped(words[4]), .on_network = IsTypeOfNetwork(dash[1])});
  }
  return mounts;
}

bool IsAtOrBelow(absl::string_view path, absl::string_view directory) {
  return absl::ConsumePrefix(&path, directory) &&
         (path.empty() || path[0] == '/' || directory == "/");
}

// Of mounts on one directory the last is what is seen.
bool IsOnNetworkMount(const std::string& path, const std::vector<Mount>& mounts) {
  const Mount* nearest = nullptr;
  for (const Mount& mount : mounts) {
    if (!IsAtOrBelow(path, mount.at)) continue;
    if (nearest == nullptr || mount.at.size() >= nearest->at.size()) nearest = &mount;
  }
  return nearest != nullptr && nearest->on_network;
}

// From its beginning; empty: it cannot be read.
std::string ReadTable(const ScopedFd& file) {
  std::string text;
  if (!file || lseek(file.get(), 0, SEEK_SET) != 0) return text;
  for (size_t done = 0; done < kMountsBytesMax;) {
    text.resize(done + kStepBytes);
    const ssize_t n = read(file.get(), text.data() + done, kStepBytes);
    if (n > 0) done += static_cast<size_t>(n);
    text.resize(done);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  return text;
}

}  // namespace

struct Mounts::Table {
  std::vector<Mount> mounts;
  bool has_network = false;
};

Mounts::Mounts() : file_(kKernelsTable), tells_of_changes_(true) {}
Mounts::Mounts(std::string file) : file_(std::move(file)), tells_of_changes_(false) {}
Mounts::~Mounts() = default;

uint64_t Mounts::reads() const {
  absl::MutexLock lock(&mutex_);
  return reads_;
}

std::shared_ptr<const Mounts::Table> Mounts::Now() {
  absl::MutexLock lock(&mutex_);
  if (table_ == nullptr || MayHaveChanged()) Read();
  return table_;
}

bool Mounts::MayHaveChanged() {
  if (!tells_of_changes_ || MonotonicNow() - read_at_ >= kReadAgainAfter) return true;
  pollfd table = {.fd = open_.get(), .events = POLLPRI, .revents = 0};
  return poll(&table, 1, 0) != 0;
}

// What is changed while it is read, the next poll() says.
void Mounts::Read() {
  if (!open_) open_.Reset(open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  auto table = std::make_shared<Table>();
  table->mounts = MountsIn(ReadTable(open_));
  for (const Mount& mount : table->mounts) table->has_network |= mount.on_network;
  ++reads_;
  read_at_ = MonotonicNow();
  if (table->mounts.empty()) {
    open_.Reset();
    table_ = nullptr;
  } else {
    table_ = std::move(table);
  }
}

// A step at a time, as the kernel goes, and none onto a mount of the network: readlink() looks only
// at directories that were found to be none.
bool Mounts::LeadsOntoNetwork(const std::string& path) {
  const std::shared_ptr<const Table> now = Now();
  if (now == nullptr) return StorageOf(path) == v1::STORAGE_NETWORK;
  if (!now->has_network) return false;
  const std::vector<Mount>& table = now->mounts;
  std::deque<std::string> steps = absl::StrSplit(path, '/', absl::SkipEmpty());
  std::string at;  // Without links; empty: the root.
  int links = 0;
  while (!steps.empty()) {
    const std::string step = std::move(steps.front());
    steps.pop_front();
    if (step == ".") continue;
    if (step == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    const std::string next = absl::StrCat(at, "/", step);
    if (IsOnNetworkMount(next, table)) return true;
    char target[PATH_MAX];
    const ssize_t bytes = readlink(next.c_str(), target, sizeof(target));
    if (bytes <= 0) {
      at = next;
      continue;
    }
    if (++links > kLinksMax) return false;
    const absl::string_view to(target, static_cast<size_t>(bytes));
    if (to[0] == '/') at.clear();
    const std::vector<std::string> more = absl::StrSplit(to, '/', absl::SkipEmpty());
    steps.insert(steps.begin(), more.begin(), more.end());
  }
  return IsOnNetworkMount(at.empty() ? "/" : at, table);
}

}  // namespace iris
