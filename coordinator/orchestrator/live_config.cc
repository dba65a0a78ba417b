#include "coordinator/orchestrator/live_config.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/log/log.h"
#include "coordinator/config/unset_variable.h"

namespace iris {
namespace {

absl::optional<std::string> Lookup(const SharedEnvironment& asker, const std::string& name) {
  if (asker != nullptr) {
    const auto found = asker->find(name);
    if (found == asker->end()) return absl::nullopt;
    return found->second;
  }
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return absl::nullopt;
  return std::string(value);
}

}  // namespace

bool LiveConfig::AreOf(const SharedEnvironment& asker, const Variables& variables) {
  return std::all_of(variables.begin(), variables.end(), [&](const auto& variable) {
    return Lookup(asker, variable.first) == variable.second;
  });
}

LiveConfig::Stamp LiveConfig::Look() const {
  struct stat file;
  if (stat(path_.c_str(), &file) != 0) return {};
  return {.exists = true,
          .device = file.st_dev,
          .inode = file.st_ino,
          .size = file.st_size,
          .modified_ns = int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec,
          .changed_ns = int64_t{file.st_ctim.tv_sec} * 1'000'000'000 + file.st_ctim.tv_nsec};
}

std::shared_ptr<const Config> LiveConfig::Find(const SharedEnvironment& asker, bool is_before) {
  const auto found = std::find_if(loaded_.begin(), loaded_.end(), [&](const Loaded& one) {
    return one.is_before == is_before && AreOf(asker, one.variables);
  });
  if (found == loaded_.end()) return nullptr;
  loaded_.splice(loaded_.begin(), loaded_, found);
  return loaded_.front().config;
}

absl::Status LiveConfig::FailedJustNow(const SharedEnvironment& asker) const {
  const absl::Time now = now_();
  for (const Failed& one : failed_) {
    // A clock that was set back says nothing.
    if (one.at <= now && now < one.at + kAskAgain && AreOf(asker, one.variables)) return one.why;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Config>> LiveConfig::Current(const SharedEnvironment& asker) {
  // Looked at before it is read: a change in between is seen the next time.
  const Stamp now = Look();
  const bool changed = looked_ && !(now == stamp_);
  if (changed) {
    for (Loaded& one : loaded_) one.is_before = true;
    failed_.clear();
  }
  looked_ = true;
  stamp_ = now;
  problem_ = absl::OkStatus();
  if (auto known = Find(asker, /*is_before=*/false); known != nullptr) return known;
  if (absl::Status why = FailedJustNow(asker); !why.ok()) return LastGood(asker, why);
  Loaded fresh;
  absl::StatusOr<Config> config = load_([&](absl::string_view name) {
    absl::optional<std::string> value = Lookup(asker, std::string(name));
    fresh.variables[std::string(name)] = value;
    return value;
  });
  if (changed) LogInfo("configuration ", path_, " changed: ", config.status().ToString());
  // What is refused may be mended beside the file: a directory's mode, a variable's value.
  failed_.remove_if([&](const Failed& one) { return AreOf(asker, one.variables); });
  if (!config.ok()) {
    failed_.push_front(
        {.variables = std::move(fresh.variables), .why = config.status(), .at = now_()});
    if (failed_.size() > kRememberedMax) failed_.pop_back();
    return LastGood(asker, config.status());
  }
  loaded_.remove_if(
      [&](const Loaded& one) { return one.is_before && AreOf(asker, one.variables); });
  fresh.config = std::make_shared<const Config>(*std::move(config));
  loaded_.push_front(std::move(fresh));
  if (loaded_.size() > kRememberedMax) loaded_.pop_back();
  return loaded_.front().config;
}

absl::StatusOr<std::shared_ptr<const Config>> LiveConfig::LastGood(const SharedEnvironment& asker,
                                                                   const absl::Status& why) {
  const bool is_good_for_others =
      std::any_of(loaded_.begin(), loaded_.end(), [](const Loaded& one) { return !one.is_before; });
  if (is_good_for_others || IsUnsetVariable(why)) return why;
  auto last = Find(asker, /*is_before=*/true);
  if (last == nullptr) return why;
  problem_ = why;
  return last;
}

}  // namespace iris
