#include "coordinator/cli/team_line.h"

#include <algorithm>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/failure/failure.h"
#include "coordinator/cli/text.h"
#include "coordinator/link/link_words.h"

namespace iris {
namespace {

struct StateWords {
  v1::SessionStatus::State state;
  const char* words;
  Tint tint;
  int urgency;
};

constexpr int kProblem = 100;
constexpr int kAsks = 90;
constexpr int kWaits = 80;
constexpr int kNotConnected = 25;  // Than what is not known of the session it says more.

constexpr StateWords kStates[] = {
    {v1::SessionStatus::BUSY, "busy", Tint::kBusy, 60},
    {v1::SessionStatus::WAITING, "queued", Tint::kBusy, 55},
    {v1::SessionStatus::STARTING, "starting", Tint::kBusy, 50},
    {v1::SessionStatus::DRAINING, "ending", Tint::kBusy, 40},
    {v1::SessionStatus::READY, "ready", Tint::kGood, 30},
    {v1::SessionStatus::UNVERIFIABLE, "unknown", Tint::kNone, 20},
    {v1::SessionStatus::STOPPED, "asleep", Tint::kNone, 10},
};

// nullptr: a state of a newer coordinator.
const StateWords* WordsFor(v1::SessionStatus::State state) {
  for (const StateWords& words : kStates) {
    if (state == words.state) return &words;
  }
  return nullptr;
}

const v1::LinkStatus* LinkOf(absl::string_view team, const v1::GetStatusResponse& status) {
  for (const v1::LinkStatus& link : status.links()) {
    for (const std::string& name : link.teams()) {
      if (name == team) return &link;
    }
  }
  return nullptr;
}

// What is more urgent than what the line has so far.
void Raise(TeamLine& line, int urgency, const std::string& state, Tint tint) {
  if (urgency <= line.urgency) return;
  line.urgency = urgency;
  line.state = state;
  line.tint = tint;
}

void RaiseProblem(TeamLine& line, const Failure& failure) {
  const std::string kind(KindName(KindOf(failure)));
  Raise(line, kProblem, absl::StrCat("✗ ", absl::StrReplaceAll(kind, {{"_", " "}})), Tint::kBad);
}

void AddLink(const v1::LinkStatus& link, TeamLine& line) {
  line.host = link.key() == "local" ? "this machine" : OneLine(link.key());
  if (WasLostIdle(link)) {
    return Raise(line, kNotConnected, std::string(LinkStateWords(link.state())), Tint::kNone);
  }
  if (link.state() == v1::LinkStatus::SUSPECT) Raise(line, kProblem, "✗ silent", Tint::kBad);
  if (!link.has_failure() || link.state() == v1::LinkStatus::UP) return;
  RaiseProblem(line, link.failure());
}

void AddSession(const v1::SessionStatus& session, const v1::GetStatusResponse& status,
                TeamLine& line) {
  const bool open = session.tells_waiting() > 0 || !session.tell_in_flight().empty();
  if (line.host.empty() && session.is_local()) line.host = "this machine";
  if (const StateWords* words = WordsFor(session.state()); words != nullptr) {
    Raise(line, words->urgency, std::string(SessionStateWords(session, status)), words->tint);
  } else {
    Raise(line, 1, std::string(SessionStateWords(session, status)), Tint::kNone);
  }
  if (!session.permissions().empty()) {
    Raise(line, kAsks, "asks you", Tint::kBusy);
    line.now = OneLine(session.permissions(0).text());
  } else if (open && !session.stall().empty()) {
    Raise(line, kWaits, session.state() == v1::SessionStatus::BUSY ? "busy" : "waits", Tint::kBusy);
    if (line.now.empty()) line.now = OneLine(session.stall());
  }
  line.last_used_ms = std::max(line.last_used_ms, session.last_used_at_ms());
}

// What its sessions have in common was mended where one that was used later has no trouble.
void AddTrouble(absl::string_view team, const v1::GetStatusResponse& status, TeamLine& line) {
  const v1::SessionStatus* newest = nullptr;
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.to() != team) continue;
    if (newest == nullptr || session.last_used_at_ms() > newest->last_used_at_ms()) {
      newest = &session;
    }
  }
  if (newest != nullptr && newest->has_trouble()) RaiseProblem(line, newest->trouble());
}

// It is not configured any more, and nothing of it is left to do.
bool IsGone(absl::string_view team, const v1::GetStatusResponse& status) {
  return absl::c_all_of(status.sessions(), [team](const v1::SessionStatus& session) {
    const bool is_open = session.tells_waiting() > 0 || !session.tell_in_flight().empty() ||
                         session.child_pid() != 0;
    return session.to() != team || (session.is_removed() && !is_open);
  });
}

}  // namespace

absl::string_view SessionStateWords(const v1::SessionStatus& session,
                                    const v1::GetStatusResponse& status) {
  // Of an earlier life of the coordinator, and its host has not been connected to in this one.
  const bool may_be_asked = LinkOf(session.to(), status) != nullptr;
  if (session.state() == v1::SessionStatus::UNVERIFIABLE && !may_be_asked) return "not asked yet";
  const StateWords* words = WordsFor(session.state());
  return words == nullptr ? "unknown" : words->words;
}

bool WasLostIdle(const v1::LinkStatus& link) {
  return link.state() == v1::LinkStatus::DOWN && link.is_loss();
}

TeamLine LineOf(absl::string_view team, const v1::GetStatusResponse& status) {
  TeamLine line = {.team = OneLine(team)};
  if (const v1::LinkStatus* link = LinkOf(team, status); link != nullptr) AddLink(*link, line);
  uint64_t waiting = 0;
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.to() != team) continue;
    AddSession(session, status, line);
    waiting += session.tells_waiting();
  }
  AddTrouble(team, status, line);
  if (waiting > 0) {
    absl::StrAppend(&line.now, line.now.empty() ? "" : " · ", waiting, " waiting");
  }
  return line;
}

std::vector<TeamLine> TeamLines(const v1::GetStatusResponse& status) {
  std::set<std::string> teams;
  for (const v1::LinkStatus& link : status.links()) {
    teams.insert(link.teams().begin(), link.teams().end());
  }
  for (const v1::SessionStatus& session : status.sessions()) {
    if (!IsGone(session.to(), status)) teams.insert(session.to());
  }
  std::vector<TeamLine> lines;
  for (const std::string& team : teams) lines.push_back(LineOf(team, status));
  std::stable_sort(lines.begin(), lines.end(),
                   [](const TeamLine& a, const TeamLine& b) { return a.urgency > b.urgency; });
  return lines;
}

}  // namespace iris
