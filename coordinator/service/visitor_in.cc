#include "coordinator/service/visitor_in.h"

#include <memory>
#include <utility>

#include "common/environment/environment_wire.h"

namespace iris {
namespace {

constexpr size_t kValueBytesMax = 4 << 10;

}  // namespace

SharedEnvironment EnvironmentOf(const v1::Environment& said) {
  Environment env = EnvironmentFromProto(said);
  CutEnvironment(env);
  return std::make_shared<const Environment>(std::move(env));
}

SharedEnvironment EnvironmentWith(const google::protobuf::Map<std::string, std::string>& lent) {
  Environment env = OwnEnvironment();
  for (const char* const name : kSshVariables) {
    const auto found = lent.find(name);
    if (found == lent.end()) continue;
    if (found->second.size() <= kValueBytesMax) env[name] = found->second;
  }
  return std::make_shared<const Environment>(std::move(env));
}

}  // namespace iris
