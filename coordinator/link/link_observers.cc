#include "coordinator/link/link_observers.h"

#include <algorithm>

namespace iris {

void LinkObservers::Remove(LinkObserver* observer) {
  all_.erase(observer);
  relaxed_.erase(observer);
}

void LinkObservers::SetUrgent(LinkObserver* observer, bool urgent) {
  if (urgent) {
    relaxed_.erase(observer);
  } else {
    relaxed_.insert(observer);
  }
}

bool LinkObservers::urgent() const {
  return std::any_of(wanting_.begin(), wanting_.end(),
                     [this](LinkObserver* observer) { return relaxed_.count(observer) == 0; });
}

void LinkObservers::ForEach(absl::FunctionRef<void(LinkObserver&)> notify) const {
  const std::set<LinkObserver*> now(all_);
  for (LinkObserver* observer : now) {
    if (all_.count(observer) > 0) notify(*observer);
  }
}

}  // namespace iris
