#include "coordinator/testing/fake_transport.h"

#include <algorithm>

#include "absl/status/status.h"

namespace iris {
namespace {

constexpr int64_t kFakePid = 4711;
constexpr uint64_t kFakeStartTime = 123456;

}  // namespace

void EchoScript(FakeTransport& transport, const std::string& tell_id, const std::string& text) {
  transport.Text(tell_id, text);
  transport.Settle(tell_id, absl::OkStatus());
}

FakeTransport::FakeTransport(EventLoop& loop, const Team& team, const SessionKey& key,
                             TransportSink& sink, FakeScript script)
    : loop_(loop), team_(team), key_(key), sink_(sink), script_(std::move(script)) {}

FakeTransport::~FakeTransport() { *alive_ = false; }

void FakeTransport::PostUnlessGone(absl::AnyInvocable<void()> task) {
  loop_.Post([alive = alive_, task = std::move(task)]() mutable {
    if (*alive) std::move(task)();
  });
}

void FakeTransport::BecomeReady() {
  if (ready_) return;
  ready_ = true;
  ++metrics_.spawns;
  sink_.OnReady(kFakePid, kFakeStartTime);
}

void FakeTransport::Spawn() {
  PostUnlessGone([this] { BecomeReady(); });
}

void FakeTransport::Tell(const std::string& tell_id, std::string text) {
  open_tells_.push_back(tell_id);
  metrics_.bytes_out += text.size();
  PostUnlessGone([this, tell_id, text = std::move(text)] {
    BecomeReady();
    script_(*this, tell_id, text);
  });
}

void FakeTransport::Terminate(absl::AnyInvocable<void(const absl::Status&)> done) {
  PostUnlessGone([this, done = std::move(done)]() mutable {
    ready_ = false;
    std::move(done)(absl::OkStatus());
  });
}

void FakeTransport::Settle(const std::string& tell_id, const absl::Status& outcome) {
  const auto found = std::find(open_tells_.begin(), open_tells_.end(), tell_id);
  if (found == open_tells_.end()) return;
  open_tells_.erase(found);
  ++metrics_.tells_settled;
  sink_.OnSettled(tell_id, outcome);
}

void FakeTransport::GoDown(const absl::Status& why) {
  while (!open_tells_.empty()) Settle(std::string(open_tells_.front()), why);
  ready_ = false;
  sink_.OnDown(why);
}

std::unique_ptr<Transport> FakeTransportFactory::Make(const Team& team, const SessionKey& key,
                                                      TransportSink& sink) {
  ++made_;
  auto transport = std::make_unique<FakeTransport>(loop_, team, key, sink, script_);
  newest_[{key.from, key.to}] = transport.get();
  return transport;
}

FakeTransport& FakeTransportFactory::Between(absl::string_view from, absl::string_view to) {
  return *newest_.at({std::string(from), std::string(to)});
}

}  // namespace iris
