#include "coordinator/transport/testing/fake_transport.h"

#include <algorithm>

#include "absl/status/status.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr int64_t kFakePid = 4711;
constexpr uint64_t kFakeStartTime = 123456;
constexpr absl::Duration kGiveAgain = absl::Milliseconds(10);

}  // namespace

void EchoScript(FakeTransport& transport, const std::string& tell_id, const std::string& text) {
  transport.Text(tell_id, text);
  transport.Settle(tell_id, absl::OkStatus());
}

FakeTransport::FakeTransport(EventLoop& loop, const Team& team, const SessionKey& key,
                             const ReadMark& after, TransportSink& sink, FakeScript script,
                             std::shared_ptr<FakeHosts> hosts)
    : loop_(loop),
      team_(team),
      key_(key),
      after_(after),
      sink_(sink),
      script_(std::move(script)),
      hosts_(std::move(hosts)) {}

FakeTransport::~FakeTransport() {
  alive_.Clear();
  SetReady(false);
}

void FakeTransport::PostUnlessGone(absl::AnyInvocable<void()> task) {
  loop_.Post([alive = alive_.Watch(), task = std::move(task)]() mutable {
    if (alive) std::move(task)();
  });
}

void FakeTransport::SetReady(bool ready) {
  if (ready == ready_) return;
  ready_ = ready;
  hosts_->running += ready ? 1 : -1;
  hosts_->most_running = std::max(hosts_->most_running, hosts_->running);
}

void FakeTransport::Start() {
  if (!hosts_->hold_starts || ready_) FinishStart();
}

void FakeTransport::FinishStart() {
  if (!ready_) {
    if (!hosts_->start.ok()) return GoDown(hosts_->start);
    SetReady(true);
    ++spawns_;
    sink_.OnReady(kFakePid, kFakeStartTime);
  }
  while (!unstarted_.empty()) {
    const auto [tell_id, text] = unstarted_.front();
    if (!has_given(tell_id) && !sink_.MayGive(tell_id)) return GiveLater();
    given_.insert(tell_id);
    unstarted_.pop_front();
    script_(*this, tell_id, text);
  }
}

void FakeTransport::GiveLater() {
  loop_.After(kGiveAgain, [this, alive = alive_.Watch()] {
    if (alive && ready_) FinishStart();
  });
}

void FakeTransport::GiveNow() {
  PostUnlessGone([this] {
    if (ready_) FinishStart();
  });
}

void FakeTransport::Spawn() {
  PostUnlessGone([this] {
    if (ready_ && is_out_of_reach_) {
      is_spawning_ = true;
      return;
    }
    if (ready_) return sink_.OnReady(kFakePid, kFakeStartTime);
    Start();
  });
}

void FakeTransport::TakeOver() {
  ++taken_over_;
  Spawn();
}

void FakeTransport::Tell(const std::string& tell_id, std::string text) {
  Add(tell_id, std::move(text));
  if (hosts_->asks_at_once && ready_) {
    if (!sink_.MayGive(tell_id)) return GiveLater();
    given_.insert(tell_id);
  }
  PostUnlessGone([this] { Start(); });
}

void FakeTransport::Add(const std::string& tell_id, std::string text) {
  open_tells_.push_back(tell_id);
  texts_[tell_id] = text;
  unstarted_.emplace_back(tell_id, std::move(text));
}

std::vector<OpenTell> FakeTransport::tells_under_way() const {
  std::vector<OpenTell> open;
  for (const std::string& id : open_tells_) {
    const bool repeated = std::count(repeated_.begin(), repeated_.end(), id) > 0;
    open.push_back({.id = id,
                    .text = texts_.at(id),
                    .sent = repeated || has_given(id),
                    .given = has_given(id)});
  }
  return open;
}

void FakeTransport::Resume(const std::string& tell_id, std::string text, bool given) {
  repeated_.push_back(tell_id);
  if (given) {
    resumed_.push_back(tell_id);
    given_.insert(tell_id);
  }
  Add(tell_id, std::move(text));
  PostUnlessGone([this] { Start(); });
}

bool FakeTransport::Withdraw(const std::string& tell_id) {
  const auto found = std::find(open_tells_.begin(), open_tells_.end(), tell_id);
  if (found == open_tells_.end() || has_given(tell_id) || !is_out_of_reach_) return false;
  open_tells_.erase(found);
  texts_.erase(tell_id);
  Unstart(tell_id);
  awaits_host_ = true;
  return true;
}

void FakeTransport::Unstart(const std::string& tell_id) {
  unstarted_.erase(std::remove_if(unstarted_.begin(), unstarted_.end(),
                                  [&](const auto& tell) { return tell.first == tell_id; }),
                   unstarted_.end());
}

