// What a tell costs: bytes written to the disk, those that are brought from the journal into the
// file among them, and waits for it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/ids.h"
#include "coordinator/store/sqlite/store_fixture.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class StoreCostTest : public StoreTest {
 protected:
  static constexpr int kTells = 2000;  // More than are kept, and than the journal has room for.
  static constexpr size_t kTextBytes = 1000;

  StoreCostTest() {
    StoreOptions options = Options();
    options.vfs = disk_.vfs();
    options.on_network_fs = [](const std::string&) { return false; };
    store_ = Opened(options);
    for (int team = 0; team < 100; ++team) {
      sessions_.push_back(store_->GetOrCreateSession("cli", absl::StrCat(team))->session_id);
    }
  }
  ~StoreCostTest() override { store_.reset(); }

  struct Sent {
    std::string tell_id, session_id;
  };
  Sent Send() {
    const Sent sent = {NewUuid(), sessions_[next_++ % sessions_.size()]};
    EXPECT_TRUE(store_->AddTell(sent.tell_id, sent.session_id, Text(), TellState::kRunning).ok());
    return sent;
  }
  void Settle(const std::vector<Sent>& sent) {
    std::vector<Checkpoint> checkpoints;
    std::vector<Settlement> settlements;
    const std::string answer = Text();
    for (const Sent& one : sent) {
      ReadMark mark{.journal_id = journal_id_, .incarnation = journal_id_, .seq = ++seq_};
      mark.turn = {.any_text = true, .last_text = ~seq_, .spent_micro_usd = 84'210};
      mark.host = {.key = std::string(80, 'h'), .name = "me@gpu1"};
      checkpoints.push_back({.session_id = one.session_id, .mark = mark});
      Settlement& settlement = settlements.emplace_back();
      settlement.tell_id = one.tell_id;
      settlement.answer = answer;
      settlement.account.set_duration_ms(1200);
      settlement.account.set_output_tokens(300);
    }
    EXPECT_TRUE(store_->Save(checkpoints, settlements).ok());
  }
  void Fetch(const std::vector<Sent>& settled) {
    for (const Sent& one : settled) EXPECT_TRUE(store_->MarkFetched(one.tell_id).ok());
  }
  // As many sessions at once as there are `callers`: each transaction has what all of them have to
  // store then.
  void RunTells(int tells, size_t callers) {
    std::vector<Sent> running, settled;
    for (int sent = 0; sent < tells; sent += static_cast<int>(callers)) {
      EXPECT_TRUE(store_
                      ->Together([&] {
                        std::vector<Sent> next;
                        while (next.size() < callers) next.push_back(Send());
                        Settle(running);
                        Fetch(settled);
                        settled = std::move(running);
                        running = std::move(next);
                        return absl::OkStatus();
                      })
                      .ok());
    }
  }
  struct Cost {
    double bytes, syncs;  // Of one tell.
  };
  template <typename Run>
  Cost CostOf(const Run& run) {
    run();  // Until as many are forgotten as come.
    const uint64_t bytes = disk_.bytes_written(), syncs = disk_.syncs();
    run();
    return {static_cast<double>(disk_.bytes_written() - bytes) / kTells,
            static_cast<double>(disk_.syncs() - syncs) / kTells};
  }
  static std::string Text() { return std::string(kTextBytes, 'x'); }

  FailingDisk disk_;
  std::unique_ptr<Store> store_;
  std::vector<std::string> sessions_;
  size_t next_ = 0;
  uint64_t seq_ = 1'000'000;
  const std::string journal_id_ = NewUuid();
};

TEST_F(StoreCostTest, ATellOfAThousandBytesWritesTenThousandAmongFourCallers) {
  const Cost cost = CostOf([this] { RunTells(kTells, 4); });
  EXPECT_LT(cost.bytes, 10'000);
  EXPECT_LT(cost.syncs, 0.3);  // One for four, and those of the journal.
}

TEST_F(StoreCostTest, AmongManyCallersItWritesLittleMoreThanItsWordsTwice) {
  const Cost cost = CostOf([this] { RunTells(kTells, 20); });
  EXPECT_LT(cost.bytes, 7'500);
  EXPECT_LT(cost.syncs, 0.1);
}

TEST_F(StoreCostTest, OneAfterTheOtherEachIsWrittenByItselfAndWaitsOnce) {
  const Cost cost = CostOf([this] {
    for (int i = 0; i < kTells; ++i) {
      Sent sent;
      const auto add = [&] {
        sent = Send();
        return absl::OkStatus();
      };
      EXPECT_TRUE(store_->TogetherUnsynced(add).ok());
      Settle({sent});
      const auto fetch = [&] { return store_->MarkFetched(sent.tell_id); };
      EXPECT_TRUE(store_->TogetherUnsynced(fetch).ok());
    }
  });
  EXPECT_LT(cost.bytes, 20'000);
  EXPECT_LT(cost.syncs, 1.1);
}

TEST_F(StoreCostTest, ALongAnswerIsWrittenAsItComesAndNotAgain) {
  const Sent sent = Send();
  const std::string piece(1 << 20, 'p');
  std::string answer;
  const auto read = [&](absl::string_view text) {
    return Checkpoint{.session_id = sent.session_id,
                      .mark = {.journal_id = journal_id_, .seq = ++seq_},
                      .tell_id = text.empty() ? "" : sent.tell_id,
                      .text_at = answer.size(),
                      .text = text};
  };
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(store_->Save({read(piece)}, {}).ok());
    answer += piece;
  }
  const uint64_t before = disk_.bytes_written();
  Settlement settlement{.tell_id = sent.tell_id, .answer = answer};
  settlement.stored_bytes = answer.size();
  ASSERT_TRUE(store_->Save({read("")}, {settlement}).ok());
  EXPECT_LT(disk_.bytes_written() - before, 100'000u);
  EXPECT_TRUE(store_->FindTell(sent.tell_id)->value().answer == answer);
}

TEST_F(StoreCostTest, AMarkOfASessionWritesItsOwnRowAlone) {
  const Sent sent = Send();
  const auto read = [&] {
    for (int i = 0; i < kTells; ++i) {
      ReadMark mark{.journal_id = journal_id_, .incarnation = journal_id_, .seq = ++seq_};
      EXPECT_TRUE(store_->Save({{.session_id = sent.session_id, .mark = mark}}, {}).ok());
    }
  };
  EXPECT_LT(CostOf(read).bytes, 1'300);
}

}  // namespace
}  // namespace iris
