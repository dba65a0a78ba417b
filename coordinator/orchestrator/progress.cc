#include "coordinator/orchestrator/progress.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kProgressTextBytesMax = 1 << 10;

v1::TellProgress::Stage StageFor(TransportProgress::Stage stage) {
  switch (stage) {
    case TransportProgress::Stage::kConnecting:
      return v1::TellProgress::CONNECTING;
    case TransportProgress::Stage::kUploading:
      return v1::TellProgress::UPLOADING;
    case TransportProgress::Stage::kStarting:
      return v1::TellProgress::STARTING;
    case TransportProgress::Stage::kWorking:
      return v1::TellProgress::WORKING;
  }
  return v1::TellProgress::STAGE_UNSPECIFIED;
}

}  // namespace

v1::TellProgress ToProto(const TransportProgress& progress) {
  v1::TellProgress proto;
  proto.set_stage(StageFor(progress.stage));
  proto.set_text(CutUtf8(progress.text, kProgressTextBytesMax));
  proto.set_bytes_done(progress.bytes_done);
  proto.set_bytes_total(progress.bytes_total);
  proto.set_host_asks(progress.host_asks);
  if (!progress.tool.name().empty()) *proto.mutable_tool() = progress.tool;
  proto.set_words(progress.words);
  proto.set_working_ms(absl::ToInt64Milliseconds(progress.working));
  return proto;
}

v1::TellProgress QueuedProgress(size_t ahead) {
  v1::TellProgress proto;
  proto.set_stage(v1::TellProgress::QUEUED);
  proto.set_text(absl::StrCat("waiting behind ", ahead, ahead == 1 ? " message" : " messages"));
  return proto;
}

v1::TellProgress NoProcessProgress(size_t busy, size_t processes_max) {
  v1::TellProgress proto;
  proto.set_stage(v1::TellProgress::QUEUED);
  proto.set_text(
      absl::StrCat("waiting for a free process (", busy, " of ", processes_max, " busy)"));
  return proto;
}

v1::TellProgress NoAskerProgress() {
  v1::TellProgress proto;
  proto.set_stage(v1::TellProgress::QUEUED);
  proto.set_text(
      "the message waits for somebody who asks for it, as `iris tells` does: the team's passEnv "
      "names variables of whoever asks, and the coordinator was restarted since it took the "
      "message");
  return proto;
}

v1::TellProgress NotStoredProgress(absl::string_view what, const absl::Status& why) {
  return ToProto({.stage = TransportProgress::Stage::kWorking,
                  .text = absl::StrCat(what, ", and is tried again every second: ",
                                       Failure(ToProto(why)).detail())});
}

}  // namespace iris
