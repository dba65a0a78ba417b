#include "coordinator/cli/mcp_given.h"

#include <utility>

namespace iris {

void GivenAnswers::Begin() {
  absl::MutexLock lock(&mutex_);
  writing_ = true;
}

void GivenAnswers::End(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  if (!id.empty()) given_.push_back(id);
}

std::vector<std::string> GivenAnswers::Take(absl::Duration patience) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(this, &GivenAnswers::NoneIsWritten), patience);
  return std::exchange(given_, {});
}

}  // namespace iris
