#ifndef IRIS_COORDINATOR_LINK_TESTING_FAKE_TARGET_H_
#define IRIS_COORDINATOR_LINK_TESTING_FAKE_TARGET_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/target.h"

namespace iris {

class FakeTarget;

// What a target means, and how attempts to connect to it end; empty: as FakeTarget says it.
struct FakeTargetScript {
  std::function<absl::StatusOr<ResolvedTarget>(const FakeTarget&)> resolve;
  std::function<absl::StatusOr<Connection>(const FakeTarget&, const ConnectOptions&)> connect;
};

// A target of no kind, as the test has it. Without a word from the test it means itself, with the
// KEYS of its environment, and leads to nobody.
class FakeTarget final : public Target {
 public:
  using Script = FakeTargetScript;

  static TargetPtr Make(RemoteWay way, Script script = {}, Environment env = {}) {
    return TargetPtr(new FakeTarget(std::move(way), std::move(script), std::move(env)));
  }
  static TargetPtr Make(const std::string& destination, Script script = {}, Environment env = {}) {
    RemoteWay way;
    way.remote = {.text = absl::StrCat("fake ", destination),
                  .program = "fake",
                  .options = {},
                  .destination = destination,
                  .written = absl::StrCat("fake ", destination)};
    return Make(std::move(way), std::move(script), std::move(env));
  }

  absl::string_view kind() const override { return "fake"; }
  const RemoteWay& way() const override { return way_; }
  std::string resolving() const override { return "waiting for nothing"; }
  std::string question() const override { return absl::StrCat(way_.remote.text, "\n", keys()); }
  TargetPtr For(const Environment& env) const override { return Make(way_, script_, env); }

  absl::StatusOr<ResolvedTarget> Resolve(const std::atomic<bool>&) const override {
    return script_.resolve ? script_.resolve(*this) : Itself();
  }
  absl::StatusOr<Connection> Connect(const ConnectOptions& options) const override {
    if (script_.connect) return script_.connect(*this, options);
    options.on_tried();
    return MakeFailure(v1::FAILURE_UNREACHABLE, "nobody is there");
  }

  const std::string& destination() const { return way_.remote.destination; }
  // KEYS of its environment, or empty.
  std::string keys() const {
    const auto found = env_.find("KEYS");
    return found == env_.end() ? "" : found->second;
  }
  // What it means where the test says nothing.
  ResolvedTarget Itself() const {
    return {.target = Make(way_, script_, env_),
            .key = question(),
            .name = absl::StrCat("me@", destination())};
  }

 private:
  FakeTarget(RemoteWay way, Script script, Environment env)
      : way_(std::move(way)), script_(std::move(script)), env_(std::move(env)) {}

  const RemoteWay way_;
  const Script script_;
  const Environment env_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TESTING_FAKE_TARGET_H_
