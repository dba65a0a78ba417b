#ifndef IRIS_COORDINATOR_TRANSPORT_SINK_RECORDER_H_
#define IRIS_COORDINATOR_TRANSPORT_SINK_RECORDER_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/transport/transport.h"

namespace iris {

// For the tests of transports and their parts: keeps what the sink hears, a line each. On one
// thread.
class SinkRecorder : public TransportSink {
 public:
  void OnProgress(const TransportProgress& progress) override {
    Heard(absl::StrCat("progress: ", progress.text, progress.words.empty() ? "" : ", says ",
                       progress.words, progress.host_asks ? " (the host asks)" : ""));
  }
  void OnReady(int64_t pid, uint64_t) override { Heard(absl::StrCat("ready ", pid)); }
  void OnDown(const absl::Status& why) override { Heard(absl::StrCat("down ", Kind(why))); }
  void OnText(const std::string& id, std::string text) override {
    Heard(absl::StrCat(id, " says ", text));
  }
  void OnTextVoid(const std::string& id) override { Heard(absl::StrCat(id, " begins anew")); }
  void OnStructured(const std::string& id, size_t bytes) override {
    Heard(absl::StrCat(id, " has structured ", bytes));
  }
  void OnAccount(const std::string& id, const v1::TurnAccount&) override {
    Heard(absl::StrCat(id, " has an account"));
  }
  void OnSettled(const std::string& id, const absl::Status& outcome) override {
    Heard(absl::StrCat(id, " settled ", Kind(outcome)));
  }
  void OnCancelHeard(const std::string& id) override { Heard(absl::StrCat(id, " cancel heard")); }
  void OnRequests(const std::vector<v1::PendingRequest>& requests) override {
    Heard(absl::StrCat(requests.size(), " requests"));
  }
  void OnReadUpTo(const ReadMark& mark) override { Heard(absl::StrCat("read up to ", mark.seq)); }
  bool HostHasAnswered() const override { return false; }
  absl::Status EndWhileAway(const std::string&, const HostAway&) const override {
    return end_while_away;
  }
  void OnHostAway(const HostAway&) override { Heard("host away"); }
  void OnHostBack() override { Heard("host back"); }
  bool MayGive(const std::string&) override { return true; }

  // What was heard since the last call of this.
  std::vector<std::string> Take() { return std::exchange(heard_, {}); }
  std::function<void()> on_heard;  // After each.
  absl::Status end_while_away;     // How tells end that no host has got; OK: they wait.

 private:
  static std::string Kind(const absl::Status& status) {
    return status.ok() ? "ok" : std::string(KindName(KindOf(status)));
  }
  void Heard(std::string what) {
    heard_.push_back(std::move(what));
    if (on_heard) on_heard();
  }

  std::vector<std::string> heard_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SINK_RECORDER_H_
