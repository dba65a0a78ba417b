#include "agent/session/fenced_readers.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace iris {
namespace {

class SomeReader final : public SessionReader {
 public:
  explicit SomeReader(uint64_t sent_seq) : sent(sent_seq) {}
  void OnNewEvents() override {}
  uint64_t epoch() const override { return 1; }
  uint64_t sent_seq() const override { return sent; }

  uint64_t sent;
};

std::vector<v1::TellState> Open(const std::vector<std::string>& ids) {
  std::vector<v1::TellState> open;
  for (const std::string& id : ids) open.emplace_back().set_tell_id(id);
  return open;
}

TEST(FencedReadersTest, NobodyNeedsAnything) {
  FencedReaders readers;
  EXPECT_EQ(readers.NeedNothingUpTo(), FencedReaders::kAll);
}

TEST(FencedReadersTest, AReaderNeedsWhatItWasNotSentUntilTheEndOfItsTells) {
  FencedReaders readers;
  SomeReader reader(5);
  readers.Add(reader, Open({"a", "b"}));
  EXPECT_EQ(readers.NeedNothingUpTo(), 5u);
  readers.OnSettled("a", 7);
  reader.sent = 9;
  EXPECT_EQ(readers.NeedNothingUpTo(), 9u);
  readers.OnSettled("b", 20);
  reader.sent = 19;
  EXPECT_EQ(readers.NeedNothingUpTo(), 19u);
  reader.sent = 20;
  EXPECT_EQ(readers.NeedNothingUpTo(), FencedReaders::kAll);
  EXPECT_TRUE(readers.empty());
}

TEST(FencedReadersTest, TheOneThatIsFurthestBehindCounts) {
  FencedReaders readers;
  const SomeReader behind(3), before(8);
  readers.Add(before, Open({"a"}));
  readers.Add(behind, Open({"a"}));
  EXPECT_EQ(readers.NeedNothingUpTo(), 3u);
  readers.Remove(behind);
  EXPECT_EQ(readers.NeedNothingUpTo(), 8u);
}

TEST(FencedReadersTest, WithoutAnOpenTellAReaderNeedsNothing) {
  FencedReaders readers;
  const SomeReader reader(3);
  readers.Add(reader, {});
  EXPECT_TRUE(readers.empty());
}

// The lease goes on to a third one: the second one's tells are none of the first one's.
TEST(FencedReadersTest, OneThatWaitsDoesNotWaitForMore) {
  FencedReaders readers;
  const SomeReader reader(7);
  readers.Add(reader, Open({"a"}));
  readers.Add(reader, Open({"a", "b"}));
  readers.OnSettled("a", 7);
  EXPECT_EQ(readers.NeedNothingUpTo(), FencedReaders::kAll);
}

}  // namespace
}  // namespace iris
