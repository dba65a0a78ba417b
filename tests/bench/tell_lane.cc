#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "tests/bench/coordinator_stub.h"
#include "tests/bench/lane.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

constexpr absl::Duration kAnswer = absl::Seconds(60);

class TellLane final : public Lane {
 public:
  TellLane(const TellLaneOptions& options, std::unique_ptr<v1::Coordinator::Stub> stub)
      : options_(options), stub_(std::move(stub)) {}

  absl::StatusOr<absl::Duration> RoundTrip(const Question& question) override {
    const std::string from = options_.new_session ? NewCaller() : options_.from;
    const Stopwatch watch;
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
    const auto stream = stub_->Tell(&context);
    stream->Write(RequestFor(from, options_.team, question.text));  // Finish() says why it failed.
    TellReader reader;
    absl::Duration words_after = absl::InfiniteDuration();
    for (v1::TellUpdate update; stream->Read(&update);) {
      if (options_.times_words) words_after = std::min(words_after, AgeOfWords(update));
      reader.Take(update);
    }
    const grpc::Status ended = stream->Finish();
    const absl::Duration took = options_.times_words ? words_after : watch.elapsed();
    if (!ended.ok()) return absl::InternalError(ended.error_message());
    if (!options_.times_words) {
      if (absl::Status right = reader.Check(question); !right.ok()) return right;
    }
    if (took == absl::InfiniteDuration()) return absl::InternalError("no words came");
    return took;
  }

 private:
  // Nobody else's, in this or another process.
  std::string NewCaller() { return absl::StrCat("new-", MonotonicNs(), "@bench"); }

  // Of a text that says when it was said.
  static absl::Duration AgeOfWords(const v1::TellUpdate& update) {
    absl::string_view words = update.progress().words();
    if (!update.has_progress()) words = update.answer();
    int64_t said_ns;
    if (!absl::ConsumePrefix(&words, "CLOCK ") || !absl::SimpleAtoi(words, &said_ns)) {
      return absl::InfiniteDuration();
    }
    return absl::Nanoseconds(MonotonicNs() - said_ns);
  }

  const TellLaneOptions options_;
  const std::unique_ptr<v1::Coordinator::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> OpenTellLane(const TellLaneOptions& options) {
  absl::StatusOr<std::unique_ptr<v1::Coordinator::Stub>> stub = ConnectToCoordinator();
  if (!stub.ok()) return stub.status();
  return std::make_unique<TellLane>(options, *std::move(stub));
}

}  // namespace iris::bench
