#ifndef IRIS_COORDINATOR_TRANSPORT_TRANSPORT_H_
#define IRIS_COORDINATOR_TRANSPORT_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/config/config.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/read_point.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What is being done for a session's next answer, for people who wait.
struct TransportProgress {
  enum class Stage { kConnecting, kUploading, kStarting, kWorking };
  Stage stage = Stage::kConnecting;
  std::string text;          // E.g. "uploading the agent to gpu1 (x86_64)".
  uint64_t bytes_done = 0;   // kUploading.
  uint64_t bytes_total = 0;  // kUploading.
  bool host_asks = false;    // kConnecting: as ConnectProgress has it.
  // kWorking: what claude does now and the end of what it said last, as far as it has said; words
  // of a claude on some host.
  v1::ToolUse tool;
  std::string words;
  absl::Duration working;  // kWorking: since claude got the tell; zero: not known.
};

// For people: what a child was started with, without the values.
struct EnvironmentNames {
  std::string id;                  // As LaunchSpec.environment_id.
  std::string from;                // As SessionStatus.env_from; empty: not known.
  std::vector<std::string> names;  // Sorted.
  std::vector<std::string> lacks;  // As SessionStatus.env_lacks; UTF-8.
};

// Told by a transport what happens. Every call comes on the coordinator's loop, and none but
// HostHasAnswered(), EndWhileAway() and MayGive() from inside a call to the transport.
class TransportSink {
 public:
  virtual ~TransportSink() = default;

  virtual void OnProgress(const TransportProgress& progress) = 0;
  // The session's child answers; tells go through without another start.
  virtual void OnReady(int64_t child_pid, uint64_t child_start_time) = 0;
  // Spawn() failed, or what was ready is not any more: the child ended, or the link was lost while
  // no tell was under way. The next Spawn() or Tell() starts over.
  virtual void OnDown(const absl::Status& why) = 0;

  // A piece of the answer of the tell in flight, in order, whole characters not guaranteed.
  virtual void OnText(const std::string& tell_id, std::string text) = 0;
  // What was passed to OnText() for this tell does not count: the host sends the whole turn anew.
  virtual void OnTextVoid(const std::string& tell_id) = 0;
  // The last `bytes` of its text are its structured output, as JSON. Before OnSettled().
  virtual void OnStructured(const std::string& tell_id, size_t bytes) = 0;
  // What its turn cost and was denied, where that is known. Before OnSettled().
  virtual void OnAccount(const std::string& tell_id, const v1::TurnAccount& account) = 0;
  // The tell is over, exactly once for every Tell(): OK = answered, and all its text has been
  // passed to OnText(); else what was passed is the partial text.
  virtual void OnSettled(const std::string& tell_id, const absl::Status& outcome) = 0;

  // Nothing is left to do for Transport::Cancel(), or PassOnCancel(), of this tell: its host knows,
  // or never got it. May come before OnSettled() or long after it.
  virtual void OnCancelHeard(const std::string& tell_id) = 0;

  // All that the session's claude asks now, and that waits for Transport::Answer(), oldest first.
  // Called when that has changed. OnDown() means: nothing.
  virtual void OnRequests(const std::vector<v1::PendingRequest>& requests) = 0;

  // Everything up to `mark` has been passed on. Once that, and the text so far, is stored durably
  // it is to be acknowledged: until then the host keeps it, and a host that is new to the session
  // gets no tells: the next life has to know whom they were given to.
  virtual void OnReadUpTo(const ReadMark& mark) = 0;

  // Asked when it matters: the team's host answered not long ago, in this life of the coordinator
  // or an earlier one. Where it is out of reach now, that is for a while.
  virtual bool HostHasAnswered() const = 0;
  // Of a tell that no host has got, while the host is out of reach. OK: it waits; else it ends so.
  // Not for ever: it is asked again at every attempt that fails.
  virtual absl::Status EndWhileAway(const std::string& tell_id, const HostAway& away) const = 0;
  // Where what waits for the host stands, after each attempt to reach that which has failed. What
  // waits behind it need not, and a tell that no host has got may be taken back (Withdraw()).
  virtual void OnHostAway(const HostAway& away) = 0;
  // What Transport::AwaitHost() waited for: the host can be reached. It is awaited no more.
  virtual void OnHostBack() = 0;
  // A tell that no host has got is about to be sent to one. True: it is stored that it may be
  // there. False: that cannot be stored; asked again in a while.
  virtual bool MayGive(const std::string& tell_id) = 0;
};

struct OpenTell {
  std::string id;
  std::string text;
  bool sent = false;   // It was sent before: sent again it is said to be a repetition.
  bool given = false;  // The host may have it.
};

// One session's way to its `claude`, wherever that runs: AgentTransport, over a link to the agent
// on this machine or on the team's host.
//
// Outcomes arrive through the sink; ready() and busy() are snapshots. A tell that the host may have
// got survives the link: it waits for the next one, without end. Where something has to be mended
// first, the link is tried again rarely. One that the host did not get waits, or ends, as
// TransportSink::EndWhileAway() says. Lives on the coordinator's loop.
class Transport {
 public:
  virtual ~Transport() =
      default;  // Cancels; the sink is not called any more. The child is left alone.

