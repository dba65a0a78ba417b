// What lies on a disk as a session's journal: read as far as it is good, cut there, and gone on
// with.
//
// Two kinds of input. "F" and files: kind (1: '1' to '4' = a segment, 'm' = the mark) | fix (1: its
// checksums are put right first) | length (2) | bytes. "W" and a journal that is written here, and
// damaged: the number of events (1), then steps of what (1) | where (2) | byte (1).

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_sync.h"
#include "agent/journal/record.h"
#include "agent/journal/segment.h"
#include "common/base/ids.h"
#include "common/log/log.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

namespace fs = std::filesystem;

// As journal_load.cc and segment.cc have it.
constexpr size_t kHeaderBytes = 128;
constexpr size_t kMarkBytes = 92;
constexpr size_t kStepsMax = 16;
constexpr char kLife[] = "22222222-2222-4333-8444-555555555555";

const Journal::Limits kLimits{.segment_bytes = 600, .memory_bytes = 300, .quota_bytes = 4096};

// An empty directory in memory, one for the process.
const std::string& Dir() {
  static const std::string* const dir = [] {
    std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    path += "/iris-journal-fuzz-XXXXXX";
    Require(mkdtemp(path.data()) != nullptr, "mkdtemp()");
    StartLogging(path + ".log", LogLevel::kError);
    static std::string removed;
    removed = path;
    atexit([] {
      std::error_code ignored;
      fs::remove_all(removed, ignored);
      fs::remove(removed + ".log", ignored);
    });
    return new std::string(path);
  }();
  for (const auto& entry : fs::directory_iterator(*dir)) fs::remove(entry.path());
  return *dir;
}

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void Put(const std::string& path, absl::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
}

void PutUint32(std::string& bytes, size_t at, uint32_t number) {
  std::string encoded;
  AppendUint32(encoded, number);
  bytes.replace(at, 4, encoded);
}

// ------------------------------------------------------------------------------------------ inputs

// Puts every checksum right that there is room for, so that what is behind it is read.
void FixSegment(std::string& bytes) {
  if (bytes.size() < kHeaderBytes) return;
  PutUint32(bytes, kHeaderBytes - 4, Crc32(bytes.substr(0, kHeaderBytes - 4)));
  for (size_t at = kHeaderBytes; at + kRecordHeaderBytes < bytes.size();) {
    const size_t payload = ReadUint32(bytes.substr(at));
    if (payload > bytes.size() - at - kRecordHeaderBytes) return;
    PutUint32(bytes, at + 4, Crc32(bytes.substr(at + kRecordHeaderBytes, payload)));
    at += kRecordHeaderBytes + payload;
  }
}

void PutFiles(const std::string& dir, absl::string_view input) {
  while (input.size() > 4) {
    const char kind = input[0];
    const bool fix = (input[1] & 1) != 0;
    const size_t length = static_cast<uint8_t>(input[2]) | static_cast<uint8_t>(input[3]) << 8;
    std::string bytes(input.substr(4, length));
    input.remove_prefix(std::min(input.size(), 4 + length));
    if (kind == 'm') {
      if (fix && bytes.size() == kMarkBytes) {
        PutUint32(bytes, kMarkBytes - 4, Crc32(bytes.substr(0, kMarkBytes - 4)));
      }
      Put(dir + "/mark", bytes);
    } else {
      if (fix) FixSegment(bytes);
      Put(absl::StrCat(dir, "/", Segment::FileName(static_cast<uint8_t>(kind) & 3)), bytes);
    }
  }
}

class Opened {
 public:
  explicit Opened(const std::string& dir) {
    auto journal = Journal::Open(
        disk_, dir, kLife, [this](const v1::Event& event) { seen.push_back(event); }, kLimits);
    Require(journal.ok(), "what lies there is never a reason not to begin");
    journal_ = *std::move(journal);
  }
  Journal& operator*() { return *journal_; }
  Journal* operator->() { return journal_.get(); }

  std::vector<v1::Event> seen;

 private:
  EventLoop loop_{[] { return absl::ZeroDuration(); }};
  JournalSync disk_{loop_, [](const std::string&) { return absl::OkStatus(); }};
  std::unique_ptr<Journal> journal_;
};

v1::Event Output(const std::string& bytes) {
  v1::Event event;
  event.mutable_output()->set_bytes(bytes);
  return event;
}

void WriteAndDamage(const std::string& dir, absl::string_view input) {
  {
    Opened journal(dir);
    for (int i = input.empty() ? 0 : input[0] & 63; i > 0; --i) {
      journal->Append(Output(std::string(static_cast<size_t>(i) * 7, 'x')));
    }
  }
  input.remove_prefix(std::min<size_t>(input.size(), 1));
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(dir)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  input = input.substr(0, 4 * kStepsMax);
  for (; input.size() >= 4 && !files.empty(); input.remove_prefix(4)) {
    const std::string& file = files[(static_cast<uint8_t>(input[0]) >> 2) % files.size()];
    std::string bytes = Content(file);
    const size_t at =
        (static_cast<uint8_t>(input[1]) | static_cast<uint8_t>(input[2]) << 8) % (bytes.size() + 1);
    switch (input[0] & 3) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.insert(at, static_cast<uint8_t>(input[3]), '\0');
        break;
      case 2:
        if (at < bytes.size()) bytes[at] = input[3];
        break;
      case 3:
        bytes += bytes.substr(at, 1000);
        break;
    }
    Put(file, bytes);
  }
}

