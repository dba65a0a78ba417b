#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TELL_ASKER_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TELL_ASKER_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/environment/environment.h"

namespace iris {

// Whose environment an open tell has: its sender's, or, of one that an earlier life took, what
// somebody who asked for it has lent. Not thread-safe.
class TellAsker {
 public:
  // Each may cost a login.
  static constexpr size_t kNextMax = 8;

  // `way`: as in StoredTell. `sender`: null is nobody's.
  explicit TellAsker(std::string way, SharedEnvironment sender = nullptr)
      : way_(std::move(way)),
        environment_(std::move(sender)),
        is_sender_(environment_ != nullptr) {}

  // Null: nobody has asked.
  const SharedEnvironment& environment() const { return environment_; }
  // The environment is not lent. Where there is none: nor is the one that is about to come.
  bool is_sender() const { return is_sender_; }
  // Somebody has asked, with whom a login is not still to come.
  bool any() const { return environment_ != nullptr && !is_untried_; }
  // As in StoredTell.
  const std::string& way() const { return way_; }
  void set_way(std::string way) { way_ = std::move(way); }

  // From now on it has this one's.
  void Lend(const SharedEnvironment& environment, bool by_sender) {
    environment_ = environment;
    is_sender_ = by_sender;
    is_untried_ = false;
  }
  // Of whoever finds a way for it, if somebody does, and with whom it goes on then.
  void Expect(bool sender) { is_sender_ = sender; }
  void GoOnWith(const SharedEnvironment& environment) { environment_ = environment; }
  // The host could not be reached with what was lent: whoever asks next may have more.
  // `login_comes`: and so may a login with it, which is still to come. Nothing of the sender's.
  void DidNotServe(bool login_comes) {
    if (is_sender_) return;
    is_untried_ = login_comes;
    if (!is_untried_) environment_ = nullptr;
  }

  // Somebody asks while a login with what was lent is under way, and is next if that does not
  // serve. Nobody twice, and kNextMax at most.
  void NoteNext(const SharedEnvironment& environment) {
    if (IsSame(environment_, environment) || next_.size() == kNextMax) return;
    for (const SharedEnvironment& one : next_) {
      if (IsSame(one, environment)) return;
    }
    next_.push_back(environment);
  }
  // Nobody's is lent, and somebody is next.
  bool has_next() const { return environment_ == nullptr && !next_.empty(); }
  // The oldest.
  SharedEnvironment TakeNext() {
    SharedEnvironment next = std::move(next_.front());
    next_.erase(next_.begin());
    return next;
  }

 private:
  std::string way_;
  SharedEnvironment environment_;
  bool is_sender_;
  bool is_untried_ = false;              // Lent, and no login with it yet.
  std::vector<SharedEnvironment> next_;  // Oldest first.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TELL_ASKER_H_