  // Makes sure that the child runs: link up → lease → child answering. OnReady or OnDown follows:
  // where the host is out of reach, once an attempt to reach it has failed. Tells that wait for it
  // go on waiting.
  virtual void Spawn() = 0;
  // As Spawn(), and takes the session from whoever has it: another coordinator that holds its
  // lease, another host that has claimed it. Only when a person asked. Tells under way stay.
  virtual void TakeOver() = 0;
  // Sends one tell, spawning first if needed. OnSettled follows. Several may be under way; they are
  // answered in order. `tell_id` is a UUID that was not used before.
  virtual void Tell(const std::string& tell_id, std::string text) = 0;
  // As Tell(), for one that was passed on before, by an earlier life of the coordinator, an earlier
  // transport or this one. `given`: the host may have it, or have answered it. Else only a life
  // that nobody remembers may have given it to the host.
  virtual void Resume(const std::string& tell_id, std::string text, bool given) = 0;
  // Takes back a tell that no host has got, without settling it, while the host is out of reach:
  // from then on the host is awaited. False: it is not so, or the tell is over.
  virtual bool Withdraw(const std::string& tell_id) = 0;
  // The link is to come up, for no tell: OnHostAway() says how each attempt fails, OnHostBack()
  // that one did not. Where something has to be mended first, only TryNow() and TryLater() make
  // one. Nothing is started on the host.
  virtual void AwaitHost() = 0;
  virtual void StopAwaiting() = 0;
  // The team that it was made for, as it is for another asker: what is started from now on has the
  // environment of that one, and so has the way to the host, by which nothing goes before it is
  // known where that leads; what the host has stays there. A child that runs keeps its own.
  virtual void UseAskerOf(const Team&) {}
  // Who made this may have another transport, which needs no agent. It is asked once an attempt has
  // reached the host and no agent can run there (FAILURE_NO_AGENT_POSSIBLE), if no agent has ever
  // had anything of the session; never from inside a call to the transport. True: what is under way
  // (tells_under_way()) is the other's from its beginning, and this transport is gone; the sink has
  // heard nothing of it. False: all ends as any failure does. One that needs no agent never asks.
  using HandOver = std::function<bool()>;
  virtual void OfferHandOver(HandOver) {}
  // The names of the variables that the child which answered last was started with, and whose they
  // are, as far as that is known.
  virtual EnvironmentNames environment_names() const { return {}; }
  // Somebody asks for the team: a link that waits for something to be mended is tried at once; or,
  // soon after a login that was refused, as soon as another one may be made.
  virtual void TryNow() = 0;
  // A link that waits for something to be mended is tried once more, minutes from now.
  virtual void TryLater() = 0;
  // TransportSink::MayGive() said no, and would say yes now: it is asked again at once. Not from
  // inside of that.
  virtual void GiveNow() = 0;
  // What OnReadUpTo() said is stored: the host may drop it.
  virtual void Acknowledge(const ReadMark& mark) = 0;
  // Ends one tell that is under way: OnSettled follows as FAILURE_CANCELLED, unless it ends by
  // itself first. Others are left alone. Where the host is out of reach it is settled at once, and
  // the host is asked when it is back, as often as it takes; then OnCancelHeard() comes.
  virtual void Cancel(const std::string& tell_id) = 0;
  // The rest of a Cancel() that an earlier transport of the session did not come to: its host is to
  // hear of it, and the way there is gone for that. `host`: its HostMark::key; no other host
  // hears of it, nor is believed. Empty: not known, and any is.
  virtual void PassOnCancel(const std::string& tell_id, const std::string& host) = 0;
  // Answers what OnRequests() said, with `json` as v1::AnswerRequestRequest has it. `done` runs
  // once, on the loop, never from inside, whatever becomes of the transport. FAILURE_UNREACHABLE:
  // the host is out of reach, and the request waits there. FAILURE_BAD_REQUEST: it waits no more,
  // or that is no answer.
  using AnswerDone = std::function<void(const absl::StatusOr<v1::AnswerRequestResponse>&)>;
  virtual void Answer(const std::string& request_id, const std::string& json, AnswerDone done) = 0;
  // Ends the child and all its descendants, wherever it lives: goes to the host where the link is
  // down. Tells under way are settled first, as FAILURE_CANCELLED unless they end by themselves
  // within the agent's 2 s, and OnDown() comes if the child was ready. Then `done` runs on the loop
  // (not once the transport is gone, which it may destroy) with whether a child ran, or with why
  // that is not known: then what the host may have stays under way. No Spawn() or Tell() until
  // then.
  using TerminateDone = absl::AnyInvocable<void(const absl::StatusOr<bool>& was_running)>;
  virtual void Terminate(TerminateDone done) = 0;

  virtual bool ready() const = 0;
  virtual bool busy() const = 0;  // A tell is under way.
  // They wait for the way to the host, which may have to be mended: another try, or other settings.
  virtual bool is_out_of_reach() const = 0;
  // Those that are under way, oldest first: for a transport that is made in place of this one.
  virtual std::vector<OpenTell> tells_under_way() const = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TRANSPORT_H_
