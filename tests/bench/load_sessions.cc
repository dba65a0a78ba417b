#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/coordinator_stub.h"
#include "tests/bench/load.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

constexpr absl::Duration kAnswer = absl::Minutes(5);

// One message. It ends with the last of what gRPC was asked to do for it.
class Call {
 public:
  enum class Step { kWritten, kRead, kFinished };
  struct Tag {
    Call* call;
    Step step;
  };

  Call(v1::Coordinator::Stub& stub, grpc::CompletionQueue& queue, size_t session,
       v1::TellRequest request)
      : session_(session), request_(std::move(request)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + kAnswer));
    context_.set_initial_metadata_corked(true);  // It goes out with the message.
    stream_ = stub.PrepareAsyncTell(&context_, &queue);
    stream_->StartCall(nullptr);
    stream_->WriteLast(request_, grpc::WriteOptions(), &written_);
    stream_->Read(&update_, &read_);
  }

  size_t session() const { return session_; }
  absl::Duration took() const { return took_; }

  // True if it is over, and nothing of it is under way.
  bool Go(Step step, bool ok) {
    --under_way_;
    if (step == Step::kRead) {
      if (ok) reader_.Take(update_);
      ++under_way_;
      if (ok && !reader_.settled()) {
        stream_->Read(&update_, &read_);
      } else {
        took_ = watch_.elapsed();
        stream_->Finish(&status_, &finished_);
      }
    }
    return under_way_ == 0;
  }

  absl::Status Check(const Question& question) const {
    if (!status_.ok()) return absl::InternalError(status_.error_message());
    return reader_.Check(question);
  }

 private:
  const Stopwatch watch_;
  const size_t session_;
  const v1::TellRequest request_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::TellRequest, v1::TellUpdate>> stream_;
  v1::TellUpdate update_;
  TellReader reader_;
  grpc::Status status_;
  absl::Duration took_;
  int under_way_ = 2;
  Tag written_ = {this, Step::kWritten};
  Tag read_ = {this, Step::kRead};
  Tag finished_ = {this, Step::kFinished};
};

class Load {
 public:
  Load(const std::vector<CallerAndTeam>& sessions, const LoadPlan& plan,
       std::unique_ptr<v1::Coordinator::Stub> stub)
      : sessions_(sessions),
        plan_(plan),
        left_(sessions.size(), plan.each),
        stub_(std::move(stub)) {}

  absl::StatusOr<LoadResult> Run() {
    const Stopwatch watch;
    while (open_ < plan_.at_once && next_ < sessions_.size()) Ask(next_++);
    void* told;
    bool ok;
    while (open_ > 0 && queue_.Next(&told, &ok)) {
      const Call::Tag tag = *static_cast<Call::Tag*>(told);
      if (tag.call->Go(tag.step, ok)) OnOver(std::unique_ptr<Call>(tag.call));
    }
    result_.took = watch.elapsed();
    queue_.Shutdown();
    while (queue_.Next(&told, &ok)) {
    }
    if (!trouble_.ok()) return trouble_;
    return std::move(result_);
  }

 private:
  void Ask(size_t session) {
    --left_[session];
    ++open_;
    const auto& [from, to] = sessions_[session];
    // Freed by OnOver().
    new Call(*stub_, queue_, session, RequestFor(from, to, plan_.question.text));
  }

  void OnOver(const std::unique_ptr<Call>& call) {
    --open_;
    result_.micros.push_back(absl::ToDoubleMicroseconds(call->took()));
    const size_t session = call->session();
    if (absl::Status right = call->Check(plan_.question); !right.ok() && trouble_.ok()) {
      trouble_ = absl::InternalError(absl::StrCat(sessions_[session].from, " to ",
                                                  sessions_[session].to, ": ", right.message()));
    }
    if (!trouble_.ok()) return;
    if (left_[session] > 0) return Ask(session);
    if (next_ < sessions_.size()) Ask(next_++);
  }

  const std::vector<CallerAndTeam>& sessions_;
  const LoadPlan& plan_;
  std::vector<int> left_;
  const std::unique_ptr<v1::Coordinator::Stub> stub_;
  grpc::CompletionQueue queue_;
  size_t next_ = 0;  // The first session that was not asked yet.
  int open_ = 0;
  LoadResult result_;
  absl::Status trouble_;
};

}  // namespace

absl::StatusOr<LoadResult> LoadSessions(const std::vector<CallerAndTeam>& sessions,
                                        const LoadPlan& plan) {
  absl::StatusOr<std::unique_ptr<v1::Coordinator::Stub>> stub = ConnectToCoordinator();
  if (!stub.ok()) return stub.status();
  return Load(sessions, plan, *std::move(stub)).Run();
}

}  // namespace iris::bench
