#include "coordinator/link/target_connector.h"

#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "common/process/poll_until.h"

namespace iris {
namespace {

class TargetConnector final : public Connector {
 public:
  TargetConnector(ResolvedTarget resolved, TargetConnectorOptions options)
      : resolved_(std::move(resolved)), options_(std::move(options)) {}

  absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                     const std::atomic<bool>& cancelled) override {
    if (absl::optional<ResolvedTarget> said = options_.answer->Take(); said.has_value()) {
      resolved_ = *std::move(said);
    } else if (absl::Status still = CheckMeaning(cancelled); !still.ok()) {
      return still;
    }
    if (absl::Status barred = options_.bar->Check(); !barred.ok()) return barred;
    if (absl::Status turn = AwaitTurn(on_progress, cancelled); !turn.ok()) return turn;
    bool tried = false;
    absl::StatusOr<Connection> connection = resolved_.target->Connect(
        {.on_progress = on_progress, .cancelled = cancelled, .on_tried = [&tried] {
           tried = true;
         }});
    if (tried) options_.bar->Note(connection.status());
    return connection;
  }

 private:
  absl::Status AwaitTurn(const OnProgress& on_progress, const std::atomic<bool>& cancelled) {
    const absl::Duration wait = options_.pace->Take();
    if (wait <= absl::ZeroDuration()) return absl::OkStatus();
    on_progress({.stage = ConnectProgress::Stage::kConnecting,
                 .text = absl::StrCat("connecting to ", Destination(), " in ",
                                      absl::FormatDuration(absl::Ceil(wait, absl::Seconds(1))),
                                      ", behind other hosts")});
    return PollUntil({}, absl::Now() + wait, &cancelled).status();
  }

  absl::Status CheckMeaning(const std::atomic<bool>& cancelled) {
    const TargetPtr target = resolved_.target->For(options_.lent_env());
    absl::StatusOr<ResolvedTarget> now = target->Resolve(cancelled);
    if (!now.ok()) return now.status();
    if (now->key == resolved_.key) {
      resolved_ = *std::move(now);  // With the newest loan: an older one's asker may be gone.
      return absl::OkStatus();
    }
    options_.on_moved();
    return MakeFailure(
        v1::FAILURE_CANCELLED,
        absl::StrCat(target->kind(), " means something else by ", Destination(), " now"));
  }

  const std::string& Destination() const { return resolved_.target->way().remote.destination; }

  ResolvedTarget resolved_;  // As it was asked for last.
  const TargetConnectorOptions options_;
};

}  // namespace

std::unique_ptr<Connector> MakeTargetConnector(ResolvedTarget resolved,
                                               TargetConnectorOptions options) {
  return std::make_unique<TargetConnector>(std::move(resolved), std::move(options));
}

}  // namespace iris
