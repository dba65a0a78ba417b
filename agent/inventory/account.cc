#include "agent/inventory/account.h"

#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/small_file.h"

namespace iris {
namespace {

constexpr size_t kPasswdBytesMax = 4 << 20;

std::string Variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

Account FindAccount(absl::string_view passwd, uid_t uid) {
  // name:password:uid:gid:comment:home:shell
  for (absl::string_view line : absl::StrSplit(passwd, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    uid_t found;
    if (fields.size() < 7 || !absl::SimpleAtoi(fields[2], &found) || found != uid) continue;
    return {.user = std::string(fields[0]), .home = std::string(fields[5])};
  }
  return {};
}

Account OurAccount() {
  Account account = FindAccount(ReadSmallFile("/etc/passwd", kPasswdBytesMax), geteuid());
  // $HOME leads: it is what every other program of this account goes by.
  if (const std::string home = Variable("HOME"); absl::StartsWith(home, "/")) account.home = home;
  if (!absl::StartsWith(account.home, "/")) account.home.clear();
  if (account.user.empty()) account.user = Variable("USER");
  if (account.user.empty()) account.user = absl::StrCat("uid ", geteuid());
  return account;
}

}  // namespace iris
