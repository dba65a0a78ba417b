#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/link/credit_shares.h"
#include "coordinator/link/rate_window.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr uint64_t kKiB = 1 << 10;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kQuarterMegabit = 32'000;  // Bytes a second.
constexpr uint64_t kMegabit = 125'000;
constexpr uint64_t kFast = 100'000'000;

// A link that carries `rate` bytes a second, in pieces of `piece`.
struct Pipe {
  uint64_t rate;
  absl::Duration now;

  absl::Duration TimeFor(uint64_t bytes) const {
    return absl::Seconds(static_cast<double>(bytes) / static_cast<double>(rate));
  }
  void Carry(RateWindow& window, uint64_t bytes, uint64_t piece = 16 * kKiB) {
    for (uint64_t done = 0; done < bytes; done += piece) {
      now += TimeFor(piece);
      window.OnArrived(piece, now);
    }
  }
};

TEST(RateWindowTest, ItIsWhatTheLinkDeliversInTwoSeconds) {
  Pipe pipe{.rate = kMegabit};
  RateWindow window({}, pipe.now);
  EXPECT_EQ(window.bytes(), 64 * kKiB);
  pipe.Carry(window, kMiB);
  EXPECT_NEAR(static_cast<double>(window.bytes()), 2 * kMegabit, 0.3 * kMegabit);
}

TEST(RateWindowTest, OnAFastLinkItDoublesUpToTheMost) {
  Pipe pipe{.rate = kFast};
  RateWindow window({}, pipe.now);
  pipe.Carry(window, 64 * kKiB);
  EXPECT_EQ(window.bytes(), 128 * kKiB);
  pipe.Carry(window, 8 * kMiB);
  EXPECT_EQ(window.bytes(), 4 * kMiB);
}

TEST(RateWindowTest, ALinkThatBecomesSlowIsNoticedWithinFourSeconds) {
  Pipe pipe{.rate = kFast};
  RateWindow window({}, pipe.now);
  pipe.Carry(window, 16 * kMiB);
  pipe.rate = kQuarterMegabit;
  pipe.Carry(window, 4 * kQuarterMegabit);
  EXPECT_EQ(window.bytes(), 64 * kKiB);
}

TEST(RateWindowTest, TheTimeInWhichNothingWasSentDoesNotCount) {
  Pipe pipe{.rate = kFast};
  RateWindow window({}, pipe.now);
  pipe.now += absl::Hours(1);
  window.Begin(pipe.now);
  pipe.Carry(window, 64 * kKiB);
  EXPECT_EQ(window.bytes(), 128 * kKiB);
}

class CreditSharesTest : public ::testing::Test {
 protected:
  // Every stream has so much to say that it uses all of its credit; returns what may be on its way
  // at the end.
  uint64_t Run(std::vector<CreditShares::Share>& streams, uint64_t bytes) {
    std::vector<uint64_t> allowed;
    for (CreditShares::Share& stream : streams) allowed.push_back(shares_.Open(stream, pipe_.now));
    for (uint64_t done = 0; done < bytes;) {
      for (size_t i = 0; i < streams.size(); ++i) {
        const uint64_t piece = std::min(allowed[i], 16 * kKiB);
        EXPECT_GT(piece, 0u) << "stream " << i << " stands still";
        pipe_.now += pipe_.TimeFor(piece);
        done += piece;
        allowed[i] += shares_.OnArrived(streams[i], piece, pipe_.now) - piece;
      }
    }
    uint64_t all = 0;
    for (const uint64_t one : allowed) all += one;
    return all;
  }

  Pipe pipe_{.rate = kMegabit};
  CreditShares shares_{RateWindow::Limits(), pipe_.now};
};

TEST_F(CreditSharesTest, OneStreamHasTheWholeLink) {
  std::vector<CreditShares::Share> streams(1);
  EXPECT_NEAR(static_cast<double>(Run(streams, 4 * kMiB)), 2 * kMegabit, 0.6 * kMegabit);
}

TEST_F(CreditSharesTest, ManyThatSayMuchShareIt) {
  std::vector<CreditShares::Share> streams(6);
  EXPECT_LE(Run(streams, 4 * kMiB), 2.6 * kMegabit);
}

TEST_F(CreditSharesTest, ThoseThatSayLittleTakeNothingFromTheOthers) {
  pipe_.rate = kFast;
  std::vector<CreditShares::Share> quiet(20), loud(1);
  for (CreditShares::Share& one : quiet) {
    shares_.Open(one, pipe_.now);
    shares_.OnArrived(one, 100, pipe_.now);
  }
  EXPECT_GE(Run(loud, 16 * kMiB), 3 * kMiB);
}

TEST_F(CreditSharesTest, CreditIsNotGivenBackForEveryFewBytes) {
  CreditShares::Share stream;
  EXPECT_EQ(shares_.Open(stream, pipe_.now), 64 * kKiB);
  EXPECT_EQ(shares_.OnArrived(stream, 15 * kKiB, pipe_.now), 0u);
  EXPECT_EQ(shares_.OnArrived(stream, kKiB, pipe_.now), 16 * kKiB);
}

TEST_F(CreditSharesTest, AnEventThatIsLargerThanTheCreditIsMadeUpFor) {
  CreditShares::Share stream;
  shares_.Open(stream, pipe_.now);
  pipe_.now += absl::Seconds(10);
  EXPECT_EQ(shares_.OnArrived(stream, 256 * kKiB, pipe_.now), 256 * kKiB);
}

}  // namespace
}  // namespace iris
