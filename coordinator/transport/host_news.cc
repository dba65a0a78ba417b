#include "coordinator/transport/host_news.h"

#include "absl/status/status.h"
#include "common/base/alive_flag.h"
#include "common/failure/failure.h"
#include "coordinator/transport/transport_machine.h"

namespace iris {
namespace {

// From this build on an agent knows TellFrame.begun.
constexpr uint32_t kBuildThatKnows = 5;

}  // namespace

void HostNews::OnNews(std::vector<SessionNews> news, uint64_t wire_bytes, const ReadPoint& point) {
  bytes_read_ += wire_bytes;
  const AliveWatch alive = alive_.Watch();
  const AttachCall* const stream = parts_.contact.calls().stream();
  for (SessionNews& item : news) {
    Apply(item);
    // What the sink did may have ended all this: then the rest is read again.
    if (!alive || parts_.contact.calls().stream() != stream) return;
  }
  // Together with the text before it: what is read again from there must not be passed on twice.
  const bool has_moved = parts_.turns.OnRead(point, parts_.contact.host());
  if (has_moved || !parts_.contact.host_is_stored())
    parts_.sink.OnReadUpTo(ReadMark(parts_.turns.mark()));
  if (!alive || parts_.contact.calls().stream() == nullptr) return;
  parts_.ending.EndIfQuiet();
  if (alive) parts_.contact.UpdateUrgency();
}

void HostNews::Apply(SessionNews& item) {
  const AliveWatch alive = alive_.Watch();
  switch (item.kind) {
    case SessionNews::Kind::kAttached:
      return OnAttached(item);
    case SessionNews::Kind::kStarted:
      return BecomeReady(item.child);
    case SessionNews::Kind::kExited:
      // Where a start is under way, its end says how it stands.
      if (!parts_.child.OnExited() && parts_.contact.state() != TransportState::kOpen) return;
      return parts_.child.SayGone(item.outcome);
    case SessionNews::Kind::kAsked:
      return parts_.child.OnAsked(item.requests.front());
    case SessionNews::Kind::kAnswered:
      return parts_.child.OnAnswered(item.request_id);
    case SessionNews::Kind::kSettled:
      parts_.cancels.OnSettled(item.tell_id);
      if (alive) parts_.turns.Apply(item);
      return;
    default:
      return parts_.turns.Apply(item);
  }
}

void HostNews::OnAttached(const SessionNews& attached) {
  const AliveWatch alive = alive_.Watch();
  if (!SettleWhatCannotBeAsked(attached.known)) return;
  if (!attached.known) parts_.tells.OnJournalLost();
  const bool any_sent = parts_.tells.any_sent();
  // Where the store is a copy that was put back, it does not say what the host has got; and where
  // the host has lost its files, nobody but the transcript knows.
  const bool host_forgot = !attached.known && (any_sent || !parts_.turns.mark().journal_id.empty());
  if (host_forgot || attached.store_is_old) parts_.sender.RepeatAll();
  parts_.child.OnAttached(attached.requests);
  if (!alive) return;
  if (parts_.ending.asked()) {
    return parts_.contact.Handle(parts_.tells.empty() ? TransportEvent::kAttachedToEnd
                                                      : TransportEvent::kAttachedToHear);
  }
  if (OnAttachedToCancel()) return;
  const bool host_has_tells = attached.known && any_sent;
  // An Open that fails would fail tells whose answers are about to be read.
  if (!host_has_tells || parts_.child.is_awaited()) {
    return parts_.contact.Handle(TransportEvent::kAttachedToOpen);
  }
  parts_.contact.Handle(TransportEvent::kAttachedToRead);
  if (attached.child.pid() != 0) {
    BecomeReady(attached.child);
  } else {
    parts_.child.SayGone(
        MakeFailure(v1::FAILURE_CHILD_EXITED, "claude ended while the host was out of reach"));
  }
  if (alive && parts_.contact.state() == TransportState::kOpen) parts_.contact.Renew();
}

// An agent that does not know TellFrame.begun would have claude run it again.
bool HostNews::SettleWhatCannotBeAsked(bool journal_is_known) {
  if (parts_.contact.calls().hello().build_number() >= kBuildThatKnows) return true;
  return parts_.turns.SettleEach(
      parts_.tells.BegunElsewhereIds(journal_is_known, parts_.turns.mark().in_flight),
      MakeFailure(v1::FAILURE_AMBIGUOUS,
                  "claude had begun the message, and the host, whose agent is of an older build, "
                  "has lost what became of it"));
}

// Nothing was opened. True: nothing is to be. What the host would start a child with may be
// settings that an earlier coordinator knew.
bool HostNews::OnAttachedToCancel() {
  const bool nothing_else = parts_.tells.empty() && !parts_.child.is_awaited();
  if (nothing_else) parts_.contact.Handle(TransportEvent::kAttachedToCancel);
  parts_.cancels.AskAll();
  return nothing_else;
}

void HostNews::BecomeReady(const v1::ChildInfo& child) {
  parts_.contact.OnChild(child);
  if (parts_.child.ready() && parts_.child.Is(child)) return;
  parts_.child.OnReady(child);
}

}  // namespace iris
