#include "coordinator/reach/shell/agent_bundle.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "common/base/sha256.h"
#include "common/failure/failure.h"
#include "coordinator/reach/shell/packed_agent.h"

namespace iris {
namespace {

constexpr size_t kProgramBytesMax = 256 << 20;

// Empty: not a 64-bit Linux program for any of kAgentArchs.
absl::string_view ArchOfProgram(const std::string& path) {
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Elf64_Ehdr header;
  if (!fd || read(fd.get(), &header, sizeof(header)) != sizeof(header)) return "";
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return "";
  }
  switch (header.e_machine) {
    case EM_X86_64:
      return "x86_64";
    case EM_AARCH64:
      return "aarch64";
    case EM_RISCV:
      return "riscv64";
    default:
      return "";
  }
}

absl::StatusOr<std::string> ReadProgram(const std::string& path) {
  const auto cannot_read = [&path](absl::string_view why) {
    return MakeFailure(
        v1::FAILURE_NO_AGENT_POSSIBLE,
        absl::StrCat("the agent build ", path, " cannot be read: ", why),
        "Install Iris again, or set settings.agentBundle to the directory that holds "
        "its agents.");
  };
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat stat = {};
  if (!fd || fstat(fd.get(), &stat) != 0) return cannot_read(strerror(errno));
  if (static_cast<uint64_t>(stat.st_size) > kProgramBytesMax) return cannot_read("too large");
  std::string bytes(stat.st_size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return cannot_read(n < 0 ? strerror(errno) : "it shrank");
    done += n;
  }
  return bytes;
}

class FoundBundle : public AgentBundle {
 public:
  explicit FoundBundle(std::vector<std::string> directories)
      : directories_(std::move(directories)) {
    absl::MutexLock lock(&mutex_);
    for (const std::string& directory : directories_) {
      for (absl::string_view arch : kAgentArchs)
        Consider(absl::StrCat(directory, "/iris-agent-", arch));
      Consider(absl::StrCat(directory, "/iris-agent"));
    }
  }

  absl::StatusOr<const AgentBuild*> ForArch(absl::string_view arch) const override {
    absl::MutexLock lock(&mutex_);
    const auto it = entries_.find(std::string(arch));
    if (it == entries_.end()) return NoBuild(arch);
    AgentBuild& build = it->second.build;
    if (build.sha256.empty()) {
      const absl::StatusOr<std::string> bytes = ReadProgram(build.path);
      if (!bytes.ok()) return bytes.status();
      build.bytes = bytes->size();
      build.sha256 = Sha256Hex(*bytes);
    }
    return &build;
  }

  absl::StatusOr<const AgentBuild*> ForThisMachine() const override {
    struct utsname name = {};
    uname(&name);
    return ForArch(name.machine);
  }

  absl::StatusOr<std::string> Bytes(const AgentBuild& build) const override {
    absl::StatusOr<std::string> bytes = ReadProgram(build.path);
    if (bytes.ok() && Sha256Hex(*bytes) != build.sha256) {
      return MakeFailure(
          v1::FAILURE_NO_AGENT_POSSIBLE,
          absl::StrCat("the agent build ", build.path, " was replaced while this coordinator ran"),
          "Run `iris stop`: the next start uses the new build.");
    }
    return bytes;
  }

  absl::StatusOr<const std::string*> Gzip(const AgentBuild& build) const override {
    // Under the lock: two hosts that need it at once must not pack it twice.
    absl::MutexLock lock(&mutex_);
    absl::optional<std::string>& gzip = entries_.at(build.arch).gzip;
    if (!gzip.has_value()) {
      absl::StatusOr<std::string> packed = Pack(build);
      if (!packed.ok()) return packed.status();
      gzip = *std::move(packed);
    }
    return &*gzip;
  }

 private:
  struct Entry {
    AgentBuild build;  // Does not change once it has its digest.
    absl::optional<std::string> gzip;
  };

  absl::StatusOr<std::string> Pack(const AgentBuild& build) const {
    const absl::StatusOr<std::string> made = ReadProgram(PackedPath(build.path));
    const absl::optional<absl::string_view> gzip =
        made.ok() ? GzipIn(*made, build.sha256) : absl::nullopt;
    if (gzip.has_value()) return std::string(*gzip);
    const absl::StatusOr<std::string> bytes = Bytes(build);
    if (!bytes.ok()) return bytes.status();
    return GzipFast(*bytes);
  }

  void Consider(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string arch(ArchOfProgram(path));
    if (arch.empty() || access(path.c_str(), X_OK) != 0) return;
    entries_.try_emplace(arch, Entry{.build = {.arch = arch, .path = path}});
  }

  absl::Status NoBuild(absl::string_view arch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::vector<std::string> present;
    for (const auto& [name, entry] : entries_) present.push_back(name);
    return MakeFailure(v1::FAILURE_NO_AGENT_POSSIBLE,
                       absl::StrCat("there is no agent build for ", arch, "; there is ",
                                    present.empty() ? "none at all" : absl::StrJoin(present, ", "),
                                    " (looked in ", absl::StrJoin(directories_, ", "), ")"),
                       absl::StrCat("Put iris-agent-", arch,
                                    " into a directory and name it in settings.agentBundle."));
  }

  const std::vector<std::string> directories_;
  mutable absl::Mutex mutex_;
  mutable std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // By architecture.
};

}  // namespace

std::unique_ptr<AgentBundle> AgentBundle::Find(std::vector<std::string> directories) {
  return std::make_unique<FoundBundle>(std::move(directories));
}

absl::StatusOr<std::vector<AgentBuild>> AllBuilds(const AgentBundle& bundle) {
  std::vector<AgentBuild> builds;
  absl::Status none;
  for (absl::string_view arch : kAgentArchs) {
    const absl::StatusOr<const AgentBuild*> build = bundle.ForArch(arch);
    if (build.ok()) {
      builds.push_back(**build);
    } else if (none.ok()) {
      none = build.status();
    }
  }
  if (builds.empty()) return none;
  return builds;
}

std::vector<std::string> DefaultBundleDirectories(const std::string& agent_bundle,
                                                  const std::string& program) {
  const std::string own = program.substr(0, program.rfind('/'));
  std::vector<std::string> directories;
  if (!agent_bundle.empty()) directories.push_back(agent_bundle);
  directories.push_back(absl::StrCat(own, "/../agent"));
  directories.push_back(own);
  directories.push_back(absl::StrCat(own, "/../lib/iris"));
  return directories;
}

}  // namespace iris
