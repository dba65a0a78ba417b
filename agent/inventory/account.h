#ifndef IRIS_AGENT_INVENTORY_ACCOUNT_H_
#define IRIS_AGENT_INVENTORY_ACCOUNT_H_

#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// The account that this process runs under.
struct Account {
  std::string user;  // For people; "uid N" where nothing names it.
  std::string home;  // Absolute; empty where nothing says it.
};

// From $HOME and /etc/passwd, which is read by hand: in a static program getpwuid() would load
// libraries of the host. Where accounts come from elsewhere (LDAP), $HOME and $USER have to do.
Account OurAccount();

// The line of `uid` in `passwd` (the content of /etc/passwd); empty fields where there is none.
Account FindAccount(absl::string_view passwd, uid_t uid);

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_ACCOUNT_H_