void FakeTransport::Cancel(const std::string& tell_id) {
  if (ignores_cancels_) return;
  PostUnlessGone([this, tell_id] {
    Unstart(tell_id);
    Settle(tell_id, MakeFailure(v1::FAILURE_CANCELLED, "the message was cancelled"));
    if (hosts_->hear_cancels) sink_.OnCancelHeard(tell_id);
  });
}

std::vector<std::string> FakeTransport::HearCancels() {
  std::vector<std::string> heard = std::exchange(cancels_, {});
  for (const std::string& tell_id : heard) sink_.OnCancelHeard(tell_id);
  return heard;
}

void FakeTransport::Terminate(TerminateDone done) {
  ++terminated_;
  PostUnlessGone([this, done = std::move(done)]() mutable {
    if (is_out_of_reach_) {
      for (const std::string& tell_id : std::deque<std::string>(open_tells_)) {
        if (has_given(tell_id)) continue;
        Unstart(tell_id);
        Settle(tell_id, MakeFailure(v1::FAILURE_CANCELLED, "claude was ended on request"));
      }
      ending_ = std::move(done);
      return;
    }
    const bool was_running = ready_;
    GoDown(MakeFailure(v1::FAILURE_CANCELLED, "claude was ended on request"));
    // The host's answer and its events travel by themselves.
    PostUnlessGone([was_running, done = std::move(done)]() mutable { done(was_running); });
  });
}

void FakeTransport::Settle(const std::string& tell_id, const absl::Status& outcome) {
  const auto found = std::find(open_tells_.begin(), open_tells_.end(), tell_id);
  if (found == open_tells_.end()) return;
  open_tells_.erase(found);
  texts_.erase(tell_id);
  sink_.OnSettled(tell_id, outcome);
}

void FakeTransport::BeAway(HostAway away) {
  is_out_of_reach_ = true;
  if (away.environment == nullptr) away.environment = team_.asker.environment;
  if (ending_) {
    if (open_tells_.empty()) GoDown(away.why);
    return std::exchange(ending_, nullptr)(away.why);
  }
  for (const std::string& tell_id : std::deque<std::string>(open_tells_)) {
    if (has_given(tell_id)) continue;
    const absl::Status end = sink_.EndWhileAway(tell_id, away);
    if (end.ok()) continue;
    Unstart(tell_id);
    Settle(tell_id, end);
  }
  if (open_tells_.empty() && !awaits_host_) return GoDown(away.why);
  sink_.OnProgress({.text = WhyItWaits(away)});
  sink_.OnHostAway(away);
  if (std::exchange(is_spawning_, false)) sink_.OnDown(away.why);
}

void FakeTransport::BeBack() {
  is_out_of_reach_ = false;
  if (std::exchange(awaits_host_, false)) sink_.OnHostBack();
  if (std::exchange(is_spawning_, false)) sink_.OnReady(kFakePid, kFakeStartTime);
}

void FakeTransport::GoDown(const absl::Status& why) {
  requests_.clear();
  SettleAll(why);
  SetReady(false);
  sink_.OnDown(why);
}

void FakeTransport::SettleAll(const absl::Status& outcome) {
  unstarted_.clear();
  while (!open_tells_.empty()) Settle(std::string(open_tells_.front()), outcome);
}

void FakeTransport::Ask(v1::PendingRequest request) {
  requests_.push_back(std::move(request));
  sink_.OnRequests(requests_);
}

// Says the answer with it, once.
void FakeTransport::Answer(const std::string& request_id, const std::string& json,
                           AnswerDone done) {
  const auto asked = std::find_if(
      requests_.begin(), requests_.end(),
      [&](const v1::PendingRequest& request) { return request.request_id() == request_id; });
  v1::AnswerRequestResponse response;
  response.set_json(json);
  response.set_was_first(asked != requests_.end());
  if (asked != requests_.end()) requests_.erase(asked);
  sink_.OnRequests(requests_);
  loop_.Post([done = std::move(done), response] { done(response); });
}

std::unique_ptr<Transport> FakeTransportFactory::Make(const Team& team, const SessionKey& key,
                                                      const ReadMark& after, TransportSink& sink) {
  ++made_;
  auto transport = std::make_unique<FakeTransport>(loop_, team, key, after, sink, script_, hosts_);
  newest_[{key.from, key.to}] = transport.get();
  return transport;
}

FakeTransport& FakeTransportFactory::Between(absl::string_view from, absl::string_view to) {
  return *newest_.at({std::string(from), std::string(to)});
}

}  // namespace iris
