#ifndef IRIS_COORDINATOR_CONFIG_FILE_LOAD_CONFIG_FIXTURE_H_
#define IRIS_COORDINATOR_CONFIG_FILE_LOAD_CONFIG_FIXTURE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/config_file/load_config.h"
#include "gtest/gtest.h"

namespace iris {

inline EnvLookup Env(std::map<std::string, std::string> variables) {
  return [variables](absl::string_view name) -> absl::optional<std::string> {
    const auto found = variables.find(std::string(name));
    if (found == variables.end()) return absl::nullopt;
    return found->second;
  };
}

inline ConfigSource Source() {
  return {.path = "/c.json",
          .env = Env({{"SSH_USER", "ml"}, {"QUOTE", "\", \"color\": \"#000000"}}),
          .home = "/home/me"};
}

// What a person would be shown.
inline std::string RefusalOf(const absl::StatusOr<Config>& config) {
  EXPECT_EQ(KindOf(config.status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_NE(ToProto(config.status()).fix(), "");
  return Describe(ToProto(config.status()));
}

// A secret, below a key that is known and refused.
inline constexpr absl::string_view kWithToken =
    R"({"teams": {"t": {"path": "/p", "authentication": {"token": "hunter2"}}}})";

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_LOAD_CONFIG_FIXTURE_H_
