#include "coordinator/link/stored_way.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace iris {
namespace {

constexpr int kNo = 1;
constexpr int kYes = 2;
constexpr absl::string_view kModes[] = {"auto", "forward", "stdio"};
// What builds before `own` take from these fields also where nothing was given.
constexpr int64_t kAliveIntervalMs = 30000;
constexpr int kAliveCountMax = 3;

int ToInt(const OptionValue& choice) { return choice.flag ? kYes : kNo; }

bool ReadChoice(int number, OptionValue& value) {
  value.flag = number == kYes;
  return number == kYes || number == kNo;
}

// A key that has a field of its own since before `own`, where those builds look for it.
struct Field {
  absl::string_view key;
  void (*write)(const OptionValue& value, v1::HostWay& stored);
  bool (*read)(const v1::HostWay& stored, OptionValue& value);  // False: it was not given.
};

constexpr std::array kFields = std::to_array<Field>({
    {"identity",
     [](const OptionValue& value, v1::HostWay& stored) {
       stored.set_written_identity(value.written);
     },
     [](const v1::HostWay& stored, OptionValue& value) {
       value.written = stored.written_identity();
       return !value.written.empty();
     }},
    {"port",
     [](const OptionValue& value, v1::HostWay& stored) {
       stored.set_port(static_cast<int>(value.number));
     },
     [](const v1::HostWay& stored, OptionValue& value) {
       value.number = stored.port();
       return value.number != 0;
     }},
    {"strictHostKeyChecking",
     [](const OptionValue& value, v1::HostWay& stored) {
       stored.set_strict_host_key_checking(ToInt(value));
     },
     [](const v1::HostWay& stored, OptionValue& value) {
       return ReadChoice(stored.strict_host_key_checking(), value);
     }},
    {"forwardAgent",
     [](const OptionValue& value, v1::HostWay& stored) { stored.set_forward_agent(ToInt(value)); },
     [](const v1::HostWay& stored, OptionValue& value) {
       return ReadChoice(stored.forward_agent(), value);
     }},
    {"serverAliveInterval",
     [](const OptionValue& value, v1::HostWay& stored) {
       stored.set_server_alive_interval_ms(value.number);
     },
     [](const v1::HostWay& stored, OptionValue& value) {
       value.number = stored.server_alive_interval_ms();
       return value.number != 0 && value.number != kAliveIntervalMs;
     }},
    {"serverAliveCountMax",
     [](const OptionValue& value, v1::HostWay& stored) {
       stored.set_server_alive_count_max(static_cast<int>(value.number));
     },
     [](const v1::HostWay& stored, OptionValue& value) {
       value.number = stored.server_alive_count_max();
       return value.number != 0 && value.number != kAliveCountMax;
     }},
    {"linkMode",
     [](const OptionValue& value, v1::HostWay& stored) {
       const auto mode = absl::c_find(kModes, value.text);
       if (mode != std::end(kModes)) stored.set_link_mode(mode - std::begin(kModes));
     },
     [](const v1::HostWay& stored, OptionValue& value) {
       if (stored.link_mode() == 0) return false;
       value.text = std::string(kModes[stored.link_mode()]);
       return true;
     }},
});

void WriteOwn(const RemoteOptions& options, v1::HostWay& stored) {
  stored.set_server_alive_interval_ms(kAliveIntervalMs);
  stored.set_server_alive_count_max(kAliveCountMax);
  for (const auto& [key, value] : options.own) {
    const auto field =
        absl::c_find_if(kFields, [&key = key](const Field& one) { return one.key == key; });
    if (field != kFields.end()) {
      field->write(value, stored);
      continue;
    }
    v1::HostWay::Option& option = *stored.add_own();
    option.set_key(key);
    option.set_written(value.written);
    option.set_number(value.number);
    option.set_flag(value.flag);
  }
}

void ReadOwn(const v1::HostWay& stored, RemoteOptions& options) {
  for (const Field& field : kFields) {
    OptionValue value;
    if (field.read(stored, value)) options.own[std::string(field.key)] = value;
  }
  for (const v1::HostWay::Option& option : stored.own()) {
    options.own[option.key()] = {
        .text = "", .written = option.written(), .number = option.number(), .flag = option.flag()};
  }
}

}  // namespace

v1::HostWay ToProto(const RemoteWay& way) {
  v1::HostWay stored;
  stored.set_written_remote(way.remote.written);
  stored.set_written_agent_dir(way.options.written_agent_dir);
  const bool is_written = !absl::StrContains(way.remote.written, "${") ||
                          absl::StartsWith(way.remote.written, way.remote.program);
  if (is_written) stored.set_program(way.remote.program);
  stored.set_connect_timeout_ms(absl::ToInt64Milliseconds(way.options.connect_timeout));
  WriteOwn(way.options, stored);
  return stored;
}

absl::optional<RemoteWay> FromProto(const v1::HostWay& stored) {
  const bool has_mode =
      stored.link_mode() >= 0 && static_cast<size_t>(stored.link_mode()) < std::size(kModes);
  if (stored.written_remote().empty() || !has_mode) return absl::nullopt;
  RemoteWay way;
  way.remote.written = stored.written_remote();
  way.remote.program = stored.program();
  way.options.written_agent_dir = stored.written_agent_dir();
  way.options.connect_timeout = absl::Milliseconds(stored.connect_timeout_ms());
  ReadOwn(stored, way.options);
  return way;
}

}  // namespace iris
