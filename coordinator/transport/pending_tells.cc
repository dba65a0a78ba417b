#include "coordinator/transport/pending_tells.h"

#include "absl/algorithm/container.h"
#include "common/log/check.h"

namespace iris {
namespace {

template <typename Tells>
auto FindIn(Tells& tells, absl::string_view tell_id) {
  return absl::c_find_if(tells, [&](const PendingTell& tell) { return tell.id == tell_id; });
}

}  // namespace

PendingTell* PendingTells::Find(absl::string_view tell_id) {
  const auto found = FindIn(tells_, tell_id);
  return found == tells_.end() ? nullptr : &*found;
}

PendingTell PendingTells::Remove(absl::string_view tell_id) {
  const auto found = FindIn(tells_, tell_id);
  Check(found != tells_.end(), "a message is settled that is not under way");
  PendingTell removed = std::move(*found);
  tells_.erase(found);
  return removed;
}

bool PendingTells::any_sent() const {
  return absl::c_any_of(tells_, [](const PendingTell& tell) { return tell.sent; });
}

bool PendingTells::any_given() const {
  return absl::c_any_of(tells_, [](const PendingTell& tell) { return tell.given; });
}

std::vector<std::string> PendingTells::GivenIds() const {
  std::vector<std::string> ids;
  for (const PendingTell& tell : tells_) {
    if (tell.given) ids.push_back(tell.id);
  }
  return ids;
}

std::vector<std::string> PendingTells::NotGivenIds() const {
  std::vector<std::string> ids;
  for (const PendingTell& tell : tells_) {
    if (!tell.given) ids.push_back(tell.id);
  }
  return ids;
}

std::string PendingTells::BegunId() const {
  for (const PendingTell& tell : tells_) {
    if (tell.begun) return tell.id;
  }
  return "";
}

std::vector<OpenTell> PendingTells::Open() const {
  std::vector<OpenTell> open;
  for (const PendingTell& tell : tells_) {
    open.push_back({.id = tell.id, .text = tell.text, .sent = tell.sent, .given = tell.given});
  }
  return open;
}

void PendingTells::OnNewStream() {
  for (PendingTell& tell : tells_) tell.on_stream = false;
}

void PendingTells::OnJournalLost() {
  for (PendingTell& tell : tells_) tell.begun_before |= tell.begun && tell.has_text;
}

std::vector<std::string> PendingTells::BegunElsewhereIds(bool journal_is_known,
                                                         absl::string_view in_flight) const {
  std::vector<std::string> ids;
  for (const PendingTell& tell : tells_) {
    const bool elsewhere = !journal_is_known || BeganElsewhere(tell, in_flight);
    if (tell.begun && elsewhere) ids.push_back(tell.id);
  }
  return ids;
}

}  // namespace iris
