#include "agent/session/find_program.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/session/closed_folder.h"
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
  Places(const Env& env, std::string home, std::vector<std::string>* places)
      : env_(env), home_(std::move(home)), places_(*places) {}

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
    for (const std::string& version : Entries(base)) {
      Add(absl::StrCat(base, "/", version, below));
    }
  }
  // BASE/TOOL/VERSION[/bin], of tools that bring programs of node's, or claude itself.
  void AddTools(const std::string& base) {
    for (const std::string& tool : Entries(base)) {
      if (tool != "node" && tool != "nodejs" && !absl::StrContains(tool, "claude")) continue;
      AddVersions(absl::StrCat(base, "/", tool), "/bin");
      AddVersions(absl::StrCat(base, "/", tool), "");
    }
  }

  void AddOfHome() {
    for (const absl::string_view directory :
         {".local/bin", ".claude/local", ".npm-global/bin", ".npm-packages/bin", "bin",
          ".yarn/bin", ".linuxbrew/bin", ".nix-profile/bin", ".local/state/nix/profile/bin",
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
  const Env& env_;
  const std::string home_;
  std::vector<std::string>& places_;
};

}  // namespace

bool IsThere(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

ProgramSearch::ProgramSearch(const Env& env, const std::string& home,
                             const std::vector<std::string>& system_dirs) {
  Places places(env, home, &places_);
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

ProgramSearch::Found ProgramSearch::Find(absl::string_view name) {
  for (size_t i = 0; i < places_.size(); ++i) {
    std::string path = absl::StrCat(places_[i], "/", name);
    struct stat info;
    if (lstat(path.c_str(), &info) != 0) {
      if (errno == EACCES) closed_.push_back(places_[i]);
      continue;
    }
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
  if (begin.empty() || absl::StartsWith(begin, "\x7f" "ELF")) return "";  // Some may only be run.
  if (!absl::StartsWith(begin, "#!")) return "is no program";
  return WhyScriptUnfit(absl::string_view(begin).substr(2, begin.find('\n') - 2));
}

// "/usr/bin/env -S node --flag" and "/bin/sh -e": what runs it must be there.
std::string ProgramSearch::WhyScriptUnfit(absl::string_view first_line) {
  const std::vector<std::string> words =
      absl::StrSplit(first_line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.empty()) return "is no program";
  if (access(words[0].c_str(), X_OK) != 0) return absl::StrCat("needs ", words[0]);
  if (!absl::EndsWith(words[0], "/env")) return "";
  for (size_t i = 1; i < words.size(); ++i) {
    if (absl::StartsWith(words[i], "-") || absl::StrContains(words[i], '=')) continue;
    const bool there = absl::StartsWith(words[i], "/") ? access(words[i].c_str(), X_OK) == 0
                                                       : IsSomewhere(words[i]);
    return there ? "" : absl::StrCat("needs ", words[i]);
  }
  return "";
}

bool ProgramSearch::IsSomewhere(absl::string_view name) {
  return std::any_of(places_.begin(), places_.end(), [name](const std::string& directory) {
    struct stat info;
    const std::string path = absl::StrCat(directory, "/", name);
    return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
           access(path.c_str(), X_OK) == 0;
  });
}

}  // namespace iris
