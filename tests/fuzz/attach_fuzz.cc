// What readers of sessions may ask in any order: starts, credits, acknowledgements, tells whole and
// in frames, ends, on several streams of the real service over gRPC within the process, with a
// claude that answers at once. The agent must live, and what is sent is in order and within the
// credit.
//
// A step is two bytes: what (4 bits) and which of four readers (4 bits), and a number.

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "agent/process/child.h"
#include "agent/service/agent_service.h"
#include "agent/service/grpc_service.h"
#include "agent/session/session_table.h"
#include "common/base/ids.h"
#include "common/frame/wire_bytes.h"
#include "common/log/log.h"
#include "common/loop/event_loop.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"
#include "tests/fuzz/in_process_child.h"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

constexpr size_t kReaders = 4;
constexpr size_t kSessions = 2;
constexpr size_t kStepsMax = 64;
constexpr absl::Duration kDeadline = absl::Seconds(30);

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kDeadline));
  return context;
}

// The agent: one for the process, since a server takes long to make.
class Agent {
 public:
  static Agent& Get() {
    static auto* const agent = new Agent;
    return *agent;
  }

  v1::Agent::Stub& stub() { return *stub_; }
  const std::string& session(size_t i) const { return sessions_[i % kSessions]; }
  uint64_t epoch(size_t i) const { return epochs_[i % kSessions]; }

  void Do(const std::function<void()>& task) {
    absl::Notification done;
    loop_.loop().Post([&] {
      task();
      done.Notify();
    });
    Require(done.WaitForNotificationWithTimeout(kDeadline), "the loop goes on");
  }
  // Nobody reads any more: what was said goes.
  void Clear() {
    for (const absl::Time end = absl::Now() + kDeadline; service_->open_streams() > 0;) {
      Require(absl::Now() < end, "a call that its client has left ends");
      absl::SleepFor(absl::Microseconds(50));
    }
    Do([this] {
      for (size_t i = 0; i < kSessions; ++i) {
        const absl::StatusOr<Session*> session = table_->Find(sessions_[i], epochs_[i]);
        Require(session.ok(), "a session stays");
        (*session)->Acknowledge((*session)->journal().newest_seq());
      }
    });
  }

 private:
  Agent() {
    std::string dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    dir += "/iris-attach-fuzz-XXXXXX";
    Require(mkdtemp(dir.data()) != nullptr, "mkdtemp()");
    StartLogging(dir + "/log", LogLevel::kError);
    static std::string removed;
    removed = dir;
    atexit([] { Require(system(("rm -rf " + removed).c_str()) == 0, "rm"); });
    SessionTableOptions options;
    options.start_child = [](EventLoop& loop, const ChildSpec&, ChildSink& sink) {
      return absl::StatusOr<std::unique_ptr<Child>>(std::make_unique<InProcessChild>(loop, sink));
    };
    options.find_keepers = [] { return std::map<std::string, ProcessId>(); };
    options.kill_strays = [](const std::string&) { return size_t{0}; };
    options.journal = {.segment_bytes = 4096, .memory_bytes = 2048, .quota_bytes = 64 << 10};
    options.sync = [](const std::string&) { return absl::OkStatus(); };
    Do([&] {
      table_ = std::make_unique<SessionTable>(loop_.loop(),
                                              SessionContext{.incarnation = NewUuid(),
                                                             .boot_id = "boot",
                                                             .pid_namespace = "pid:[1]",
                                                             .hostname = "fuzzed",
                                                             .keeper_program = "/bin/true",
                                                             .home = dir,
                                                             .sessions_dir = dir,
                                                             .program_dirs = {},
                                                             .child_env = {}},
                                              std::move(options));
    });
    service_ = AgentService::Make(
        loop_.loop(), *table_,
        {.get_host = [] { return v1::GetHostResponse(); }, .on_shutdown = [] {}});
    grpc_service_ = MakeGrpcService(loop_.loop(), *service_);
    grpc::ServerBuilder builder;
    builder.RegisterService(&*grpc_service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::Agent::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
    for (size_t i = 0; i < kSessions; ++i) Open(i, dir);
  }

  void Open(size_t i, const std::string& dir) {
    sessions_[i] = NewUuid();
    v1::AcquireRequest acquire;
    acquire.set_session_id(sessions_[i]);
    acquire.set_coordinator_id(NewUuid());
    v1::AcquireResponse acquired;
    Require(stub_->Acquire(&*NewContext(), acquire, &acquired).ok(), "Acquire");
    epochs_[i] = acquired.epoch();
    v1::OpenRequest open;
    open.set_session_id(sessions_[i]);
    open.set_epoch(epochs_[i]);
    open.mutable_spec()->set_cwd(dir);
    open.mutable_spec()->set_claude_path("/bin/true");
    v1::OpenResponse opened;
    Require(stub_->Open(&*NewContext(), open, &opened).ok(), "Open");
  }

  LoopThread loop_;
  std::unique_ptr<SessionTable> table_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<v1::Agent::CallbackService> grpc_service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Agent::Stub> stub_;
  std::array<std::string, kSessions> sessions_;
  std::array<uint64_t, kSessions> epochs_;
};

// One Attach call, read by a thread of its own.
class Reader {
 public:
  // `known_before`: a position that another one knew.
  explicit Reader(v1::Position known_before)
      : context_(NewContext()),
        stream_(Agent::Get().stub().Attach(&*context_)),
        known_before_(std::move(known_before)) {
    thread_ = std::thread([this] { ReadAll(); });
  }
  ~Reader() {
    context_->TryCancel();
    thread_.join();
    (void)stream_->Finish();
  }

