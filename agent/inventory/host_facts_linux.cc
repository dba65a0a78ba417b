#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/inventory/account.h"
#include "agent/inventory/evidence.h"
#include "agent/inventory/host_facts.h"
#include "agent/inventory/storage.h"
#include "agent/inventory/survival.h"
#include "common/base/fnv.h"
#include "common/base/hostname.h"
#include "common/base/small_file.h"
#include "common/base/utf8.h"
#include "common/environment/environment.h"
#include "common/process/spawn.h"
#include "common/version/version.h"

namespace iris {
namespace {

constexpr size_t kPathBytesMax = 32 << 10;
constexpr size_t kLocaleBytesMax = 128;

std::string LinkTarget(const char* path) {
  char target[4096];
  const ssize_t n = readlink(path, target, sizeof(target));
  return std::string(target, n > 0 ? static_cast<size_t>(n) : 0);
}

std::string SearchPath() {
  const char* path = getenv("PATH");
  std::string bounded = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  if (bounded.size() > kPathBytesMax) {
    const size_t colon = bounded.rfind(':', kPathBytesMax);
    bounded.resize(colon == std::string::npos ? 0 : colon);
  }
  return bounded;
}

std::string Locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = getenv(name);
    if (value != nullptr && *value != '\0') return CutUtf8(value, kLocaleBytesMax);
  }
  return "";
}

}  // namespace

std::string OurProgram() {
  // An upgrade removes the file below a running agent; its successor has the same name.
  return std::string(absl::StripSuffix(LinkTarget("/proc/self/exe"), " (deleted)"));
}

HostFacts GatherHostFacts() {
  HostFacts facts;
  facts.hostname = Hostname();
  facts.place = FnvHex128(absl::StrCat(MachineId(), "\n", facts.hostname));
  facts.evidence = GatherEvidence();
  const Account account = OurAccount();
  facts.user = account.user;
  facts.home = account.home;
  facts.program = OurProgram();
  return facts;
}

v1::Hello MakeHello(const HostFacts& facts, const std::string& host_id, uint32_t build_number,
                    const std::string& incarnation, const std::string& data_dir) {
  v1::Hello hello;
  hello.mutable_protocol()->set_min(kProtocolMin);
  hello.mutable_protocol()->set_max(kProtocolMax);
  hello.set_build(absl::StrCat(kVersion, " build ", build_number));
  hello.set_build_number(build_number);
  hello.set_incarnation(incarnation);
  hello.set_host_id(host_id);
  hello.set_boot_id(facts.evidence.boot_id);
  hello.set_pid_namespace(facts.evidence.pid_namespace);
  hello.set_pid(getpid());
  hello.set_pid_start_time(ProcessStartTime(getpid()));
  hello.set_path(ToUtf8(SearchPath()));
  hello.set_locale(Locale());
  hello.add_survives(v1::SURVIVES_LINK);
  // The end of a job, of a container or of the host ends every process of it, ours too.
  if (SurvivesLogout("", facts.user)) hello.add_survives(v1::SURVIVES_LOGOUT);
  hello.set_storage(StorageOf(data_dir));
  // The system lets names be any bytes; a hello with such a field could not be read.
  hello.set_hostname(ToUtf8(facts.hostname));
  hello.set_user(ToUtf8(facts.user));
  hello.set_data_dir(ToUtf8(data_dir));
  return hello;
}

std::vector<std::string> ChildEnvironment() {
  std::vector<std::string> env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view variable = *entry;
    if (!StaysBehind(variable.substr(0, variable.find('=')))) env.emplace_back(variable);
  }
  return env;
}

uint64_t ResidentBytes() {
  // Pages: size resident shared …
  const std::string statm = ReadSmallFile("/proc/self/statm", 256);
  const std::vector<absl::string_view> fields = absl::StrSplit(statm, ' ');
  uint64_t pages = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &pages)) return 0;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace iris
