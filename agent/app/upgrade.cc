#include "agent/app/upgrade.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/handover/handover.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/process/thread.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr absl::Duration kTryEvery = absl::Milliseconds(10);
constexpr size_t kRefusedBytesMax = 512;

absl::Status Leaving() { return MakeFailure(v1::FAILURE_DROPPED, "the agent is leaving"); }

}  // namespace

Upgrade::~Upgrade() {
  *alive_ = false;
  if (timer_ != 0) loop_.Cancel(timer_);
  if (check_.joinable()) check_.join();
}

void Upgrade::Stop() {
  stopped_ = true;
  if (timer_ != 0) loop_.Cancel(std::exchange(timer_, 0));
  for (Done& done : std::exchange(done_, {})) done(Leaving());
}

void Upgrade::Offer(const std::string& program, Done done) {
  if (stopped_) return done(Leaving());
  if (!done_.empty() && program != program_) {
    return done(MakeFailure(v1::FAILURE_BUSY_LIMIT, "another upgrade is under way",
                            "Try again in a minute."));
  }
  done_.push_back(std::move(done));
  if (done_.size() > 1) return;
  program_ = program;
  if (check_.joinable()) check_.join();  // It has posted its result: its last step.
  absl::StatusOr<std::thread> check =
      StartThread("looks at the offered build", [this, alive = alive_, program] {
        absl::StatusOr<BuildInfo> build = CheckBuild(program, absl::Now() + kCheckWithin);
        loop_.Post([this, alive, build = std::move(build)] {
          if (*alive) OnChecked(build);
        });
      });
  if (!check.ok()) return End(check.status());
  check_ = *std::move(check);
}

void Upgrade::OnChecked(const absl::StatusOr<BuildInfo>& build) {
  if (stopped_) return;
  if (!build.ok()) return End(build.status());
  if (build->number <= build_number_) return End(absl::OkStatus());
  if (build->handover_min > kHandoverFormat || build->handover_max < kHandoverFormat) {
    return End(MakeFailure(
        v1::FAILURE_VERSION,
        absl::StrCat("build ", build->number, " cannot go on with the sessions of this one"),
        "It takes over when this agent has been idle for an hour, or after `iris stop --agents`."));
  }
  LogInfo("upgrade to build ", build->number, ", ", program_);
  give_up_ = absl::Now() + kMomentWithin;
  Try();
}

void Upgrade::Try() {
  timer_ = 0;
  const std::string why_not = hooks_.why_not_now();
  if (why_not.empty()) {
    return End(MakeFailure(v1::FAILURE_INTERNAL, hooks_.become(program_).message()));
  }
  if (absl::Now() >= give_up_) {
    return End(MakeFailure(
        v1::FAILURE_TIMEOUT,
        absl::StrCat("no moment for it in ", absl::FormatDuration(kMomentWithin), ": ", why_not),
        "It is tried again when a coordinator connects."));
  }
  timer_ = loop_.After(kTryEvery, [this] { Try(); });
}

void Upgrade::End(const absl::Status& outcome) {
  refused_.clear();
  if (!outcome.ok()) {
    refused_ = CutUtf8(ToProto(outcome).detail(), kRefusedBytesMax);
    LogWarn("no upgrade to ", program_, ": ", refused_);
  }
  for (Done& done : std::exchange(done_, {})) done(outcome);
}

}  // namespace iris
