#ifndef IRIS_COORDINATOR_LINK_LINK_OBSERVERS_H_
#define IRIS_COORDINATOR_LINK_LINK_OBSERVERS_H_

#include <set>

#include "absl/functional/function_ref.h"
#include "coordinator/link/link.h"

namespace iris {

// Those who observe one link, as its methods of the same names say: who of them wants it, and who
// of those waits for an answer. Decides nothing. Lives on the coordinator's loop.
class LinkObservers {
 public:
  void Add(LinkObserver* observer) { all_.insert(observer); }
  // Unwant() is the caller's to say: what follows from it differs.
  void Remove(LinkObserver* observer);
  void Want(LinkObserver* observer) { wanting_.insert(observer); }
  // False: it did not want the link.
  bool Unwant(LinkObserver* observer) { return wanting_.erase(observer) > 0; }
  void UnwantAll() { wanting_.clear(); }
  void SetUrgent(LinkObserver* observer, bool urgent);

  bool any() const { return !all_.empty(); }
  bool wanted() const { return !wanting_.empty(); }
  bool urgent() const;  // One that wants the link waits for an answer.

  // Calls `notify` for each of those who observe now and still do when it is their turn: they may
  // leave, and have others leave, meanwhile.
  void ForEach(absl::FunctionRef<void(LinkObserver&)> notify) const;

 private:
  std::set<LinkObserver*> all_;
  std::set<LinkObserver*> wanting_;
  std::set<LinkObserver*> relaxed_;  // Told that they are not urgent.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_OBSERVERS_H_
