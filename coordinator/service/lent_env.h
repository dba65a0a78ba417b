#ifndef IRIS_COORDINATOR_SERVICE_LENT_ENV_H_
#define IRIS_COORDINATOR_SERVICE_LENT_ENV_H_

#include <map>
#include <string>

#include "google/protobuf/map.h"

namespace iris {

// What the daemon takes over from a front end's environment: SSH_AUTH_SOCK, KRB5CCNAME and DISPLAY,
// each at most 4 KiB. The rest is none of its business.
std::map<std::string, std::string> LentEnv(
    const google::protobuf::Map<std::string, std::string>& offered);

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_LENT_ENV_H_
