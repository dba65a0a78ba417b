#include "coordinator/orchestrator/line_settings.h"

#include <string>

#include "absl/types/optional.h"
#include "coordinator/config/config.h"
#include "coordinator/config/way_variables.h"

namespace iris {

const AcceptedTell* LineSettings::TellOfNow() const {
  if (order_.is_busy()) return tells_.Find(order_.in_flight());
  if (wakes_.waiting() || !order_.any_waits()) return nullptr;
  return tells_.Find(order_.waiting().front());
}

SharedEnvironment LineSettings::environment() const {
  const AcceptedTell* const tell = TellOfNow();
  return tell != nullptr ? tell->asker().environment() : wakes_.environment();
}

void LineSettings::UseThoseOfNow() {
  const AcceptedTell* const tell = TellOfNow();
  if (tell == nullptr && !wakes_.waiting()) return;
  const absl::optional<Team> team = teams_.Find(session_.to(), environment());
  if (!team.has_value()) return;
  // Nor does it go another way than its sender's, whatever the configuration names by now.
  if (tell != nullptr && !tell->asker().is_sender() && !LeadsAsFor(tell->asker().way(), *team)) {
    return;
  }
  session_.UseSettings(*team);
}

bool LineSettings::LacksVariables(const AcceptedTell& tell) const {
  if (tell.asker().environment() != nullptr || tell.given()) return false;
  return tell.giving().may_be_there() && !session_.team().pass_env.empty();
}

bool LineSettings::FirstLacksVariables() const {
  if (!order_.any_waits()) return false;
  const AcceptedTell* const tell = tells_.Find(order_.waiting().front());
  return tell != nullptr && LacksVariables(*tell);
}

bool LineSettings::Lend(AcceptedTell& tell, const SharedEnvironment& environment, bool by_sender) {
  const std::string& to = session_.to();
  if (by_sender) tell.asker().set_way(teams_.WayFor(to, environment));
  if (!teams_.LeadsItsWay(tell.asker(), to, environment)) return false;
  tell.asker().Lend(environment, by_sender);
  return true;
}

bool LineSettings::UseThoseOf(const SharedEnvironment& environment) {
  const absl::optional<Team> team = teams_.Find(session_.to(), environment);
  if (!team.has_value()) return false;
  session_.UseAskerOf(*team);
  session_.UseSettings(*team);
  return true;
}

}  // namespace iris
