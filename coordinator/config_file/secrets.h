#ifndef IRIS_COORDINATOR_CONFIG_FILE_SECRETS_H_
#define IRIS_COORDINATOR_CONFIG_FILE_SECRETS_H_

#include <string>

#include "absl/types/optional.h"
#include "nlohmann/json.hpp"

namespace iris {

// Both look at the text as it stands in the file, before variables are expanded and before keys are
// checked: a secret is reported as one, whatever else is wrong with the file.

// The key path of the first private key: text in a private key's armour, or a key `privateKey`.
absl::optional<std::string> FindPrivateKey(const nlohmann::json& root);

// The key path of the first secret: text under a key that ends in token, password, passphrase,
// secret, key or credentials, in any case, and that is not one ${VAR}; or an Anthropic API key
// anywhere.
absl::optional<std::string> FindSecret(const nlohmann::json& root);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_SECRETS_H_
