#include "coordinator/pool/pooled_session.h"

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "common/request/request_text.h"

namespace iris {
namespace {

// Lost contact is not death: only the host's word says that a child is gone.
bool SaysChildIsGone(const absl::Status& why) {
  switch (KindOf(why)) {
    case v1::FAILURE_UNREACHABLE:
    case v1::FAILURE_DROPPED:
    case v1::FAILURE_TIMEOUT:
    case v1::FAILURE_AUTH:
    case v1::FAILURE_HOST_KEY:
    case v1::FAILURE_VERSION:
    case v1::FAILURE_WRONG_HOST:
    case v1::FAILURE_PERMISSION_DENIED:
    case v1::FAILURE_INTERNAL:
      return false;
    default:
      return true;
  }
}

}  // namespace

PooledSession::PooledSession(TransportFactory& factory, const Team& team, const SessionKey& key,
                             const ReadMark& after, bool may_live, KnownHosts& hosts,
                             SessionListener& listener, std::function<void()> on_change)
    : factory_(factory),
      key_(key),
      team_(team),
      hosts_(hosts),
      sink_(listener.SinkFor(*this)),
      on_change_(std::move(on_change)),
      read_up_to_(after),
      stored_host_(after.host),
      child_(may_live ? Child::kUnverifiable : Child::kNone),
      transport_(MakeTransport()) {}

std::unique_ptr<Transport> PooledSession::MakeTransport() {
  std::unique_ptr<Transport> transport = factory_.Make(team_, key_, ReadSoFar(), sink_);
  transport->OfferHandOver([this] { return HandOver(); });
  return transport;
}

ReadMark PooledSession::ReadSoFar() const {
  ReadMark mark = read_up_to_;
  mark.host = stored_host_;
  return mark;
}

// The other one stays until the settings change: then an agent may run there.
bool PooledSession::HandOver() {
  std::unique_ptr<Transport> other = factory_.MakeWithoutAgent(team_, key_, ReadSoFar(), sink_);
  if (other == nullptr) return false;
  LogInfo("no agent can run on the host of team ", key_.to, ": its session with ", key_.from,
          " does without one");
  std::vector<OpenTell> open = LeaveTransport();
  transport_ = std::move(other);
  GoOnWith(std::move(open));
  if (starting_) StartWhatIsAskedFor();
  return true;
}

void PooledSession::UseSettings(const Team& team) {
  if (busy()) return UseSettingsOutOfReach(team);
  // A start that is under way is for who asked for it, and goes that one's way to the host.
  asker_is_due_ = starting_ && !IsSame(team.asker.environment, team_.asker.environment);
  if (team == team_) {
    if (!asker_is_due_) UseAskerOf(team);
    return next_team_.reset();
  }
  next_team_ = team;
  if (ending() || starting_) return;  // OnEnded() does the rest, or whoever asks again.
  if (child_ == Child::kReady) return Sleep([](const absl::StatusOr<bool>&) {});
  UseNextTeam();
}

void PooledSession::UseAskerOf(const Team& team) {
  if (team != team_) return;
  team_ = team;
  transport_->UseAskerOf(team_);
}

// What the host has goes on there; the way to it is what somebody mended.
void PooledSession::UseSettingsOutOfReach(const Team& team) {
  if (ending() || team == team_ || !transport_->is_out_of_reach()) return;
  next_team_ = team;
  UseNextTeam();
  if (starting_) StartWhatIsAskedFor();
}

void PooledSession::UseNextTeam() {
  if (!next_team_.has_value()) return;
  std::vector<OpenTell> open = LeaveTransport();
  team_ = *std::exchange(next_team_, absl::nullopt);
  transport_ = MakeTransport();
  GoOnWith(std::move(open));
}

std::vector<OpenTell> PooledSession::LeaveTransport() {
  std::vector<OpenTell> open = transport_->tells_under_way();
  transport_.reset();  // Never two transports at work for one session.
  requests_.clear();
  return open;
}

void PooledSession::GoOnWith(std::vector<OpenTell> open) {
  for (OpenTell& tell : open) {
    tell.sent ? transport_->Resume(tell.id, std::move(tell.text), tell.given)
              : transport_->Tell(tell.id, std::move(tell.text));
  }
  for (const auto& [id, host] : cancels_) {
    const std::string& tell_id = id;  // For the lambda.
    const bool is_open = std::any_of(open.begin(), open.end(),
                                     [&](const OpenTell& tell) { return tell.id == tell_id; });
    is_open ? transport_->Cancel(tell_id) : transport_->PassOnCancel(tell_id, host);
  }
  if (awaits_host_) transport_->AwaitHost();
}

void PooledSession::CheckIsUsable() const {
  Check(!ending(), "a session is used while its child is being ended");
}

void PooledSession::Tell(const std::string& tell_id, std::string text) {
  CheckIsUsable();
  ++tells_open_;
  cannot_end_ = false;
  transport_->Tell(tell_id, std::move(text));
}

void PooledSession::Resume(const std::string& tell_id, std::string text, bool given) {
  CheckIsUsable();
  ++tells_open_;
  cannot_end_ = false;
  transport_->Resume(tell_id, std::move(text), given);
}

bool PooledSession::Withdraw(const std::string& tell_id) {
  if (!transport_->Withdraw(tell_id)) return false;
  Check(tells_open_ > 0, "a message is taken back that no session has");
  --tells_open_;
  awaits_host_ = true;
  on_change_();
  return true;
}

void PooledSession::StopAwaiting() {
  if (std::exchange(awaits_host_, false)) transport_->StopAwaiting();
}

void PooledSession::Wake() {
  CheckIsUsable();
  if (std::exchange(starting_, true)) return;
  transport_->Spawn();
}

void PooledSession::TakeOver() {
  CheckIsUsable();
  starting_ = true;
  takes_over_ = true;
  transport_->TakeOver();
}

void PooledSession::StartWhatIsAskedFor() {
  takes_over_ ? transport_->TakeOver() : transport_->Spawn();
}

void PooledSession::Sleep(SleepDone done) {
  ending_.push_back(std::move(done));
  if (ending_.size() > 1) return;
  transport_->Terminate([this](const absl::StatusOr<bool>& was_running) { OnEnded(was_running); });
}

void PooledSession::OnEnded(const absl::StatusOr<bool>& was_running) {
  if (was_running.ok() && child_ != Child::kNone) child_ = Child::kGone;
  cannot_end_ = !was_running.ok();
  std::vector<SleepDone> ending = std::exchange(ending_, {});
  UseNextTeam();
  on_change_();
  for (SleepDone& done : ending) done(was_running);
}

void PooledSession::Describe(v1::SessionStatus& status) const {
  if (child_ == Child::kReady) {
    status.set_state(busy() ? v1::SessionStatus::BUSY : v1::SessionStatus::READY);
  } else if (busy() || awaits_host_) {
    status.set_state(v1::SessionStatus::STARTING);
  } else if (child_ == Child::kGone) {
    status.set_state(v1::SessionStatus::STOPPED);
  } else if (child_ == Child::kUnverifiable) {
    status.set_state(v1::SessionStatus::UNVERIFIABLE);
  }
  if (child_ == Child::kReady || child_ == Child::kUnverifiable) {
    status.set_child_pid(child_pid_);
    status.set_child_start_time(child_start_time_);
  }
  const EnvironmentNames given = transport_->environment_names();
  status.set_env_from(given.from);
  for (const std::string& name : given.names) status.add_env_names(ToUtf8(name));
  for (const std::string& name : given.lacks) status.add_env_lacks(name);
  for (const v1::PendingRequest& request : requests_) {
    *status.add_permissions() = Permission(request);
  }
}

v1::PendingPermission PooledSession::Permission(const v1::PendingRequest& request) const {
  v1::PendingPermission permission;
  permission.set_request_id(request.request_id());
  permission.set_from(key_.from);
  permission.set_to(key_.to);
  permission.set_tell_id(request.tell_id());
  permission.set_text(RequestText(request));
  permission.set_input(RequestInput(request));
  permission.set_input_bytes(permission.input().size());
  return permission;
}

void PooledSession::NoteProgress() {
  // That its host is away is heard of so where the host has a tell: it counts no more.
  if (is_out_of_reach()) on_change_();
}

// Settings that were due are asked for again, as they are then.
void PooledSession::StartHasEnded() {
  asker_is_due_ = false;
  takes_over_ = false;
  if (std::exchange(starting_, false) && !ending()) next_team_.reset();
}

void PooledSession::NoteReady(int64_t child_pid, uint64_t child_start_time) {
  child_ = Child::kReady;
  child_pid_ = child_pid;
  child_start_time_ = child_start_time;
  StartHasEnded();
  cannot_end_ = false;
  hosts_.OnAnswer(team_);
  on_change_();
}

void PooledSession::NoteDown(const absl::Status& why) {
  if (child_ == Child::kReady) {
    child_ = SaysChildIsGone(why) ? Child::kGone : Child::kUnverifiable;
  }
  // It may run there, and nobody here can see it.
  if (KindOf(why) == v1::FAILURE_WRONG_HOST) child_ = Child::kUnverifiable;
  StartHasEnded();
  requests_.clear();
  on_change_();
}

void PooledSession::NoteReadUpTo(const ReadMark& mark) {
  read_up_to_ = mark;
  hosts_.OnAnswer(team_);
}

void PooledSession::NoteSettled() {
  Check(tells_open_ > 0, "a message is settled that no session has");
  --tells_open_;
  on_change_();
}

}  // namespace iris
