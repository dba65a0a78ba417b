#include "coordinator/reach/ssh/ssh_keys.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/path_value.h"
#include "coordinator/config/refuse.h"

namespace iris {
namespace {

using LinkMode = SshOptions::LinkMode;

constexpr absl::string_view kSshHasIt = "not needed here: `remote` takes ssh's own options";

absl::Status CheckIdentity(KeyValue& value, absl::string_view home) {
  return StoreLocalPath(std::move(value.text), home, &value.text);
}

absl::optional<LinkMode> FindLinkMode(absl::string_view name) {
  for (const auto& [known, mode] : {std::pair{"auto", LinkMode::kAuto},
                                    {"forward", LinkMode::kForward},
                                    {"stdio", LinkMode::kStdio}}) {
    if (name == known) return mode;
  }
  return absl::nullopt;
}

absl::Status CheckLinkMode(KeyValue& value, absl::string_view) {
  if (!FindLinkMode(value.text).has_value()) {
    return Refuse("is not a link mode", "Write auto, forward or stdio.");
  }
  value.written.clear();  // It says nothing of the host; what it stands for is no secret.
  return absl::OkStatus();
}

constexpr std::array kKeys = std::to_array<Key>(
    {{.path = "teams.*.remoteOptions.identity",
      .type = KeyType::kText,
      .min = 1,
      .max = kPathBytesMax,
      .form = kPathForm,
      .default_text = "ssh's choice",
      .description = "The file on this machine with the private key for the login (`ssh -i`).",
      .check = CheckIdentity},
     {.path = "teams.*.remoteOptions.port",
      .type = KeyType::kNumber,
      .min = 1,
      .max = 65535,
      .default_text = "ssh's choice",
      .description = "The port of the host's sshd (`ssh -p`).",
      .names_host = true},
     {.path = "teams.*.remoteOptions.strictHostKeyChecking",
      .type = KeyType::kFlag,
      .default_text = "ssh's choice",
      .description = "`true`: refuse a host whose key is not known. `false`: accept the key of a "
                     "new host; a changed key is still refused."},
     {.path = "teams.*.remoteOptions.forwardAgent",
      .type = KeyType::kFlag,
      .default_text = "ssh's choice",
      .description = "`true`: the team on the host may use the keys of this machine's ssh-agent "
                     "(`ssh -A`). `false`: it may not, whatever the ssh configuration says."},
     {.path = "teams.*.remoteOptions.serverAliveInterval",
      .type = KeyType::kMilliseconds,
      .min = 1000,
      .max = 3600000,
      .default_text = "30000",
      .description = "How often ssh sends a keep-alive to a silent host. Rounded up to whole "
                     "seconds.",
      // iris-mcp has all its other times in milliseconds.
      .seconds_note = "iris-mcp counts seconds here, Iris milliseconds"},
     {.path = "teams.*.remoteOptions.serverAliveCountMax",
      .type = KeyType::kNumber,
      .min = 1,
      .max = 100,
      .default_text = "3",
      .description = "Disconnect after this many missed keep-alives."},
     {.path = "teams.*.remoteOptions.linkMode",
      .type = KeyType::kText,
      .min = 1,
      .max = 10,
      .form = "`auto`, `forward` or `stdio`",
      .default_text = "auto",
      .description = "How Iris uses the ssh connection: `forward` opens a UNIX-socket forward and "
                     "fails (`unreachable`) if the host refuses it, `stdio` uses ssh's stdin and "
                     "stdout, `auto` tries `forward` first.",
      .check = CheckLinkMode}});

constexpr std::array kRefused = std::to_array<RefusedKey>({
    {"teams.*.remoteOptions.compression", kSshHasIt, "Remove it; add -C to `remote`."},
    {"teams.*.remoteOptions.extraSshArgs", kSshHasIt,
     "Remove it; write the arguments into `remote`."},
    {"teams.*.remoteOptions.passphrase", "not needed here: ssh-agent opens the key",
     "Remove it; load the key into the agent (ssh-add)."},
});

absl::optional<bool> FlagOf(const OptionValue* value) {
  if (value == nullptr) return absl::nullopt;
  return value->flag;
}

}  // namespace

absl::Span<const Key> SshKeys() { return kKeys; }

absl::Span<const RefusedKey> SshRefusedKeys() { return kRefused; }

SshOptions SshOptionsOf(const RemoteOptions& options) {
  SshOptions ssh;
  ssh.agent_dir = options.agent_dir;
  ssh.connect_timeout = options.connect_timeout;
  ssh.strict_host_key_checking = FlagOf(options.Own("strictHostKeyChecking"));
  ssh.forward_agent = FlagOf(options.Own("forwardAgent"));
  if (const OptionValue* value = options.Own("identity")) ssh.identity = value->text;
  if (const OptionValue* value = options.Own("port")) ssh.port = static_cast<int>(value->number);
  if (const OptionValue* value = options.Own("serverAliveInterval")) {
    ssh.server_alive_interval = absl::Ceil(absl::Milliseconds(value->number), absl::Seconds(1));
  }
  if (const OptionValue* value = options.Own("serverAliveCountMax")) {
    ssh.server_alive_count_max = static_cast<int>(value->number);
  }
  if (const OptionValue* value = options.Own("linkMode")) {
    ssh.link_mode = FindLinkMode(value->text).value_or(LinkMode::kAuto);
  }
  return ssh;
}

}  // namespace iris
