#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/failure/failure.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/table.h"
#include "coordinator/cli/team_line.h"
#include "coordinator/cli/text.h"
#include "coordinator/link/link_facts.h"
#include "coordinator/link/link_words.h"

namespace iris {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string OrDash(absl::string_view text) { return text.empty() ? "-" : OneLine(text); }

std::string NumberOrDash(int64_t number) { return number == 0 ? "-" : absl::StrCat(number); }

std::string Used(int64_t used_ms, int64_t now_ms) {
  return used_ms == 0 ? "never" : absl::StrCat(ShowAge(now_ms - used_ms), " ago");
}

std::string Pair(const v1::SessionStatus& session) {
  return absl::StrCat(OneLine(session.from()), " to ", OneLine(session.to()));
}

// "lost 3 s ago, trying again in 4 s"; empty: nothing that the state does not say.
std::string LinkStory(const v1::LinkStatus& link) {
  if (link.state() == v1::LinkStatus::SUSPECT)
    return "silent: the last keep-alive was not answered";
  if (!link.has_failure()) {
    if (link.losses() == 0) return "";
    return absl::StrCat("was lost ", link.losses(), link.losses() == 1 ? " time" : " times",
                        " and came back");
  }
  const bool lost = link.failure().kind() == v1::FAILURE_DROPPED;
  const std::string when =
      absl::StrCat(lost ? "lost " : "failed ", ShowAge(link.failure_age_ms()), " ago");
  if (WasLostIdle(link)) return absl::StrCat(when, "; the next message connects again");
  if (link.state() == v1::LinkStatus::WAITING) {
    return absl::StrCat(when, ", trying again in ", ShowAge(link.retry_in_ms() + 999));
  }
  if (link.state() == v1::LinkStatus::CONNECTING || link.state() == v1::LinkStatus::BOOTSTRAPPING) {
    return absl::StrCat(when, ", trying again now");
  }
  if (link.state() == v1::LinkStatus::BLOCKED) {
    return absl::StrCat(when, ". Fix it; the next message tries again");
  }
  return when;
}

std::string MiB(uint64_t bytes) { return absl::StrFormat("%.1f MiB", bytes / 1048576.0); }

// "12 conversations, 3 with a running claude; journals 1.2 MiB of 4096.0 MiB; 2 builds, 16.1 MiB;
// 900.0 MiB free"
std::string HoldingsText(const v1::HostHoldings& held) {
  std::string text =
      absl::StrCat(held.sessions(), held.sessions() == 1 ? " conversation, " : " conversations, ",
                   held.with_child(), " with a running claude");
  if (held.draining() > 0) absl::StrAppend(&text, ", ", held.draining(), " in an earlier turn");
  if (held.unverifiable() > 0) {
    absl::StrAppend(&text, ", ", held.unverifiable(), " held by other hosts");
  }
  if (held.damaged() > 0) absl::StrAppend(&text, ", ", held.damaged(), " put aside as damaged");
  absl::StrAppend(&text, "; journals ", MiB(held.journal_bytes()), " of ",
                  MiB(held.journal_quota_bytes()));
  if (held.unacknowledged_bytes() > 0) {
    absl::StrAppend(&text, " (", MiB(held.unacknowledged_bytes()), " unread)");
  }
  absl::StrAppend(&text, "; ", held.builds(), held.builds() == 1 ? " build, " : " builds, ",
                  MiB(held.build_bytes()));
  if (held.free_disk_bytes() > 0)
    absl::StrAppend(&text, "; ", MiB(held.free_disk_bytes()), " free");
  return text;
}

absl::string_view KeyOf(const v1::GetStatusResponse& status, absl::string_view id) {
  for (const v1::LinkStatus& link : status.links()) {
    if (link.id() == id) return link.key();
  }
  return id;
}

std::string LinkTable(const v1::GetStatusResponse& status) {
  if (status.links().empty()) return "no connections\n";
  Rows rows = {{"HOST", "STATE", "MODE", "SSH", "AGENT", "BUILD", "TEAMS"}};
  for (const v1::LinkStatus& link : status.links()) {
    rows.push_back({OrDash(link.key()), OrDash(LinkStateWords(link.state())), OrDash(link.mode()),
                    NumberOrDash(FactNumber(link, "sshPid")), NumberOrDash(link.agent_pid()),
                    OrDash(link.agent_build()), OrDash(absl::StrJoin(link.teams(), ","))});
  }
  return Table(rows);
}

// What is good to know of a link that works.
std::string LinkDetails(const v1::LinkStatus& link, const v1::GetStatusResponse& status) {
  const std::string key = OrDash(link.key());
  std::string details;
  if (!link.same_agent_as().empty()) {
    absl::StrAppend(&details, key, " uses the same agent as ",
                    OrDash(KeyOf(status, link.same_agent_as())), "\n");
  }
  if (!link.mode_reason().empty()) {
    absl::StrAppend(&details, key, ": ", OrDash(link.mode()), " because ",
                    OrDash(link.mode_reason()), "\n");
  }
  if (link.has_holdings()) {
    absl::StrAppend(&details, key, " stores ", HoldingsText(link.holdings()), "\n");
  }
  return details;
}

// What is wrong with a link, was, or is worth mending.
std::string LinkNotes(const v1::LinkStatus& link) {
  const std::string key = OrDash(link.key());
  std::string notes;
  if (!link.remark().empty()) absl::StrAppend(&notes, key, ": ", OrDash(link.remark()), "\n");
  if (const std::string story = LinkStory(link); !story.empty()) {
    absl::StrAppend(&notes, key, ": ", story, "\n");
  }
  if (!link.upgrade_refused().empty()) {
    absl::StrAppend(&notes, key, ": the agent stays ", OrDash(link.agent_build()), ", because ",
                    OrDash(link.upgrade_refused()), "\n");
  }
  if (link.has_failure() && !WasLostIdle(link)) {
    absl::StrAppend(&notes, Printable(Describe(link.failure())), "\n");
  }
  return notes;
}

// Whose environment claude was started with, and the names of its variables. Empty: no claude was
// started.
std::string EnvironmentText(const v1::SessionStatus& session) {
  const std::string& from = session.env_from();
  if (from.empty()) {
    return session.child_pid() == 0 ? ""
                                    : "which environment claude has is not known: it runs since "
                                      "before this coordinator, or its agent is of an older build";
  }
  if (from == "agent") return "";  // A problem.
  std::string text = absl::StrCat("claude has the environment of the ",
                                  from == "front end" ? "caller" : OrDash(from));
  if (from == "coordinator") absl::StrAppend(&text, ", since nobody had sent a message");
  absl::StrAppend(&text, " (", session.env_names_size(),
                  " variables): ", OneLine(absl::StrJoin(session.env_names(), ", ")));
  return text;
}

// What is wrong with its environment. Empty: nothing.
std::string EnvironmentProblem(const v1::SessionStatus& session) {
  if (session.env_from() == "agent") {
    return "claude has only what its agent has: an agent or a bridge of an older build passes no "
           "environment on, neither the host's nor yours";
  }
  if (session.env_lacks().empty()) return "";
  return absl::StrCat("claude's environment is too large and lacks ",
                      OneLine(absl::StrJoin(session.env_lacks(), ", ")),
                      "; unset what is large and not needed, or set these in `env`");
}

std::string SessionTable(const v1::GetStatusResponse& status, int64_t now_ms) {
  if (status.sessions().empty()) return "no conversations\n";
  Rows rows = {{"FROM", "TO", "STATE", "CLAUDE", "WAITING", "DONE", "USED", "SESSION"}};
  for (const v1::SessionStatus& session : status.sessions()) {
    rows.push_back({OneLine(session.from()), OneLine(session.to()),
                    OrDash(SessionStateWords(session, status)), NumberOrDash(session.child_pid()),
                    NumberOrDash(session.tells_waiting()), absl::StrCat(session.tells_done()),
                    Used(session.last_used_at_ms(), now_ms), session.session_id()});
  }
  return Table(rows);
}

std::string SessionDetails(const v1::SessionStatus& session) {
  std::string details;
  if (const std::string env = EnvironmentText(session); !env.empty()) {
    absl::StrAppend(&details, Pair(session), ": ", env, "\n");
  }
  if (const std::string cost = CostText(session.last_turn()); !cost.empty()) {
    absl::StrAppend(&details, Pair(session), ": last turn: ", OneLine(cost), "\n");
  }
  return details;
}

// What keeps a session from going on, and what to do about it.
std::string SessionNotes(const v1::SessionStatus& session) {
  std::string notes;
  if (!session.stall().empty()) {
    absl::StrAppend(&notes, Pair(session), ": ", OrDash(session.stall()), "\n");
  }
  if (session.has_trouble()) {
    absl::StrAppend(&notes, Pair(session),
                    ": the last message failed: ", Printable(Describe(session.trouble())), "\n");
  }
  if (const std::string problem = EnvironmentProblem(session); !problem.empty()) {
    absl::StrAppend(&notes, Pair(session), ": ", problem, "\n");
  }
  if (const std::string denied = DeniedText(session.last_turn()); !denied.empty()) {
    const absl::string_view fix = DeniedFix(session.last_turn());
    absl::StrAppend(&notes, Pair(session), ": last turn: ", OneLine(denied), fix.empty() ? "" : " ",
                    fix, "\n");
  }
  for (const v1::PendingPermission& permission : session.permissions()) {
    absl::StrAppend(&notes, OneLine(session.to()), " asks ", OneLine(session.from()), ": ",
                    OrDash(permission.text()), "; iris answer ",
                    OrDash(permission.request_id().substr(0, 8)), " allow|deny\n");
  }
  return notes;
}

std::string TeamTable(const v1::GetStatusResponse& status, const StatusView& view) {
  const std::vector<TeamLine> lines = TeamLines(status);
  if (lines.empty() && !view.team.empty()) {
    return absl::StrCat(OneLine(view.team), " has not been used yet\n");
  }
  if (lines.empty()) return "no team has been used yet; `iris teams` lists them\n";
  std::vector<std::vector<Cell>> rows;
  rows.push_back(Plain({"TEAM", "HOST", "STATE", "NOW", "USED"}));
  for (const TeamLine& line : lines) {
    rows.push_back(Plain({line.team, OrDash(line.host), OrDash(line.state), OrDash(line.now),
                          Used(line.last_used_ms, view.now_ms)}));
    rows.back()[2].tint = line.tint;
  }
  return FitTable(rows, view.screen);
}

std::string Notes(const v1::GetStatusResponse& status, const StatusView& view) {
  std::string notes;
  for (const v1::LinkStatus& link : status.links()) {
    absl::StrAppend(&notes, view.long_form ? LinkDetails(link, status) : "", LinkNotes(link));
  }
  for (const v1::SessionStatus& session : status.sessions()) {
    absl::StrAppend(&notes, view.long_form ? SessionDetails(session) : "", SessionNotes(session));
  }
  if (view.unread > 0) {
    absl::StrAppend(&notes, view.unread, view.unread == 1 ? " answer" : " answers",
                    " to read: iris tells\n");
  }
  return notes;
}

std::string ConfigProblem(const v1::GetStatusResponse& status) {
  if (!status.has_config_problem()) return "";
  return absl::StrCat(
      "the configuration cannot be used as it is now, and the last good one is in "
      "force: ",
      Printable(Describe(status.config_problem())), "\n");
}

}  // namespace

