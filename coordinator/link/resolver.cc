#include "coordinator/link/resolver.h"

#include <utility>

#include "common/base/thread.h"

namespace iris {

Resolver::~Resolver() {
  *alive_ = false;
  cancelled_ = true;
  for (auto& [written, question] : under_way_) {
    if (question.thread.joinable()) question.thread.join();
  }
}

void Resolver::Ask(const SshTarget& target, Then then) {
  const std::string written = WrittenTarget(target);
  const bool asked_already = under_way_.count(written) > 0;
  Question& question = under_way_[written];
  question.thens.push_back(std::move(then));
  if (asked_already) return;
  const auto post = [this, written, alive = alive_](absl::StatusOr<ResolvedTarget> answer) {
    loop_.Post([this, written, alive, answer = std::move(answer)] {
      if (*alive) Answer(written, answer);
    });
  };
  absl::StatusOr<std::thread> thread = StartThread(
      "asks ssh about a host", [this, target, post] { post(resolve_(target, &cancelled_)); });
  if (!thread.ok()) return post(thread.status());
  question.thread = *std::move(thread);
}

void Resolver::Answer(const std::string& written, const absl::StatusOr<ResolvedTarget>& answer) {
  auto node = under_way_.extract(written);
  Question& question = node.mapped();
  if (question.thread.joinable()) question.thread.join();  // It has posted this: its last step.
  for (const Then& then : question.thens) then(answer);
}

}  // namespace iris
