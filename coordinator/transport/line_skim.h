#ifndef IRIS_COORDINATOR_TRANSPORT_LINE_SKIM_H_
#define IRIS_COORDINATOR_TRANSPORT_LINE_SKIM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/json/json_scan.h"

namespace iris {

// Follows a line of claude's stdout as it comes: whether it is JSON, and what of it nobody needs.
// A result line repeats the last text of its turn, which may be as long as all that the turn has
// said: where that is known, it is not kept a second time. Not thread-safe.
class LineSkim final : private JsonScanSink {
 public:
  // What nests deeper than `depth_max` counts as no JSON.
  explicit LineSkim(size_t depth_max) : scan_(depth_max, this) {}
  LineSkim(const LineSkim&) = delete;
  LineSkim& operator=(const LineSkim&) = delete;

  // A line begins. `leaves_result`: the characters of its `result` are left out.
  void Begin(bool leaves_result);
  // Nothing of the rest of the line is left out.
  void KeepRest() { leaves_result_ = false; }
  // What is to be kept of the next piece, until the next call; `piece` itself, mostly. Fed all that
  // was kept so far, another one that has begun likewise goes on with the line.
  absl::string_view Feed(absl::string_view piece);

  // All of the line has come, and is JSON.
  bool IsJson() const { return scan_.IsWhole(); }
  // Its `result` has begun, and is left out.
  bool has_left_out() const { return has_left_out_; }

 private:
  void OnOpen(bool) override { ++depth_; }
  void OnClose(bool) override { --depth_; }
  bool OnBegin(JsonKind kind) override;
  void OnPlain(absl::string_view bytes) override;
  void OnEscape(uint16_t) override;
  void OnEnd() override { in_result_ = false; }

  JsonScan scan_;
  size_t depth_ = 0;  // Of brackets that are open.
  bool leaves_result_ = false;
  bool has_left_out_ = false;
  std::string key_;  // The last one of the outermost object, or the beginning of it.
  bool in_result_ = false;
  const char* from_ = nullptr;  // Where in the piece begins what is still to be kept.
  std::string kept_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_LINE_SKIM_H_
