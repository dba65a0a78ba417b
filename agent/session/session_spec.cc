#include "agent/session/session_spec.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/auth_links.h"
#include "agent/process/slow_work.h"
#include "agent/session/claim.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kIdBytesMax = 64;  // LaunchSpec.environment_id.
constexpr absl::Duration kDefaultInitTimeout = absl::Seconds(30);

bool HaveSameEnvironment(const v1::LaunchSpec& one, const v1::LaunchSpec& other) {
  return one.environment_id() == other.environment_id() &&
         one.environment().SerializeAsString() == other.environment().SerializeAsString();
}

}  // namespace

SessionSpec::SessionSpec(const SessionContext& context, std::string session_id, SessionFiles& files,
                         const handover::Session* before)
    : context_(context), id_(std::move(session_id)), files_(files) {
  if (files_.launch() != nullptr) newest_ = *files_.launch();
  // What cannot be read is most likely another one: none is given.
  if (before != nullptr && !before->environment().empty() &&
      !newest_.mutable_environment()->ParseFromString(before->environment())) {
    newest_.clear_environment();
  }
  // No child of this agent has that of an earlier one.
  if (!newest_.has_environment()) newest_.clear_environment_id();
}

absl::Status SessionSpec::Renew(const v1::LaunchSpec& spec) {
  if (absl::Status fits = CheckEnvironment(spec, context_); !fits.ok()) return fits;
  v1::LaunchSpec launch = spec;
  launch.clear_kept();
  if (launch.environment_id().size() > kIdBytesMax) launch.clear_environment_id();
  if (!spec.has_environment()) {
    // Who says nothing of it does not know it: what was said before still counts.
    if (newest_.has_environment()) *launch.mutable_environment() = newest_.environment();
    launch.set_environment_id(newest_.environment_id());
    *launch.mutable_kept() = newest_.kept();
  }
  if (absl::Status saved = files_.SaveLaunch(launch); !saved.ok()) return saved;
  newest_ = std::move(launch);
  const auto lent = newest_.env().find("SSH_AUTH_SOCK");
  if (context_.auth_links != nullptr && lent != newest_.env().end()) {
    context_.auth_links->Lend(newest_.link(), lent->second);
  }
  return absl::OkStatus();
}

void SessionSpec::Plan(Planned done) {
  of_child_ = newest_;
  child_directory_ = {};
  Look([spec = WithLastingAuthSock(newest_, context_), id = id_,
        context = context_] { return PlanLaunch(spec, id, context); },
       [this, done = std::move(done)](absl::StatusOr<LaunchPlan> plan) mutable {
         if (plan.ok()) child_directory_ = plan->directory;
         done(std::move(plan));
       });
}

void SessionSpec::LookForTranscript(LaunchPlan plan, Planned done) {
  Look(
      [spec = of_child_, id = id_, context = context_, plan = std::move(plan)]() mutable {
        iris::LookForTranscript(spec, id, context, plan);
        return absl::StatusOr<LaunchPlan>(std::move(plan));
      },
      std::move(done));
}

// The work may outlive this, and has copies of all that it needs.
void SessionSpec::Look(absl::AnyInvocable<absl::StatusOr<LaunchPlan>()> plan, Planned done) {
  auto found = std::make_shared<absl::StatusOr<LaunchPlan>>();
  OrAtOnce(context_.slow_work)
      .Run(
          "what claude is started with", kWithin,
          [found, plan = std::move(plan)]() mutable { *found = plan(); },
          lifetime_.While([this, found, done = std::move(done)](const absl::Status& ran) mutable {
            if (ran.ok()) return done(std::move(*found));
            done(MakeFailure(v1::FAILURE_STORAGE,
                             absl::StrCat(Who(), " cannot be started: ", ran.message())));
          }));
}

// One that is not there now is most likely being replaced.
bool SessionSpec::DirectoryIsReplaced() const {
  // Looked at only where it was at the start: on a disk, which answers.
  if (!child_directory_.known()) return false;
  const DirectoryId directory = DirectoryOf(newest_, context_);
  return directory.known() && directory != child_directory_;
}

bool SessionSpec::IsOutdated() const {
  return !LaunchesAlike(of_child_, newest_) || DirectoryIsReplaced();
}

absl::Duration SessionSpec::InitTimeoutOfChild() const {
  return of_child_.init_timeout_ms() > 0 ? absl::Milliseconds(of_child_.init_timeout_ms())
                                         : kDefaultInitTimeout;
}

TranscriptPlace SessionSpec::TranscriptOfChild() const {
  return TranscriptPlaceOf(of_child_, id_, context_);
}

TranscriptPlace SessionSpec::TranscriptOfNext() const {
  return TranscriptPlaceOf(newest_, id_, context_);
}

std::string SessionSpec::ClaimFile() const {
  return opened() ? ClaimPath(ConfigDirOf(newest_, context_), id_) : "";
}

std::string SessionSpec::Who() const {
  return absl::StrCat("claude for team ", newest_.team(), " on ", context_.hostname);
}

void SessionSpec::Describe(v1::SessionInfo& info) const {
  info.set_team(newest_.team());
  info.set_from(newest_.from());
  info.set_cwd(newest_.cwd());
}

void SessionSpec::HandOver(bool child, handover::Session& state) const {
  if (newest_.has_environment()) {
    state.set_environment(newest_.environment().SerializeAsString());
  }
  if (!child) return;
  if (!LaunchesAlike(of_child_, newest_) || !HaveSameEnvironment(of_child_, newest_)) {
    state.set_launch(of_child_.SerializeAsString());
  }
  state.set_cwd_device(child_directory_.device);
  state.set_cwd_inode(child_directory_.inode);
}

void SessionSpec::AdoptChild(const handover::Session& before) {
  of_child_ = newest_;
  // What cannot be read is most likely another one.
  if (!before.launch().empty()) (void)of_child_.ParseFromString(before.launch());
  child_directory_ = {.device = before.cwd_device(), .inode = before.cwd_inode()};
}

}  // namespace iris
