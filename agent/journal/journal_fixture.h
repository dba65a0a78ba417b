#ifndef IRIS_AGENT_JOURNAL_JOURNAL_FIXTURE_H_
#define IRIS_AGENT_JOURNAL_JOURNAL_FIXTURE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_sync.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {

namespace fs = std::filesystem;

inline constexpr size_t kNoLimit = 1 << 30;

inline v1::Event Output(const std::string& bytes) {
  v1::Event event;
  event.mutable_output()->set_bytes(bytes);
  return event;
}

inline std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void Overwrite(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// One journal, and lives of the agent that open it one after the other.
class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    fs::create_directory(dir);
    loop.Stop();
  }
  ~JournalTest() override { journal.reset(); }

  // The agent's life ends without a word and another one begins.
  void Live(const std::string& incarnation) {
    journal.reset();
    seen.clear();
    absl::StatusOr<std::unique_ptr<Journal>> opened = Journal::Open(
        disk, dir, incarnation, [this](const v1::Event& event) { seen.push_back(event.seq()); },
        limits);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal = *std::move(opened);
  }
  void Append(int count, size_t bytes = 1) {
    for (int i = 0; i < count; ++i) journal->Append(Output(std::string(bytes, 'x')));
  }
  // Does what the loop would do until `condition` holds. False after 30 s.
  bool RunUntil(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (!condition() && absl::Now() < deadline) {
      loop.After(absl::Milliseconds(1), [] {});
      loop.Run();  // One round: the loop was stopped.
    }
    return condition();
  }
  // The lease holder has all, and so has the disk.
  void AcknowledgeAll() {
    journal->Trim(journal->newest_seq());
    ASSERT_TRUE(RunUntil([this] { return journal->oldest_known() == journal->newest_seq(); }));
  }
  std::vector<uint64_t> SeqsAfter(uint64_t seq, size_t bytes_max = kNoLimit) const {
    std::vector<uint64_t> seqs;
    const auto events = journal->After(seq, bytes_max);
    EXPECT_TRUE(events.ok()) << events.status();
    for (const EventPtr& event : *events) seqs.push_back(event->seq());
    return seqs;
  }
  // All that there is after `seq`, batch by batch.
  std::vector<EventPtr> AllAfter(uint64_t seq, size_t bytes_max = 4096) const {
    std::vector<EventPtr> all;
    while (seq < journal->newest_seq()) {
      const auto events = journal->After(seq, bytes_max);
      if (!events.ok() || events->empty()) {
        ADD_FAILURE() << "nothing after " << seq << ": " << events.status();
        break;
      }
      all.insert(all.end(), events->begin(), events->end());
      seq = all.back()->seq();
    }
    return all;
  }
  std::vector<std::string> Segments() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(dir)) {
      if (entry.path().extension() == ".seg") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  v1::ResetReason Check(v1::Position position) const { return journal->CheckPosition(position); }

  const ScratchDir scratch;
  const std::string dir = scratch.File("journal");
  Journal::Limits limits{.retry_every = absl::Milliseconds(5)};
  EventLoop loop;
  JournalSync disk{loop};
  std::vector<uint64_t> seen;  // By the life that runs, at its start.
  std::unique_ptr<Journal> journal;
};

}  // namespace iris

#endif  // IRIS_AGENT_JOURNAL_JOURNAL_FIXTURE_H_
