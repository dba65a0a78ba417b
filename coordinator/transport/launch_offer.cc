#include "coordinator/transport/launch_offer.h"

#include <functional>

#include "common/base/ids.h"
#include "coordinator/transport/launch_spec.h"

namespace iris {
namespace {

constexpr size_t kEnvironmentIdBytes = 8;

size_t HashOf(const v1::LaunchSpec& spec) {
  return std::hash<std::string>()(spec.environment().SerializeAsString());
}

}  // namespace

v1::LaunchSpec LaunchOffer::Make(const Team& team, absl::string_view from, const LinkLife& life) {
  v1::LaunchSpec spec = LaunchSpecFor(team, from, life.hello);
  NameLink(life.identity, life.hello, spec);
  const size_t hash_before = std::exchange(environment_hash_, HashOf(spec));
  environment_is_old_ = false;
  const EnvironmentNames before = std::exchange(offered_, NamesIn(spec, team));
  if (!spec.has_environment()) return spec;
  const bool is_same = hash_before == environment_hash_ && before.from == offered_.from;
  offered_.id = is_same ? before.id : RandomHex(kEnvironmentIdBytes);
  spec.set_environment_id(offered_.id);
  return spec;
}

void LaunchOffer::OnOtherAsker(const Team& team, absl::string_view from, const v1::Hello& hello) {
  environment_is_old_ = HashOf(LaunchSpecFor(team, from, hello)) != environment_hash_;
}

void LaunchOffer::LearnFrom(const v1::ChildInfo& child) {
  if (!given_.from.empty() && child.environment_id() == given_.id) return;
  given_ = child.environment_id() == offered_.id ? offered_ : EnvironmentNames();
}

}  // namespace iris
