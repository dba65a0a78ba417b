#include "coordinator/link/placed_agents.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "coordinator/link/way_digest.h"

namespace iris {
namespace {

// A place of an agent has two line feeds at least, that of an attempt has one.
constexpr absl::string_view kAttempt = "attempt\n";

constexpr int kUnset = 0;
constexpr int kNo = 1;
constexpr int kYes = 2;

int ToInt(const absl::optional<bool>& choice) {
  if (!choice.has_value()) return kUnset;
  return *choice ? kYes : kNo;
}

absl::optional<bool> ToChoice(int number) {
  if (number != kNo && number != kYes) return absl::nullopt;
  return number == kYes;
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

std::string PlaceOfAttempt(const RemoteWay& way, absl::string_view link_identity) {
  return absl::StrCat(kAttempt, DigestOfWay(way.remote, way.options), " ", link_identity);
}

bool IsAttempt(absl::string_view place) {
  return absl::StartsWith(place, kAttempt) && std::count(place.begin(), place.end(), '\n') == 1;
}

bool IsAttemptBy(absl::string_view place, const RemoteWay& way) {
  return IsAttempt(place) && absl::StartsWith(place, PlaceOfAttempt(way, ""));
}

v1::HostWay ToProto(const RemoteWay& way) {
  v1::HostWay stored;
  stored.set_written_remote(way.remote.written);
  stored.set_written_identity(way.options.written_identity);
  stored.set_written_agent_dir(way.options.written_agent_dir);
  const bool is_written = !absl::StrContains(way.remote.written, "${") ||
                          absl::StartsWith(way.remote.written, way.remote.program);
  if (is_written) stored.set_program(way.remote.program);
  stored.set_port(way.options.port);
  stored.set_strict_host_key_checking(ToInt(way.options.strict_host_key_checking));
  stored.set_forward_agent(ToInt(way.options.forward_agent));
  stored.set_connect_timeout_ms(absl::ToInt64Milliseconds(way.options.connect_timeout));
  stored.set_server_alive_interval_ms(absl::ToInt64Milliseconds(way.options.server_alive_interval));
  stored.set_server_alive_count_max(way.options.server_alive_count_max);
  stored.set_link_mode(static_cast<int>(way.options.link_mode));
  return stored;
}

absl::optional<RemoteWay> FromProto(const v1::HostWay& stored) {
  const bool has_mode = stored.link_mode() >= static_cast<int>(RemoteOptions::LinkMode::kAuto) &&
                        stored.link_mode() <= static_cast<int>(RemoteOptions::LinkMode::kStdio);
  if (stored.written_remote().empty() || !has_mode) return absl::nullopt;
  RemoteWay way;
  way.remote.written = stored.written_remote();
  way.remote.program = stored.program();
  way.options.written_identity = stored.written_identity();
  way.options.written_agent_dir = stored.written_agent_dir();
  way.options.port = stored.port();
  way.options.strict_host_key_checking = ToChoice(stored.strict_host_key_checking());
  way.options.forward_agent = ToChoice(stored.forward_agent());
  way.options.connect_timeout = absl::Milliseconds(stored.connect_timeout_ms());
  way.options.server_alive_interval = absl::Milliseconds(stored.server_alive_interval_ms());
  way.options.server_alive_count_max = stored.server_alive_count_max();
  way.options.link_mode = static_cast<RemoteOptions::LinkMode>(stored.link_mode());
  return way;
}

}  // namespace iris
