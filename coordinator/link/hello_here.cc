#include "coordinator/link/hello_here.h"

#include "common/process/thread.h"

namespace iris {

HelloHere::~HelloHere() {
  alive_.Clear();
  if (thread_.joinable()) thread_.join();
}

void HelloHere::Ask(Then then) {
  thens_.push_back(std::move(then));
  if (thens_.size() > 1) return;
  const auto post = [this, alive = alive_.Watch()](Answer answer) {
    loop_.Post([this, alive, answer = std::move(answer)] {
      if (alive) OnAnswer(answer);
    });
  };
  absl::StatusOr<std::thread> thread =
      StartThread("looks for the local agent", [this, post] { post(ask_()); });
  if (!thread.ok()) return post(thread.status());
  thread_ = *std::move(thread);
}

void HelloHere::OnAnswer(const Answer& answer) {
  if (thread_.joinable()) thread_.join();  // It has posted this: its last step.
  for (const Then& then : std::exchange(thens_, {})) then(answer);
}

}  // namespace iris
