#include "coordinator/link/resolver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/process/thread.h"

namespace iris {

Resolver::~Resolver() {
  alive_.Clear();
  cancelled_ = true;
  for (auto& [asked, question] : under_way_) {
    if (question.thread.joinable()) question.thread.join();
  }
}

void Resolver::Ask(const TargetPtr& target, Then then) {
  const std::string asked = target->question();
  const bool asked_already = under_way_.count(asked) > 0;
  Question& question = under_way_[asked];
  question.thens.push_back(std::move(then));
  if (asked_already) return;
  const auto post = [this, asked, alive = alive_.Watch()](absl::StatusOr<ResolvedTarget> answer) {
    loop_.Post([this, asked, alive, answer = std::move(answer)] {
      if (alive) Answer(asked, answer);
    });
  };
  absl::StatusOr<std::thread> thread =
      StartThread(absl::StrCat("asks ", target->kind(), " about a host"),
                  [this, target, post] { post(target->Resolve(cancelled_)); });
  if (!thread.ok()) return post(thread.status());
  question.thread = *std::move(thread);
}

void Resolver::Answer(const std::string& asked, const absl::StatusOr<ResolvedTarget>& answer) {
  auto node = under_way_.extract(asked);
  Question& question = node.mapped();
  if (question.thread.joinable()) question.thread.join();  // It has posted this: its last step.
  for (const Then& then : question.thens) then(answer);
}

}  // namespace iris