std::string StatusText(const v1::GetStatusResponse& status, const StatusView& view) {
  const std::string head = absl::StrCat(
      "iris ", Printable(status.daemon().build()), ", coordinator ", status.daemon().pid(), ", up ",
      ShowAge(status.uptime_ms()), ", ", Printable(status.daemon().config_path()), "\n");
  const std::string tables =
      view.long_form ? absl::StrCat(LinkTable(status), "\n", SessionTable(status, view.now_ms))
                     : TeamTable(status, view);
  const std::string notes = Notes(status, view);
  return absl::StrCat(head, ConfigProblem(status), "\n", tables, notes.empty() ? "" : "\n", notes);
}

v1::GetStatusResponse OnlyOf(const std::string& team, const v1::GetStatusResponse& status) {
  v1::GetStatusResponse only = status;
  only.clear_links();
  only.clear_sessions();
  for (const v1::LinkStatus& link : status.links()) {
    if (absl::c_linear_search(link.teams(), team)) *only.add_links() = link;
  }
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.to() == team) *only.add_sessions() = session;
  }
  // Its connection may carry others, which are not asked for.
  for (v1::LinkStatus& link : *only.mutable_links()) {
    link.clear_teams();
    link.add_teams(team);
  }
  return only;
}

}  // namespace iris
