#include "coordinator/reach/ssh/ssh_reach.h"

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/config/config.h"
#include "coordinator/link/target.h"
#include "coordinator/reach/ssh/greeting.h"
#include "coordinator/reach/ssh/resolve_target.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/ssh_keys.h"

namespace iris {
namespace {

// What hosts say before logins, by ResolvedSsh::key: known for as long as somebody has a target
// that means the host. Thread-safe.
class Greetings {
 public:
  std::shared_ptr<Greeting> Of(const std::string& key) {
    absl::MutexLock lock(&mutex_);
    std::erase_if(greetings_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<Greeting>& known = greetings_[key];
    std::shared_ptr<Greeting> greeting = known.lock();
    if (greeting == nullptr) known = greeting = std::make_shared<Greeting>();
    return greeting;
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, std::weak_ptr<Greeting>> greetings_ ABSL_GUARDED_BY(mutex_);
};

// What all targets share.
struct Shared {
  SshReachOptions options;
  Greetings greetings;
};

class SshWay final : public Target {
 public:
  // `target` is what `way` says, for one who asks.
  SshWay(std::shared_ptr<Shared> shared, RemoteWay way, SshTarget target)
      : shared_(std::move(shared)), target_(std::move(target)), way_(std::move(way)) {}
  // As ssh has just said it.
  SshWay(std::shared_ptr<Shared> shared, RemoteWay way, const ResolvedSsh& resolved)
      : SshWay(std::move(shared), std::move(way), resolved.target) {
    session_options_ = resolved.session_options;
    greeting_ = shared_->greetings.Of(resolved.key);
  }

  absl::string_view kind() const override { return "ssh"; }
  const RemoteWay& way() const override { return way_; }
  std::string resolving() const override {
    return absl::StrCat("waiting for ssh's configuration of ", target_.remote.destination);
  }
  std::string question() const override { return WrittenTarget(target_); }

  TargetPtr For(const Environment& env) const override {
    SshTarget target = target_;
    target.lent_env = env;
    return std::make_shared<SshWay>(shared_, way_, std::move(target));
  }

  absl::StatusOr<ResolvedTarget> Resolve(const std::atomic<bool>& cancelled) const override {
    const absl::StatusOr<ResolvedSsh> resolved = ResolveTarget(target_, &cancelled);
    if (!resolved.ok()) return resolved.status();
    return ResolvedTarget{.target = std::make_shared<SshWay>(shared_, way_, *resolved),
                          .key = resolved->key,
                          .name = resolved->name};
  }

  absl::StatusOr<Connection> Connect(const ConnectOptions& options) const override {
    return ConnectOverSsh(target_, *shared_->options.bundle,
                          {.runtime_dir = shared_->options.runtime_dir(),
                           .on_progress = options.on_progress,
                           .cancelled = &options.cancelled,
                           .session_options = session_options_,
                           .on_ssh = options.on_tried,
                           .greeting = greeting_.get()});
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const SshTarget target_;
  const RemoteWay way_;
  bool session_options_ = false;
  std::shared_ptr<Greeting> greeting_;  // Of its host; null before ssh was asked.
};

class SshReach final : public Reach {
 public:
  explicit SshReach(SshReachOptions options) : shared_(std::make_shared<Shared>()) {
    shared_->options = std::move(options);
  }

  TargetPtr To(const RemoteWay& way) const override {
    return std::make_shared<SshWay>(
        shared_, way,
        SshTarget{.remote = way.remote, .options = SshOptionsOf(way.options), .lent_env = {}});
  }

 private:
  const std::shared_ptr<Shared> shared_;
};

}  // namespace

std::unique_ptr<Reach> MakeSshReach(SshReachOptions options) {
  return std::make_unique<SshReach>(std::move(options));
}

}  // namespace iris
