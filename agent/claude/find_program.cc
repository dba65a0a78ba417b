#include "agent/claude/find_program.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/claude/closed_folder.h"
#include "common/base/small_file.h"

namespace iris {
namespace {

using Env = std::map<std::string, std::string>;

constexpr size_t kFirstLineBytes = 256;
constexpr size_t kEntriesMax = 100;  // Of one directory: versions, tools.
constexpr size_t kUnfitMax = 8;

// What is in a directory, newest version first: strverscmp() has v18 above v9, and "latest" and
// "lts" above numbers.
std::vector<std::string> Entries(const std::string& directory) {
  std::vector<std::string> names;
  if (DIR* dir = opendir(directory.c_str()); dir != nullptr) {
    while (const dirent* entry = readdir(dir)) {
      if (entry->d_name[0] != '.' && names.size() < kEntriesMax) names.emplace_back(entry->d_name);
    }
    closedir(dir);
  }
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return strverscmp(a.c_str(), b.c_str()) > 0;
  });
  return names;
}

class Places {
 public:
  using IsFar = std::function<bool(const std::string& path)>;

  // What `is_far` is not read.
  Places(const Env& env, std::string home, IsFar is_far, std::vector<std::string>* places)
      : env_(env), home_(std::move(home)), is_far_(std::move(is_far)), places_(*places) {}

  void Add(std::string directory) {
    if (!absl::StartsWith(directory, "/")) return;
    if (std::count(places_.begin(), places_.end(), directory) > 0) return;
    places_.push_back(std::move(directory));
  }
  // What the account's startup files would have said, else the usual place in its home.
  std::string Base(const std::string& variable, absl::string_view in_home) const {
    const auto found = env_.find(variable);
    const bool given = found != env_.end() && absl::StartsWith(found->second, "/");
    return given ? found->second : absl::StrCat(home_, "/", in_home);
  }
  // BASE/VERSION/BELOW of every version.
  void AddVersions(const std::string& base, absl::string_view below) {
    for (const std::string& version : In(base)) {
      Add(absl::StrCat(base, "/", version, below));
    }
  }
  // BASE/TOOL/VERSION[/bin], of tools that bring programs of node's, or claude itself.
  void AddTools(const std::string& base) {
    for (const std::string& tool : In(base)) {
      if (tool != "node" && tool != "nodejs" && !absl::StrContains(tool, "claude")) continue;
      AddVersions(absl::StrCat(base, "/", tool), "/bin");
      AddVersions(absl::StrCat(base, "/", tool), "");
    }
  }

  void AddOfHome() {
    for (const absl::string_view directory :
         {".local/bin", ".claude/local", ".npm-global/bin", ".npm-packages/bin", "bin", ".yarn/bin",
          ".linuxbrew/bin", ".nix-profile/bin", ".local/state/nix/profile/bin",
          ".local/state/nix/profiles/profile/bin"}) {
      Add(absl::StrCat(home_, "/", directory));
    }
    Add(absl::StrCat(Base("BUN_INSTALL", ".bun"), "/bin"));
    Add(absl::StrCat(Base("VOLTA_HOME", ".volta"), "/bin"));
    Add(absl::StrCat(Base("N_PREFIX", "n"), "/bin"));
    const std::string pnpm = Base("PNPM_HOME", ".local/share/pnpm");
    Add(pnpm);
    Add(absl::StrCat(pnpm, "/bin"));
  }
  // A manager's own installations before its shims, which may refuse to run in a directory for
  // which no version is chosen.
  void AddOfManagers() {
    AddVersions(absl::StrCat(Base("NVM_DIR", ".nvm"), "/versions/node"), "/bin");
    for (const std::string& fnm :
         {Base("FNM_DIR", ".local/share/fnm"), absl::StrCat(home_, "/.fnm")}) {
      Add(absl::StrCat(fnm, "/aliases/default/bin"));
      AddVersions(absl::StrCat(fnm, "/node-versions"), "/installation/bin");
    }
    AddVersions(absl::StrCat(Base("NODENV_ROOT", ".nodenv"), "/versions"), "/bin");
    const std::string mise = Base("MISE_DATA_DIR", ".local/share/mise");
    const std::string asdf = Base("ASDF_DATA_DIR", ".asdf");
    AddTools(absl::StrCat(mise, "/installs"));
    AddTools(absl::StrCat(asdf, "/installs"));
    Add(absl::StrCat(mise, "/shims"));
    Add(absl::StrCat(asdf, "/shims"));
    Add(absl::StrCat(asdf, "/bin"));  // Which its shims run.
  }

 private:
  std::vector<std::string> In(const std::string& directory) const {
    return is_far_(directory) ? std::vector<std::string>() : Entries(directory);
  }

  const Env& env_;
  const std::string home_;
  const IsFar is_far_;
  std::vector<std::string>& places_;
};

}  // namespace

bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

bool IsScript(const std::string& path) { return ReadSmallFile(path, 2) == "#!"; }

