#include "coordinator/desk/merge_host_reports.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/link/host_text.h"
#include "coordinator/link/link_words.h"

namespace iris {
namespace {

constexpr size_t kDetailBytesMax = 256;  // As in agent.proto; a host may say more.

// "for 40 s"
std::string For(int64_t ms) {
  const absl::Duration whole = absl::Seconds(ms < 0 ? 0 : ms / 1000);
  return absl::StrCat("for ", absl::FormatDuration(whole));
}

absl::string_view Words(v1::Stall::Kind kind) {
  switch (kind) {
    case v1::Stall::MODEL_WAIT:
      return "waits for the model";
    case v1::Stall::TOOL_RUNNING:
      return "a tool runs";
    case v1::Stall::PERMISSION_PENDING:
      return "waits for a permission";
    case v1::Stall::OUTPUT_SILENT:
      return "silent";
    case v1::Stall::JOURNAL_FULL:
      return "the journal is full";
    case v1::Stall::CHILD_WEDGED:
      return "claude hangs";
    case v1::Stall::STORAGE_FULL:
      return "the host's disk is full";
    case v1::Stall::DRAINING:
      return "an earlier turn ends first";
    default:
      return "stands still";
  }
}

std::string StallText(const v1::Stall& stall) {
  std::string text(Words(stall.kind()));
  if (!stall.detail().empty()) {
    absl::StrAppend(&text, " (", PrintableHostText(stall.detail(), kDetailBytesMax), ")");
  }
  return absl::StrCat(text, " ", For(stall.for_ms()));
}

std::string AwayText(const v1::LinkStatus& link) {
  const std::string since = link.away_ms() < 1000 ? "" : absl::StrCat(" ", For(link.away_ms()));
  return absl::StrCat("the host ", link.key(), " is away", since, ": ",
                      LinkStateWords(link.state()));
}

v1::SessionStatus::State StateOf(v1::SessionState state) {
  switch (state) {
    case v1::SESSION_STARTING:
      return v1::SessionStatus::STARTING;
    case v1::SESSION_READY:
      return v1::SessionStatus::READY;
    case v1::SESSION_BUSY:
      return v1::SessionStatus::BUSY;
    case v1::SESSION_DRAINING:
      return v1::SessionStatus::DRAINING;
    case v1::SESSION_UNVERIFIABLE:
      return v1::SessionStatus::UNVERIFIABLE;
    default:
      return v1::SessionStatus::STOPPED;
  }
}

// A connection that is silent is still there: its state says so.
bool IsAway(const v1::LinkStatus& link) {
  return link.state() != v1::LinkStatus::UP && link.state() != v1::LinkStatus::SUSPECT;
}

// What the host knows better than we do.
void AddSession(const v1::SessionInfo& info, v1::SessionStatus& session) {
  if (info.has_stall()) session.set_stall(StallText(info.stall()));
  // Unverifiable: of an earlier life of ours, and not used in this one.
  if (info.state() == v1::SESSION_DRAINING || session.state() == v1::SessionStatus::UNVERIFIABLE) {
    session.set_state(StateOf(info.state()));
  }
  if (info.has_child()) {
    session.set_child_pid(info.child().pid());
    session.set_child_start_time(info.child().start_time());
  }
}

}  // namespace

void MergeHostReports(const std::vector<HostReport>& hosts, v1::GetStatusResponse& status) {
  for (const HostReport& host : hosts) {
    for (v1::LinkStatus& link : *status.mutable_links()) {
      if (link.id() == host.link_id && host.host.has_holdings()) {
        *link.mutable_holdings() = host.host.holdings();
      }
    }
  }
  // By agent and session: one that moved may be known to two.
  std::map<std::pair<absl::string_view, absl::string_view>, const v1::SessionInfo*> infos;
  for (const HostReport& host : hosts) {
    for (const v1::SessionInfo& info : host.sessions.sessions()) {
      infos[{host.link_id, info.session_id()}] = &info;
    }
  }
  std::map<absl::string_view, const v1::LinkStatus*> links;  // By team.
  for (const v1::LinkStatus& link : status.links()) {
    for (const std::string& team : link.teams()) links[team] = &link;
  }
  for (v1::SessionStatus& session : *status.mutable_sessions()) {
    const auto found = links.find(session.to());
    if (found == links.end()) continue;
    const v1::LinkStatus& link = *found->second;
    if (IsAway(link) && !session.tell_in_flight().empty()) session.set_stall(AwayText(link));
    const std::string& asked = link.same_agent_as().empty() ? link.id() : link.same_agent_as();
    const auto info = infos.find({asked, session.session_id()});
    if (info != infos.end()) AddSession(*info->second, session);
  }
}

}  // namespace iris
