#ifndef IRIS_COORDINATOR_TRANSPORT_TESTING_FAKE_TRANSPORT_H_
#define IRIS_COORDINATOR_TRANSPORT_TESTING_FAKE_TRANSPORT_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

class FakeTransport;

// What the transports of one test do with a tell. Called on the loop, never from inside a call to
// the transport; it may settle the tell at once, later or not at all.
using FakeScript = std::function<void(FakeTransport& transport, const std::string& tell_id,
                                      const std::string& text)>;

// Answers every tell with its own text.
void EchoScript(FakeTransport& transport, const std::string& tell_id, const std::string& text);

// What the hosts of one test do when a child is to start, and how many run. Changed by tests, on
// the loop.
struct FakeHosts {
  bool hold_starts = false;  // A start ends only by FakeTransport::FinishStart().
  absl::Status start;        // How it ends.
  bool hear_cancels = true;  // They are in reach: else tells are cancelled without their knowing.
  // TransportSink::MayGive() is asked from inside Tell() where a child is ready, as AgentTransport
  // does it; else a moment later.
  bool asks_at_once = false;
  int running = 0;
  int most_running = 0;
};

// A transport whose session is a script. Lives on the loop.
class FakeTransport : public Transport {
 public:
  FakeTransport(EventLoop& loop, const Team& team, const SessionKey& key, const ReadMark& after,
                TransportSink& sink, FakeScript script, std::shared_ptr<FakeHosts> hosts);
  ~FakeTransport() override;

  // For scripts and tests: what the session does next.
  void Progress(const TransportProgress& progress) { sink_.OnProgress(progress); }
  void Text(const std::string& tell_id, absl::string_view text) {
    sink_.OnText(tell_id, std::string(text));
  }
  void Structured(const std::string& tell_id, size_t bytes) { sink_.OnStructured(tell_id, bytes); }
  void Account(const std::string& tell_id, const v1::TurnAccount& account) {
    sink_.OnAccount(tell_id, account);
  }
  void Settle(const std::string& tell_id, const absl::Status& outcome);
  // What is cancelled from now on goes on, and nobody hears of it.
  void IgnoreCancels() { ignores_cancels_ = true; }
  // A start that is held ends as FakeHosts says.
  void FinishStart();
  // The child ends or the link is lost; every open tell settles with `why`.
  void GoDown(const absl::Status& why);

  // Its claude asks this; until it is answered.
  void Ask(v1::PendingRequest request);

  int terminated() const { return terminated_; }
  int taken_over() const { return taken_over_; }

  const Team& team() const { return team_; }
  const SessionKey& key() const { return key_; }
  // What an earlier transport of the session had said last.
  const ReadMark& after() const { return after_; }
  bool HostHasAnswered() const { return sink_.HostHasAnswered(); }
  // Everything up to here has been passed on; and what was acknowledged last.
  void BeReadUpTo(const ReadMark& mark) { sink_.OnReadUpTo(mark); }
  const ReadMark& acknowledged() const { return acknowledged_; }
  void TextVoid(const std::string& tell_id) { sink_.OnTextVoid(tell_id); }
  // What came by Resume(): the host has it, and besides what it may have.
  const std::vector<std::string>& resumed() const { return resumed_; }
  const std::vector<std::string>& repeated() const { return repeated_; }

  // Tells that were passed and are not settled, oldest first.
  const std::deque<std::string>& open_tells() const { return open_tells_; }
  std::vector<OpenTell> tells_under_way() const override;