ProgramSearch::ProgramSearch(const Env& env, const std::string& home,
                             const std::vector<std::string>& system_dirs, IsOnNetwork is_on_network)
    : home_(home),
      is_on_network_(std::move(is_on_network)),
      home_is_far_(is_on_network_ != nullptr && is_on_network_(home)) {
  Places places(
      env, home, [this](const std::string& path) { return IsFar(path); }, &places_);
  const auto path = env.find("PATH");
  if (path != env.end()) {
    for (absl::string_view directory : absl::StrSplit(path->second, ':', absl::SkipEmpty())) {
      places.Add(std::string(directory));
    }
  }
  on_path_ = places_.size();
  places.AddOfHome();
  for (const std::string& directory : system_dirs) places.Add(directory);
  places.AddOfManagers();
}

bool ProgramSearch::IsFar(const std::string& path) const {
  if (is_on_network_ == nullptr || !is_on_network_(path)) return false;
  return !home_is_far_ || !absl::StartsWith(path, home_ + "/");
}

// A link in a directory that is near may lead far.
ProgramSearch::Look ProgramSearch::LookAmong(bool far, const std::string& place,
                                             const std::string& path) const {
  const bool place_is_far = IsFar(place);
  if (place_is_far && !far) return Look::kNotThere;
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    return errno == EACCES && place_is_far == far ? Look::kClosed : Look::kNotThere;
  }
  return (place_is_far || IsFar(path)) == far ? Look::kThere : Look::kNotThere;
}

ProgramSearch::Found ProgramSearch::Find(absl::string_view name, Reach reach) {
  Found found = FindAmong(/*far=*/false, name);
  const bool may_go_on = found.path.empty() && reach == Reach::kEverywhere;
  return may_go_on && is_on_network_ != nullptr ? FindAmong(/*far=*/true, name) : found;
}

ProgramSearch::Found ProgramSearch::FindAmong(bool far, absl::string_view name) {
  for (size_t i = 0; i < places_.size(); ++i) {
    std::string path = absl::StrCat(places_[i], "/", name);
    const Look look = LookAmong(far, places_[i], path);
    if (look == Look::kClosed) closed_.push_back(places_[i]);
    if (look != Look::kThere) continue;
    struct stat info;
    // A directory of that name is another matter.
    if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) continue;
    const std::string why = WhyUnfit(path);
    if (why.empty()) return {std::move(path), i < on_path_ ? "" : places_[i]};
    if (unfit_.size() < kUnfitMax) unfit_.push_back(absl::StrCat(path, " ", why));
  }
  return {};
}

std::string ProgramSearch::WhyUnfit(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    const int error = errno;
    if (const std::string closed = ClosedFolder(path); error == EACCES && !closed.empty()) {
      lacks_rights_ = true;
      return absl::StrCat("is behind ", closed, ", which this account may not enter");
    }
    if (error != EACCES && !IsThere(path)) return "";
    return error == ENOENT ? "is a link that leads nowhere"
                           : absl::StrCat("cannot be reached (", strerror(error), ")");
  }
  if (!S_ISREG(info.st_mode)) return "is not a file";
  if (info.st_size == 0) return "is empty";
  if (access(path.c_str(), X_OK) != 0) {
    lacks_rights_ = true;
    const bool for_others = (info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    return for_others ? "is not executable for this account" : "is not executable";
  }
  const std::string begin = ReadSmallFile(path, kFirstLineBytes);
  if (begin.empty() || absl::StartsWith(begin,
                                        "\x7f"
                                        "ELF"))
    return "";  // Some may only be run.
  if (!absl::StartsWith(begin, "#!")) return "is no program";
  return WhyScriptUnfit(absl::string_view(begin).substr(2, begin.find('\n') - 2));
}

// "/usr/bin/env -S node --flag" and "/bin/sh -e": what runs it must be there.
std::string ProgramSearch::WhyScriptUnfit(absl::string_view first_line) {
  const std::vector<std::string> words =
      absl::StrSplit(first_line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.empty()) return "is no program";
  if (IsFar(words[0])) return "";  // Whoever runs it will see.
  if (access(words[0].c_str(), X_OK) != 0) return absl::StrCat("needs ", words[0]);
  if (!absl::EndsWith(words[0], "/env")) return "";
  for (size_t i = 1; i < words.size(); ++i) {
    if (absl::StartsWith(words[i], "-") || absl::StrContains(words[i], '=')) continue;
    const bool there =
        absl::StartsWith(words[i], "/")
            ? IsFar(words[i]) || access(words[i].c_str(), X_OK) == 0
            : IsSomewhere(/*far=*/false, words[i]) || IsSomewhere(/*far=*/true, words[i]);
    return there ? "" : absl::StrCat("needs ", words[i]);
  }
  return "";
}

bool ProgramSearch::IsSomewhere(bool far, absl::string_view name) const {
  return std::any_of(places_.begin(), places_.end(), [&](const std::string& directory) {
    struct stat info;
    const std::string path = absl::StrCat(directory, "/", name);
    return LookAmong(far, directory, path) == Look::kThere && stat(path.c_str(), &info) == 0 &&
           S_ISREG(info.st_mode) && info.st_size > 0 && access(path.c_str(), X_OK) == 0;
  });
}

}  // namespace iris
