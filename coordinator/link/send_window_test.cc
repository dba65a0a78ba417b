#include "coordinator/link/send_window.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/link/rate_window.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr uint64_t kKiB = 1 << 10;
constexpr uint64_t kMiB = 1 << 20;

class SendWindowTest : public ::testing::Test, protected SendWindow::Sender {
 protected:
  void OnRoom() override { ++told_; }

  SendWindow window_{RateWindow::Limits(), [this] { return ++asked_; }, absl::ZeroDuration()};
  uint64_t asked_ = 0;
  int told_ = 0;
};

TEST_F(SendWindowTest, AShortMessageIsNotAskedAfter) {
  window_.OnWritten(1000, absl::ZeroDuration());
  EXPECT_TRUE(window_.has_room());
  window_.OnAnswered(1, absl::Seconds(5));  // Of a heartbeat.
  EXPECT_EQ(asked_, 0u);
}

TEST_F(SendWindowTest, WithoutAnswersThereIsRoomForOneWindow) {
  int frames = 0;
  for (; window_.has_room() && frames < 100; ++frames) {
    window_.OnWritten(16 * kKiB, absl::ZeroDuration());
  }
  EXPECT_EQ(frames, 4);
  EXPECT_EQ(asked_, 4u);
  window_.Wait(*this);
  window_.OnAnswered(1, absl::Milliseconds(500));
  EXPECT_EQ(told_, 1);
  EXPECT_TRUE(window_.has_room());
  window_.OnAnswered(2, absl::Milliseconds(1000));
  EXPECT_EQ(told_, 1) << "told once";
}

TEST_F(SendWindowTest, OneAnswerCountsForAllProbesBeforeIt) {
  for (int i = 0; i < 4; ++i) window_.OnWritten(16 * kKiB, absl::ZeroDuration());
  window_.OnAnswered(4, absl::Milliseconds(10));
  for (int i = 0; i < 7; ++i) window_.OnWritten(16 * kKiB, absl::Milliseconds(10));
  EXPECT_TRUE(window_.has_room()) << "it doubled";
}

// What was written last may be less than what is asked after, and more than a window that has
// shrunk. Who waits does nothing but wait.
TEST_F(SendWindowTest, WhoWaitsIsNeverForgotten) {
  absl::Duration now;
  for (int round = 0; round < 10; ++round) {
    while (window_.has_room()) window_.OnWritten(64 * kKiB, now);
    window_.OnAnswered(asked_, now += absl::Milliseconds(1));
  }
  while (window_.has_room()) window_.OnWritten(10 * kKiB, now);
  window_.Wait(*this);
  for (uint64_t answered = 0; answered < asked_;) {
    answered = asked_;
    window_.OnAnswered(answered, now += absl::Minutes(1));
  }
  EXPECT_EQ(told_, 1);
}

TEST_F(SendWindowTest, AnHourInWhichNothingIsSaidIsNoSlowLink) {
  absl::Duration now;
  for (int round = 0; round < 20; ++round) {
    while (round < 10 && window_.has_room()) window_.OnWritten(64 * kKiB, now);
    window_.OnAnswered(asked_, now += absl::Milliseconds(1));
  }
  window_.OnWritten(1000, now);
  now += absl::Hours(1);
  for (const uint64_t before = asked_; asked_ == before;) window_.OnWritten(64 * kKiB, now);
  window_.OnAnswered(asked_, now += absl::Milliseconds(1));
  uint64_t bytes = 0;
  for (; window_.has_room(); bytes += 64 * kKiB) window_.OnWritten(64 * kKiB, now);
  EXPECT_EQ(bytes, 4 * kMiB);
}

TEST_F(SendWindowTest, WhoLeftIsNotTold) {
  while (window_.has_room()) window_.OnWritten(64 * kKiB, absl::ZeroDuration());
  window_.Wait(*this);
  window_.Leave(*this);
  window_.OnAnswered(asked_, absl::Milliseconds(1));
  EXPECT_EQ(told_, 0);
}

// A host behind a link that carries so many bytes a second, with a buffer before it that takes what
// fits into it at once, as a client's and the kernel's do. Senders do as AttachCall does: one frame
// goes after the other, and who has no room waits until it is told.
class World {
 public:
  class Sender final : public SendWindow::Sender {
   public:
    Sender(World& world, uint64_t frame_bytes) : world_(world), frame_bytes_(frame_bytes) {}
    void Tell(uint64_t bytes) {
      left_ += bytes;
      SendFrames();
    }
    bool has_ended() const { return left_ == 0 && !in_writing_; }

