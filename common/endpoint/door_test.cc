#include "common/endpoint/door.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

// A door on its own loop thread, whose endpoint the test moves about.
class DoorTest : public ::testing::Test {
 protected:
  ~DoorTest() override {
    OnLoop([this] { door_.reset(); });
  }

  void OnLoop(absl::FunctionRef<void()> step) { thread_.Run(step); }
  Endpoint At(const std::string& name) {
    const std::string dir = scratch_.File(name);
    mkdir(dir.c_str(), 0700);
    return {.dir = dir, .socket = dir + "/agent.sock", .lock = dir + "/agent.lock"};
  }
  void OpenAt(const std::string& name) {
    OnLoop([&] {
      now_ = At(name);
      door_ = std::make_unique<Door>(
          thread_.loop(), [this] { return now_; }, absl::Milliseconds(5),
          Door::Hooks{.make_hello = [](const std::string& socket) { return FrameHello(socket); },
                      .on_connection = [](ScopedFd) {},
                      .on_open = [this](const std::string& socket) { opened_.push_back(socket); }});
      ASSERT_TRUE(door_->Open(*now_, LockEndpoint(*now_).value()).ok());
    });
  }
  void MoveTo(absl::StatusOr<Endpoint> endpoint) {
    OnLoop([&] { now_ = std::move(endpoint); });
  }
  // The hello read at `endpoint`, which comes up within a minute.
  static std::string HelloAt(const Endpoint& endpoint) {
    absl::StatusOr<Dialed> dialed = Dial(endpoint.socket, absl::Now() + absl::Minutes(1));
    return dialed.ok() ? dialed->hello : dialed.status().ToString();
  }

  ScratchDir scratch_;
  absl::StatusOr<Endpoint> now_ = absl::UnknownError("unset");
  std::vector<std::string> opened_;
  LoopThread thread_;
  std::unique_ptr<Door> door_;
};

TEST_F(DoorTest, IsFoundWhereTheEndpointMovesAndWhereItWas) {
  OpenAt("a");
  MoveTo(At("b"));
  EXPECT_EQ(HelloAt(At("b")), At("b").socket);
  EXPECT_EQ(HelloAt(At("a")), At("a").socket);
  EXPECT_TRUE(absl::IsAlreadyExists(LockEndpoint(At("a")).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(LockEndpoint(At("b")).status()));
  OnLoop([this] { EXPECT_THAT(opened_, testing::ElementsAre(At("a").socket, At("b").socket)); });
}

// As by a logout and the next login.
TEST_F(DoorTest, ComesBackWithADirectoryThatWent) {
  OpenAt("a");
  std::filesystem::remove_all(scratch_.File("a"));
  MoveTo(absl::NotFoundError("logged out"));
  MoveTo(At("a"));
  EXPECT_EQ(HelloAt(At("a")), At("a").socket);
  EXPECT_TRUE(absl::IsAlreadyExists(LockEndpoint(At("a")).status()));
}

TEST_F(DoorTest, WaitsForAPlaceThatAnotherHolds) {
  OpenAt("a");
  absl::StatusOr<ScopedFd> other = LockEndpoint(At("b"));
  ASSERT_TRUE(other.ok());
  MoveTo(At("b"));
  EXPECT_EQ(HelloAt(At("a")), At("a").socket);
  EXPECT_NE(access(At("b").socket.c_str(), F_OK), 0);
  other->Reset();
  EXPECT_EQ(HelloAt(At("b")), At("b").socket);
}

TEST_F(DoorTest, KeepsTheNewestPlacesOnly) {
  OpenAt("0");
  for (const char* name : {"1", "2", "3", "4"}) {
    MoveTo(At(name));
    EXPECT_EQ(HelloAt(At(name)), At(name).socket);
  }
  EXPECT_EQ(KindOf(Dial(At("0").socket, absl::InfinitePast()).status()), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(HelloAt(At("1")), At("1").socket);
}

TEST_F(DoorTest, ShutItIsGoneEverywhereAndTheLocksStay) {
  OpenAt("a");
  MoveTo(At("b"));
  EXPECT_EQ(HelloAt(At("b")), At("b").socket);
  OnLoop([this] { door_->StopAccepting(); });
  for (const char* name : {"a", "b"}) {
    EXPECT_NE(access(At(name).socket.c_str(), F_OK), 0);
    EXPECT_TRUE(absl::IsAlreadyExists(LockEndpoint(At(name)).status()));
  }
}

}  // namespace
}  // namespace iris
