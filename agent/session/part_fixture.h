#ifndef IRIS_AGENT_SESSION_PART_FIXTURE_H_
#define IRIS_AGENT_SESSION_PART_FIXTURE_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_sync.h"
#include "agent/session/session_files.h"
#include "agent/session/session_log.h"
#include "common/base/ids.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// For tests of the parts of a session: its files in a directory of their own, its log, and a loop
// on a clock that the test moves. Starts no process.
class PartFixture : public ::testing::Test {
 protected:
  PartFixture() { NextAgent(); }

  // The agent is gone, and the next one opens the session's files.
  void NextAgent() {
    log.reset();
    files.reset();
    absl::StatusOr<std::unique_ptr<SessionFiles>> opened =
        SessionFiles::Open(disk, scratch.File("session"), NewUuid(), limits);
    if (!opened.ok()) std::abort();
    files = *std::move(opened);
    log = std::make_unique<SessionLog>(files->journal(), [this] { ++changes; });
  }
  // An Open came at some time.
  void SaveLaunch() {
    v1::LaunchSpec spec;
    spec.set_team("gpu");
    ASSERT_TRUE(files->SaveLaunch(spec).ok());
  }

  void Pass(absl::Duration time) {
    now += time;
    while (loop.RunReady()) {
    }
  }

  std::vector<v1::Event> Events() const {
    std::vector<v1::Event> events;
    uint64_t seq = log->journal().oldest_known();
    while (seq < log->journal().newest_seq()) {
      const auto more = log->journal().After(seq, 1 << 20);
      if (!more.ok() || more->empty()) {
        ADD_FAILURE() << "nothing after " << seq << ": " << more.status();
        break;
      }
      for (const EventPtr& event : *more) events.push_back(*event);
      seq = events.back().seq();
    }
    return events;
  }
  // "accepted ID", "written ID", "settled ID", with the failure's kind if there is one, "gap ID",
  // "output LINE", "request ID", "answered ID".
  std::vector<std::string> Story() const {
    std::vector<std::string> story;
    for (const v1::Event& event : Events()) story.push_back(InWords(event));
    return story;
  }

  absl::Duration now;
  Journal::Limits limits;
  const ScratchDir scratch;
  EventLoop loop{[this] { return now; }};
  JournalSync disk{loop, [](const std::string&) { return absl::OkStatus(); }};
  std::unique_ptr<SessionFiles> files;
  std::unique_ptr<SessionLog> log;
  int changes = 0;  // Of what the journal holds.

 private:
  static std::string InWords(const v1::Event& event) {
    switch (event.kind_case()) {
      case v1::Event::kAccepted:
        return "accepted " + event.accepted().tell_id();
      case v1::Event::kWritten:
        return "written " + event.written().tell_id();
      case v1::Event::kSettled:
        if (!event.settled().has_failure()) return "settled " + event.settled().tell_id();
        return absl::StrCat("settled ", event.settled().tell_id(), " ",
                            v1::FailureKind_Name(event.settled().failure().kind()));
      case v1::Event::kGap:
        return "gap " + event.gap().tell_id();
      case v1::Event::kOutput:
        return "output " + event.output().bytes();
      case v1::Event::kRequest:
        return "request " + event.request().request_id();
      case v1::Event::kAnswered:
        return absl::StrCat("answered ", event.answered().request_id(), " ",
                            event.answered().json());
      default:
        return "other";
    }
  }
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_PART_FIXTURE_H_