  void Spawn() override;
  void TakeOver() override;
  void Tell(const std::string& tell_id, std::string text) override;
  void Resume(const std::string& tell_id, std::string text, bool given) override;
  bool Withdraw(const std::string& tell_id) override;
  void AwaitHost() override { awaits_host_ = true; }
  void StopAwaiting() override { awaits_host_ = false; }
  void TryNow() override { ++asked_; }
  int asked() const { return asked_; }
  void TryLater() override { ++asked_later_; }
  int asked_later() const { return asked_later_; }
  void GiveNow() override;
  void Acknowledge(const ReadMark& mark) override { acknowledged_ = mark; }
  void Cancel(const std::string& tell_id) override;
  void PassOnCancel(const std::string& tell_id, const std::string& host) override {
    cancels_.push_back(tell_id);
    cancel_hosts_.push_back(host);
  }
  // The hosts of all that it said.
  const std::vector<std::string>& cancel_hosts() const { return cancel_hosts_; }
  // Its host hears of all that PassOnCancel() said, which is returned.
  std::vector<std::string> HearCancels();
  void Answer(const std::string& request_id, const std::string& json, AnswerDone done) override;
  void Terminate(TerminateDone done) override;
  bool ready() const override { return ready_; }
  bool busy() const override { return !open_tells_.empty(); }
  bool is_out_of_reach() const override { return is_out_of_reach_; }
  void LoseReach() { is_out_of_reach_ = true; }
  // An attempt to reach its host fails so: each tell that the host does not have, and that does not
  // wait for it, ends, and so does a Spawn() of a child that was ready, or a Terminate(), which
  // leaves what the host has under way. Made with the environment of the asker of now where `away`
  // has none.
  void BeAway(HostAway away);
  // The host is there. Starts nothing: FinishStart() does, of what goes there.
  void BeBack();
  bool awaits_host() const { return awaits_host_; }
  // The host has it: its script runs, or it came by Resume() so.
  bool has_given(const std::string& tell_id) const { return given_.count(tell_id) > 0; }
  // Times that a child became ready.
  int spawns() const { return spawns_; }

 private:
  void PostUnlessGone(absl::AnyInvocable<void()> task);
  // It is under way, and waits for the child.
  void Add(const std::string& tell_id, std::string text);
  void Start();
  void GiveLater();
  void Unstart(const std::string& tell_id);
  void SetReady(bool ready);
  void SettleAll(const absl::Status& outcome);

  EventLoop& loop_;
  const Team& team_;
  const SessionKey key_;
  const ReadMark after_;
  ReadMark acknowledged_;
  std::vector<std::string> resumed_, repeated_;
  TransportSink& sink_;
  const FakeScript script_;
  const std::shared_ptr<FakeHosts> hosts_;
  bool ready_ = false;
  std::deque<std::pair<std::string, std::string>> unstarted_;  // Tells that wait for the child.
  std::deque<std::string> open_tells_;
  std::vector<v1::PendingRequest> requests_;
  std::vector<std::string> cancels_, cancel_hosts_;
  std::map<std::string, std::string> texts_;  // Of open_tells_.
  std::set<std::string> given_;               // Of all tells.
  bool is_out_of_reach_ = false;
  bool ignores_cancels_ = false;
  bool awaits_host_ = false;
  bool is_spawning_ = false;  // Spawn() was called out of reach.
  TerminateDone ending_;      // Likewise, of Terminate().
  int asked_ = 0;
  int asked_later_ = 0;
  int terminated_ = 0;
  int taken_over_ = 0;
  int spawns_ = 0;
  AliveFlag alive_;
};

// Makes FakeTransports, and knows those that live. Lives on the loop.
class FakeTransportFactory : public TransportFactory {
 public:
  FakeTransportFactory(EventLoop& loop, FakeScript script)
      : loop_(loop), script_(std::move(script)) {}

  std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key, const ReadMark& after,
                                  TransportSink& sink) override;

  // The newest transport between the two teams; must exist and live.
  FakeTransport& Between(absl::string_view from, absl::string_view to);
  int made() const { return made_; }
  bool made(absl::string_view from, absl::string_view to) const {
    return newest_.count({std::string(from), std::string(to)}) > 0;
  }
  FakeHosts& hosts() { return *hosts_; }

 private:
  EventLoop& loop_;
  const FakeScript script_;
  const std::shared_ptr<FakeHosts> hosts_ = std::make_shared<FakeHosts>();
  int made_ = 0;
  std::map<std::pair<std::string, std::string>, FakeTransport*> newest_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TESTING_FAKE_TRANSPORT_H_
