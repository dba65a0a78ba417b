#include "coordinator/orchestrator/live_config.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/log/log.h"

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

absl::StatusOr<std::shared_ptr<const Config>> LiveConfig::Current(const SharedEnvironment& asker) {
  // Looked at before it is read: a change in between is seen the next time.
  const Stamp now = Look();
  const bool changed = looked_ && !(now == stamp_);
  if (changed) loaded_.clear();
  looked_ = true;
  stamp_ = now;
  for (const Loaded& one : loaded_) {
    const bool same = std::all_of(
        one.variables.begin(), one.variables.end(),
        [&](const auto& variable) { return Lookup(asker, variable.first) == variable.second; });
    if (same) return one.config;
  }
  Loaded fresh;
  absl::StatusOr<Config> config = load_([&](absl::string_view name) {
    absl::optional<std::string> value = Lookup(asker, std::string(name));
    fresh.variables[std::string(name)] = value;
    return value;
  });
  if (changed) LogInfo("configuration ", path_, " changed: ", config.status().ToString());
  // What is refused may be mended beside the file: a directory's mode, a variable's value.
  if (!config.ok()) return config.status();
  fresh.config = std::make_shared<const Config>(*std::move(config));
  loaded_.push_back(std::move(fresh));
  if (loaded_.size() > kRememberedMax) loaded_.pop_front();
  return loaded_.back().config;
}

}  // namespace iris
