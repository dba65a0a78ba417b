#ifndef IRIS_COORDINATOR_CLI_PROGRESS_LINE_H_
#define IRIS_COORDINATOR_CLI_PROGRESS_LINE_H_

#include <string>

#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What a waiting person reads of `progress`: "uploading the agent to gpu1: 1.2 MiB of 3.1 MiB".
std::string ShowProgress(const v1::TellProgress& progress);

// One line on stderr that is overwritten as things go on, and gone at the end. Prints nothing where
// stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(const v1::TellProgress& progress);
  void Clear();

 private:
  const bool on_terminal_;
  bool shown_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_PROGRESS_LINE_H_
