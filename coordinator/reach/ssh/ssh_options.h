#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_OPTIONS_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_OPTIONS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace iris {

// What Iris knows of ssh(1)'s command line (OpenSSH 9.2): which options take a value, and which
// would break what Iris does with the connection. `why_refused` follows "-X: " and is empty for an
// option that is passed on.

struct SshLetter {
  char letter;
  bool takes_value;
  absl::string_view why_refused;
  absl::string_view keyword =
      "";  // The ssh_config keyword that means the same, lower case; or empty.
};

// Options given as -o KEYWORD=VALUE. Only refused ones are listed; all others are passed on.
struct SshKeyword {
  absl::string_view keyword;   // As ssh_config(5) spells it; ssh ignores case.
  absl::string_view harmless;  // The one value that is accepted nevertheless, lower case; or empty.
  absl::string_view why_refused;
};

absl::Span<const SshLetter> SshLetters();
absl::Span<const SshKeyword> RefusedSshKeywords();

// nullptr: ssh 9.2 has no such option.
const SshLetter* FindSshLetter(char letter);

// nullptr: not refused. Case is ignored.
const SshKeyword* FindRefusedSshKeyword(absl::string_view keyword);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_OPTIONS_H_
