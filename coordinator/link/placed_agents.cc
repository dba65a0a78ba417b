#include "coordinator/link/placed_agents.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/sha256.h"
#include "coordinator/config/config.h"

namespace iris {
namespace {

// A place of an agent has two line feeds at least, that of an attempt has one.
constexpr absl::string_view kAttempt = "attempt\n";

constexpr int kChosenBySsh = 0;
constexpr int kNo = 1;
constexpr int kYes = 2;

int ToInt(const absl::optional<bool>& choice) {
  if (!choice.has_value()) return kChosenBySsh;
  return *choice ? kYes : kNo;
}

absl::optional<bool> ToChoice(int number) {
  if (number != kNo && number != kYes) return absl::nullopt;
  return number == kYes;
}

// What decides which host and which agent there is meant, as far as the way says it. A digest: what
// a variable in it stands for may be a secret.
std::string DigestOfWay(const SshTarget& target) {
  return Sha256Hex(
      absl::StrCat(target.remote.text, "\n", target.options.port, "\n", target.options.agent_dir));
}

}  // namespace

std::string PlaceOf(const v1::Hello& hello) {
  return absl::StrCat(hello.host_id(), "\n", hello.user(), "\n", hello.data_dir());
}

absl::string_view FolderOf(absl::string_view place) {
  const size_t user = place.find('\n');
  const size_t folder = user == absl::string_view::npos ? user : place.find('\n', user + 1);
  return folder == absl::string_view::npos ? absl::string_view() : place.substr(folder + 1);
}

std::string PlaceOfAttempt(const SshTarget& target, absl::string_view link_identity) {
  return absl::StrCat(kAttempt, DigestOfWay(target), " ", link_identity);
}

bool IsAttempt(absl::string_view place) {
  return absl::StartsWith(place, kAttempt) && std::count(place.begin(), place.end(), '\n') == 1;
}

bool IsAttemptBy(absl::string_view place, const SshTarget& target) {
  return IsAttempt(place) && absl::StartsWith(place, PlaceOfAttempt(target, ""));
}

v1::HostWay ToProto(const SshTarget& target) {
  v1::HostWay way;
  way.set_written_remote(target.remote.written);
  way.set_written_identity(target.options.written_identity);
  way.set_written_agent_dir(target.options.written_agent_dir);
  const bool is_written = !absl::StrContains(target.remote.written, "${") ||
                          absl::StartsWith(target.remote.written, target.remote.program);
  if (is_written) way.set_program(target.remote.program);
  way.set_port(target.options.port);
  way.set_strict_host_key_checking(ToInt(target.options.strict_host_key_checking));
  way.set_forward_agent(ToInt(target.options.forward_agent));
  way.set_connect_timeout_ms(absl::ToInt64Milliseconds(target.options.connect_timeout));
  way.set_server_alive_interval_ms(absl::ToInt64Milliseconds(target.options.server_alive_interval));
  way.set_server_alive_count_max(target.options.server_alive_count_max);
  way.set_link_mode(static_cast<int>(target.options.link_mode));
  return way;
}

absl::optional<SshTarget> FromProto(const v1::HostWay& way) {
  const bool has_mode = way.link_mode() >= static_cast<int>(RemoteOptions::LinkMode::kAuto) &&
                        way.link_mode() <= static_cast<int>(RemoteOptions::LinkMode::kStdio);
  if (way.written_remote().empty() || !has_mode) return absl::nullopt;
  SshTarget target;
  target.remote.written = way.written_remote();
  target.remote.program = way.program();
  target.options.written_identity = way.written_identity();
  target.options.written_agent_dir = way.written_agent_dir();
  target.options.port = way.port();
  target.options.strict_host_key_checking = ToChoice(way.strict_host_key_checking());
  target.options.forward_agent = ToChoice(way.forward_agent());
  target.options.connect_timeout = absl::Milliseconds(way.connect_timeout_ms());
  target.options.server_alive_interval = absl::Milliseconds(way.server_alive_interval_ms());
  target.options.server_alive_count_max = way.server_alive_count_max();
  target.options.link_mode = static_cast<RemoteOptions::LinkMode>(way.link_mode());
  return target;
}

}  // namespace iris
