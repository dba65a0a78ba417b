#include "common/environment/environment_wire.h"

#include <string>
#include <utility>

namespace iris {

v1::Environment EnvironmentToProto(const Environment& env) {
  v1::Environment said;
  for (std::string& entry : EntriesOf(env)) said.add_entries(std::move(entry));
  return said;
}

Environment EnvironmentFromProto(const v1::Environment& said) {
  Environment env;
  for (const std::string& entry : said.entries()) AddEntry(entry, env);
  return env;
}

}  // namespace iris
