#ifndef IRIS_AGENT_CLAUDE_FIND_PROGRAM_H_
#define IRIS_AGENT_CLAUDE_FIND_PROGRAM_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// Finds programs of an account as its own shell would, and where it would not: an ssh command has a
// shorter PATH than a login. After PATH it looks where installers and managers of versions put
// programs (npm, pnpm, bun, volta, nvm, fnm, n, mise, asdf, nodenv, Homebrew, nix), newest versions
// first. Reads directories; runs nothing. Not thread-safe.
//
// At what is far, on the network, where a server that hangs would hold us up, it looks last, and
// only for a program that is nowhere else. What is in the home is near wherever that is: claude
// keeps its sessions there.
class ProgramSearch {
 public:
  using IsOnNetwork = std::function<bool(const std::string& path)>;
  enum class Reach { kNear, kEverywhere };

  struct Found {
    std::string path;       // Empty: nowhere.
    std::string directory;  // It is in this one, which is not on PATH. Empty: it is.
  };

  // `env`: the child's, of which PATH and the managers' own variables (MISE_DATA_DIR) count.
  // `system_dirs`: searched after the places in the home. `is_on_network`: as SessionContext has
  // it.
  ProgramSearch(const std::map<std::string, std::string>& env, const std::string& home,
                const std::vector<std::string>& system_dirs, IsOnNetwork is_on_network = nullptr);

  // The first `name` that can be run.
  Found Find(absl::string_view name, Reach reach = Reach::kEverywhere);
  // Why `path` cannot be run, for people ("is empty", "is behind /root, which this account may not
  // enter"); empty: it can, or nothing is there at all.
  std::string WhyUnfit(const std::string& path);

  // Directories, in the order in which they are searched.
  const std::vector<std::string>& places() const { return places_; }
  // "PATH WHY" of what Find() has passed over by now.
  const std::vector<std::string>& unfit() const { return unfit_; }
  // Of places(), those that the account may not enter: what is there Find() has not seen.
  const std::vector<std::string>& closed() const { return closed_; }
  // Something that was there lacks only a right for this account.
  bool lacks_rights() const { return lacks_rights_; }

 private:
  bool IsFar(const std::string& path) const;
  // Among what is far, or among what is not.
  Found FindAmong(bool far, absl::string_view name);
  enum class Look { kNotThere, kThere, kClosed };  // The last: the account may not look.
  // For `path`, in the directory `place`, among those.
  Look LookAmong(bool far, const std::string& place, const std::string& path) const;
  std::string WhyScriptUnfit(absl::string_view first_line);
  bool IsSomewhere(bool far, absl::string_view name) const;

  const std::string home_;
  const IsOnNetwork is_on_network_;
  const bool home_is_far_;
  std::vector<std::string> places_;
  size_t on_path_ = 0;  // So many of them are of PATH.
  std::vector<std::string> unfit_;
  std::vector<std::string> closed_;
  bool lacks_rights_ = false;
};

// A file or a link of that name is there, whatever it is worth.
bool IsThere(const std::string& path);

// It begins with "#!".
bool IsScript(const std::string& path);

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_FIND_PROGRAM_H_
