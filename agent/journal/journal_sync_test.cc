#include "agent/journal/journal_sync.h"

#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/loop/event_loop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Has always something to make durable.
class BusyClient : public JournalSync::Client {
 public:
  BusyClient(EventLoop& loop, JournalSync& disk, int rounds)
      : loop_(loop), disk_(disk), rounds_left_(rounds) {}
  std::vector<std::string> TakeUnsynced() override { return {}; }
  void OnSynced(const absl::Status&) override {
    if (--rounds_left_ == 0) return loop_.Stop();
    disk_.SyncSoon(this);
  }
  void OnQuotaRoom() override {}
  int rounds_left() const { return rounds_left_; }

 private:
  EventLoop& loop_;
  JournalSync& disk_;
  int rounds_left_;
};

// In a process of its own: limits hold for good, and not for root.
[[noreturn]] void SyncAtTheLimit() {
  if (geteuid() == 0 && setuid(65'534) != 0) _exit(2);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NPROC, &limit) != 0) _exit(3);
  const struct rlimit none = {0, limit.rlim_max};
  if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(4);
  EventLoop loop;
  JournalSync disk(loop);
  BusyClient client(loop, disk, 4);
  disk.Add(&client);
  disk.SyncSoon(&client);
  loop.After(4 * JournalSync::kSyncWithin, [&] {
    if (client.rounds_left() != 4) _exit(5);  // The loop waits for no disk.
    if (setrlimit(RLIMIT_NPROC, &limit) != 0) _exit(6);
  });
  loop.Run();
  _exit(client.rounds_left());
}

TEST(JournalSyncTest, WithoutAThreadItGoesOnAndSaysSoOnce) {
  EXPECT_EXIT(SyncAtTheLimit(), testing::ExitedWithCode(0),
              AllOf(HasSubstr("makes journals durable"),
                    Not(testing::ContainsRegex("durable(.|\n)*makes journals durable"))));
}

}  // namespace
}  // namespace iris