  void Step(int what, uint8_t number);
  // What came last.
  v1::Position Known() {
    absl::MutexLock lock(&mutex_);
    return known_;
  }

 private:
  void ReadAll() {
    v1::Position at;
    uint64_t came = 0;
    for (v1::AttachResponse response; stream_->Read(&response);) {
      if (response.has_attached())
        at = starts_after_ ? known_before_ : response.attached().position();
      if (response.has_reset()) at = response.reset().position();
      if (!response.events().events().empty()) {
        Require(came < allowed_, "nothing comes beyond the credit");
      }
      for (const v1::Event& event : response.events().events()) {
        Require(event.seq() == at.seq() + 1, "events are consecutive");
        at.set_seq(event.seq());
        came += WireBytes(event);
      }
      absl::MutexLock lock(&mutex_);
      known_ = at;
    }
  }
  void Send(const v1::AttachRequest& request) {
    if (open_) open_ = stream_->Write(request);
  }
  void SendTell(const std::string& id, size_t bytes, bool last, bool repeat) {
    v1::AttachRequest request;
    request.mutable_tell()->set_tell_id(id);
    request.mutable_tell()->set_text(std::string(bytes, 'x'));
    request.mutable_tell()->set_last(last);
    request.mutable_tell()->set_repeat(repeat);
    request.mutable_tell()->set_begun(repeat && bytes % 16 == 15);
    Send(request);
  }

  const std::unique_ptr<grpc::ClientContext> context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>> stream_;
  bool open_ = true;
  bool started_ = false;
  std::string tell_id_ = NewUuid();
  const v1::Position known_before_;
  std::atomic<bool> starts_after_ = false;
  std::atomic<uint64_t> allowed_ = 0;
  absl::Mutex mutex_;
  v1::Position known_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

void Reader::Step(int what, uint8_t number) {
  v1::AttachRequest request;
  const uint64_t credit = number < 128 ? number : uint64_t{1} << (number % 32);
  switch (what) {
    case 0:
    case 1: {
      v1::AttachStart& start = *request.mutable_start();
      start.set_session_id(Agent::Get().session(number));
      // One in sixteen has a lease that is not in force.
      start.set_epoch(Agent::Get().epoch(number) + (number % 16 == 15 ? 1 : 0));
      start.set_credit_bytes(what == 0 ? 0 : 1 << 20);
      // From where another reader of this input was, or from now on.
      if (number % 8 > 3) *start.mutable_after() = known_before_;
      // A second one is refused: it changes nothing.
      if (!std::exchange(started_, true)) {
        starts_after_ = start.has_after();
        allowed_ += start.credit_bytes();
      }
      return Send(request);
    }
    case 2:
    case 3:
      request.mutable_credit()->set_bytes(credit);
      allowed_ += credit;
      return Send(request);
    case 4:
    case 5: {  // Of what came, or of what did not.
      v1::Position& position = *request.mutable_ack()->mutable_position();
      position = Known();
      if (what == 5) position.set_seq(position.seq() + number);
      if (number == 255) position.set_journal_id("other");
      return Send(request);
    }
    case 6:
      return SendTell(NewUuid(), number, /*last=*/true, /*repeat=*/number % 8 == 7);
    case 7:
      return SendTell(tell_id_, number, /*last=*/number % 4 == 0, /*repeat=*/false);
    case 8:
      return SendTell(NewUuid(), number, /*last=*/false, /*repeat=*/false);
    case 9:
      return Send(request);  // Of a kind that nobody knows yet.
    case 10:
      if (open_) stream_->WritesDone();
      open_ = false;
      return;
    case 11:
      return context_->TryCancel();
    case 12:
      return Agent::Get().Do([] {});
    default:
      return absl::SleepFor(absl::Microseconds(number));
  }
}

void Check(const uint8_t* data, size_t size) {
  Agent& agent = Agent::Get();
  {
    std::array<std::unique_ptr<Reader>, kReaders> readers;
    for (size_t at = 0; at + 1 < size && at / 2 < kStepsMax; at += 2) {
      std::unique_ptr<Reader>& reader = readers[(data[at] >> 4) % kReaders];
      const int what = data[at] & 15;
      if (reader == nullptr || what == 13) {
        v1::Position known;
        for (const auto& other : readers) known = other == nullptr ? known : other->Known();
        reader = std::make_unique<Reader>(std::move(known));
      }
      reader->Step(what, data[at + 1]);
    }
  }
  agent.Clear();
}

}  // namespace
}  // namespace iris

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  iris::Check(data, size);
  return 0;
}
