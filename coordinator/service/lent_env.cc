#include "coordinator/service/lent_env.h"

namespace iris {
namespace {

constexpr size_t kValueBytesMax = 4 << 10;

}  // namespace

std::map<std::string, std::string> LentEnv(
    const google::protobuf::Map<std::string, std::string>& offered) {
  std::map<std::string, std::string> lent;
  for (const char* name : {"SSH_AUTH_SOCK", "KRB5CCNAME", "DISPLAY"}) {
    const auto found = offered.find(name);
    if (found == offered.end()) continue;
    if (found->second.size() <= kValueBytesMax) lent[name] = found->second;
  }
  return lent;
}

}  // namespace iris