   private:
    void OnRoom() override { SendFrames(); }
    void SendFrames() {
      if (in_writing_ || left_ == 0) return;
      if (!world_.window_.has_room()) return world_.window_.Wait(*this);
      in_writing_ = true;
      const uint64_t bytes = std::min(frame_bytes_, left_);
      left_ -= bytes;
      world_.At(world_.Write(bytes), [this, bytes] {
        in_writing_ = false;
        world_.window_.OnWritten(bytes, world_.now_);
        SendFrames();
      });
    }

    World& world_;
    const uint64_t frame_bytes_;
    uint64_t left_ = 0;
    bool in_writing_ = false;
  };

  absl::Duration now() const { return now_; }
  void SetRate(uint64_t rate) { rate_ = rate; }
  void At(absl::Duration when, std::function<void()> what) {
    due_.emplace(std::max(when, now_), std::move(what));
  }
  // Until nothing is to come.
  void Run() {
    while (!due_.empty()) {
      auto next = due_.extract(due_.begin());
      now_ = next.key();
      next.mapped()();
    }
  }
  // How much may be on its way now: what a sender writes that is never answered.
  uint64_t Room() {
    SendWindow copy = window_;
    copy.Stop();
    uint64_t bytes = 0;
    for (; copy.has_room(); bytes += kKiB) copy.OnWritten(kKiB, now_);
    return bytes;
  }

 private:
  // When the local buffer has taken them.
  absl::Duration Write(uint64_t bytes) {
    arrives_ = std::max(arrives_, now_) + TimeFor(bytes);
    return arrives_ - TimeFor(kBuffer);
  }
  uint64_t Ask() {
    At(std::max(arrives_, now_) + kRoundTrip,
       [this, nonce = ++nonce_] { window_.OnAnswered(nonce, now_); });
    return nonce_;
  }
  absl::Duration TimeFor(uint64_t bytes) const {
    return absl::Seconds(static_cast<double>(bytes) / static_cast<double>(rate_));
  }

  static constexpr uint64_t kBuffer = 256 * kKiB;
  static constexpr absl::Duration kRoundTrip = absl::Milliseconds(50);

  absl::Duration now_;
  uint64_t rate_ = 1'000'000;
  absl::Duration arrives_;  // What was written last.
  uint64_t nonce_ = 0;
  std::multimap<absl::Duration, std::function<void()>> due_;
  SendWindow window_{RateWindow::Limits(), [this] { return Ask(); }, now_};
};

TEST(SendWindowWorldTest, TwoSecondsWorthAreOnTheirWayHoweverLongNothingIsSaid) {
  World world;
  World::Sender sender(world, 32 * kKiB);
  for (int i = 0; i < 10; ++i) {
    world.At(world.now() + absl::Hours(1), [&] { sender.Tell(1000); });
    world.At(world.now() + absl::Hours(2), [&] { sender.Tell(8 * kMiB + i * 10'000); });
    world.Run();
    ASSERT_TRUE(sender.has_ended());
    EXPECT_GT(world.Room(), 1'500'000u) << "of a link that carries 2 MB in two seconds";
    EXPECT_LT(world.Room(), 2'500'000u);
  }
}

TEST(SendWindowWorldTest, EverySenderEndsWhateverTheLinkDoes) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto any = [&random](uint64_t least, uint64_t most) {
      return std::uniform_int_distribution<uint64_t>(least, most)(random);
    };
    World world;
    std::vector<std::unique_ptr<World::Sender>> senders;
    for (uint64_t i = any(1, 4); i > 0; --i) {
      senders.push_back(std::make_unique<World::Sender>(world, any(1, 32) * kKiB));
    }
    absl::Duration at;
    for (uint64_t i = any(2, 12); i > 0; --i) {
      World::Sender& sender = *senders[any(0, senders.size() - 1)];
      world.At(at, [&world, rate = uint64_t{1} << any(14, 27)] { world.SetRate(rate); });
      world.At(at, [&sender, bytes = any(1, uint64_t{1} << any(1, 23))] { sender.Tell(bytes); });
      at += any(0, 1) == 0 ? absl::Seconds(any(0, 10)) : absl::Hours(any(1, 3));
    }
    world.Run();
    for (const auto& sender : senders) ASSERT_TRUE(sender->has_ended());
  }
}

}  // namespace
}  // namespace iris