// ------------------------------------------------------------------ what holds

// The good beginning of what lies in `dir`, by the format alone.
std::vector<v1::Event> GoodPrefix(const std::string& dir) {
  std::vector<v1::Event> good;
  std::string id;
  const std::string mark = Content(dir + "/mark");
  if (mark.size() == kMarkBytes && mark.substr(0, 8) == "IRISMRK1" &&
      Crc32(mark.substr(0, kMarkBytes - 4)) == ReadUint32(mark.substr(kMarkBytes - 4))) {
    id = mark.substr(16, 36);
    if (!IsUuid(id) || ReadUint64(mark.substr(8)) > kSeqMax) id.clear();
  }
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.path().extension() == ".seg") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  uint64_t next = 0;  // 0: any.
  for (const std::string& file : files) {
    const std::string bytes = Content(file);
    if (bytes.size() < kHeaderBytes || bytes.substr(0, 8) != "IRISJNL1" ||
        Crc32(bytes.substr(0, kHeaderBytes - 4)) != ReadUint32(bytes.substr(kHeaderBytes - 4))) {
      return good;
    }
    const std::string its_id = bytes.substr(16, 36);
    const uint64_t first = ReadUint64(bytes.substr(8));
    if (!IsUuid(its_id) || first < 1 || first > kSeqMax) return good;
    if ((!id.empty() && its_id != id) || (next != 0 && first != next)) return good;
    id = its_id;
    next = first;
    size_t at = kHeaderBytes;
    while (at < bytes.size()) {
      if (bytes.size() - at < kRecordHeaderBytes) return good;
      const size_t payload = ReadUint32(bytes.substr(at));
      if (payload == 0 || payload > bytes.size() - at - kRecordHeaderBytes) return good;
      const std::string content = bytes.substr(at + kRecordHeaderBytes, payload);
      v1::Event event;
      if (Crc32(content) != ReadUint32(bytes.substr(at + 4)) || !event.ParseFromString(content) ||
          event.seq() != next) {
        return good;
      }
      good.push_back(event);
      ++next;
      at += kRecordHeaderBytes + payload;
    }
  }
  return good;
}

bool Same(const v1::Event& a, const v1::Event& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

// Everything that is kept, read from the journal in batches.
std::vector<v1::Event> ReadAll(Journal& journal) {
  std::vector<v1::Event> all;
  for (uint64_t at = journal.oldest_known(); at < journal.newest_seq();) {
    const auto events = journal.After(at, 500);
    Require(events.ok() && !events->empty(), "what is kept can be read");
    for (const EventPtr& event : *events) {
      Require(event->seq() == ++at, "events are consecutive");
      all.push_back(*event);
    }
  }
  return all;
}

void Check(const std::string& dir) {
  const std::vector<v1::Event> good = GoodPrefix(dir);
  uint64_t newest = 0;
  {
    Opened journal(dir);
    Require(journal.seen.size() == good.size(), "the good beginning is found, and no more");
    for (size_t i = 0; i < good.size(); ++i) {
      Require(Same(journal.seen[i], good[i]), "events are as they were");
    }
    const std::vector<v1::Event> kept = ReadAll(*journal);
    for (const v1::Event& event : kept) {
      if (good.empty() || event.seq() < good.front().seq() || event.seq() > good.back().seq()) {
        continue;
      }
      Require(Same(event, good[event.seq() - good.front().seq()]), "what is kept is what was good");
    }
    Require(journal->bytes_in_memory() <= kLimits.memory_bytes + 300, "memory is bounded");
    Require(journal->CheckPosition(journal->newest()) == v1::RESET_UNSPECIFIED,
            "the newest position is one");
    journal->Append(Output("more"));
    Require(!ReadAll(*journal).empty(), "it goes on");
    newest = journal->newest_seq();
  }
  Opened again(dir);
  Require(again->newest_seq() == newest + 1, "nothing of it is lost by the next life");
  const std::vector<v1::Event> kept = ReadAll(*again);
  Require(kept.size() >= 2 && kept[kept.size() - 2].output().bytes() == "more",
          "what was added is there");
}

}  // namespace
}  // namespace iris

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const std::string& dir = iris::Dir();
  if (input[0] == 'W') {
    iris::WriteAndDamage(dir, absl::string_view(input).substr(1));
  } else {
    iris::PutFiles(dir, absl::string_view(input).substr(1));
  }
  iris::Check(dir);
  return 0;
}
