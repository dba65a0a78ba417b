#ifndef IRIS_COORDINATOR_TRANSPORT_PENDING_TELLS_H_
#define IRIS_COORDINATOR_TRANSPORT_PENDING_TELLS_H_

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "coordinator/transport/transport.h"

namespace iris {

// A tell that is under way, and how far it has come.
struct PendingTell {
  std::string id;
  std::string text;
  bool sent = false;       // As in OpenTell.
  bool given = false;      // The host may have it.
  bool on_stream = false;  // Sent over the stream that is open now.
  bool has_text = false;   // Some of its answer was passed on.
  bool begun = false;      // As ReadMark::begun.
  // Some of its answer came out of a journal that the host has not any more: what it says of the
  // tell now, as after it was put back to a copy, is older than that.
  bool begun_before = false;
};

// The tells of one session that are under way, oldest first. Not thread-safe.
class PendingTells {
 public:
  bool empty() const { return tells_.empty(); }
  auto begin() { return tells_.begin(); }
  auto end() { return tells_.end(); }
  auto begin() const { return tells_.begin(); }
  auto end() const { return tells_.end(); }

  // Null: none of that id. Until the next Add(), Remove() or TakeAll().
  PendingTell* Find(absl::string_view tell_id);
  void Add(PendingTell tell) { tells_.push_back(std::move(tell)); }
  // Of one that is there.
  PendingTell Remove(absl::string_view tell_id);
  std::deque<PendingTell> TakeAll() { return std::exchange(tells_, {}); }

  bool any_sent() const;
  bool any_given() const;
  // Of those that were given, and of those that were not.
  std::vector<std::string> GivenIds() const;
  std::vector<std::string> NotGivenIds() const;
  // As ReadMark::begun.
  std::string BegunId() const;
  std::vector<OpenTell> Open() const;

  // Another stream is opened: nothing was sent over it.
  void OnNewStream();
  // The host has not the journal any more that answers were read from.
  void OnJournalLost();
  // Each tell that was begun, and of which the host may not know it: where it lost the journal
  // (`journal_is_known` false), or where its turn is not the one that is being read.
  std::vector<std::string> BegunElsewhereIds(bool journal_is_known,
                                             absl::string_view in_flight) const;

 private:
  std::deque<PendingTell> tells_;
};

// Claude began it in a journal that is gone, or at a place of it that is gone. `in_flight`: as
// ReadMark has it.
inline bool BeganElsewhere(const PendingTell& tell, absl::string_view in_flight) {
  return tell.begun_before || (tell.begun && in_flight != tell.id);
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_PENDING_TELLS_H_
