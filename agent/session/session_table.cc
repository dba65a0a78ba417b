#include "agent/session/session_table.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/process/slow_work.h"
#include "agent/session/claim.h"
#include "agent/session/handed_child.h"
#include "agent/session/session_files.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kIdBytesShown = 64;
constexpr size_t kShownMax = 8;  // Teams whose messages are open.

SessionContext WithAge(SessionContext context, const HostAge& age) {
  context.host_age = [&age] { return age.Age(); };
  return context;
}

std::unique_ptr<JournalSync> MakeDisk(EventLoop& loop, const SessionTableOptions& options) {
  return options.sync == nullptr
             ? std::make_unique<JournalSync>(loop, options.journal_quota_bytes)
             : std::make_unique<JournalSync>(loop, options.sync, options.journal_quota_bytes);
}

}  // namespace

SessionTable::SessionTable(EventLoop& loop, SessionContext context, SessionTableOptions options)
    : loop_(loop),
      options_(std::move(options)),
      age_(absl::StrCat(context.sessions_dir, "/age"), options_.now, options_.monotonic),
      context_(WithAge(std::move(context), age_)),
      retention_(context_.sessions_dir, options_.now),
      house_timer_(loop),
      disk_(MakeDisk(loop, options_)),
      unopened_(*disk_),
      rest_(loop, absl::StrCat(context_.sessions_dir, "/resting"), context_.boot_id,
            options_.note_rest_every, sessions_, unopened_) {}

SessionTable::~SessionTable() {
  rest_.NoteAll();
  if (const absl::Status saved = age_.Save(); !saved.ok()) LogWarn(saved.message());
}

absl::StatusOr<uint64_t> SessionTable::Acquire(const v1::AcquireRequest& request) {
  if (!IsUuid(request.session_id()) || !IsUuid(request.coordinator_id())) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "session and coordinator ids must be UUIDs");
  }
  if (unopened_.Has(request.session_id())) {
    if (absl::Status opened = OpenUnopened(request.session_id()); !opened.ok()) return opened;
  }
  if (const auto known = sessions_.find(request.session_id()); known != sessions_.end()) {
    rest_.OnAskedFor(request.session_id());
    return known->second->Acquire(request);
  }
  if (!request.takeover() && request.has_if_epoch() && request.if_epoch() != 0) {
    return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                       absl::StrCat("session ", request.session_id(), " on ", context_.hostname,
                                    " has no epoch ", request.if_epoch()));
  }
  if (!MakeRoom()) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat("the agent on ", context_.hostname, " holds ", size(),
                                    " sessions already, and none is idle"),
                       kFixSleep);
  }
  absl::StatusOr<std::unique_ptr<Session>> session = OpenSession(request.session_id());
  if (!session.ok()) return session.status();
  absl::StatusOr<uint64_t> epoch = (*session)->Acquire(request);
  if (!epoch.ok()) return epoch;
  sessions_[request.session_id()] = *std::move(session);
  rest_.OnAskedFor(request.session_id());
  return epoch;
}

absl::StatusOr<std::unique_ptr<Session>> SessionTable::OpenSession(const std::string& session_id) {
  const std::string dir = retention_.DirOf(session_id);
  absl::StatusOr<std::unique_ptr<SessionFiles>> files =
      SessionFiles::Open(*disk_, dir, context_.incarnation, options_.journal);
  if (absl::IsDataLoss(files.status())) {
    retention_.PutAside(session_id, files.status());
    files = SessionFiles::Open(*disk_, dir, context_.incarnation, options_.journal);
  }
  if (!files.ok()) return files.status();
  const auto stray = stray_keepers_.find(session_id);
  const auto before = before_.extract(session_id);
  return std::make_unique<Session>(loop_, context_, session_id, *std::move(files),
                                   stray != stray_keepers_.end() ? stray->second : ProcessId(),
                                   before.empty() ? nullptr : before.mapped(), options_.start_child,
                                   options_.kill_strays);
}

absl::Status SessionTable::OpenUnopened(const std::string& session_id) {
  rest_.OnAskedFor(session_id);
  absl::StatusOr<std::unique_ptr<Session>> session = OpenSession(session_id);
  if (!session.ok()) return session.status();
  unopened_.Remove(session_id);
  sessions_[session_id] = *std::move(session);
  return absl::OkStatus();
}

void SessionTable::Load(const google::protobuf::RepeatedPtrField<handover::Session>& before) {
  for (const handover::Session& session : before) before_[session.session_id()] = &session;
  stray_keepers_ = options_.find_keepers();
  LoadFiles();
  for (const auto& [id, session] : std::exchange(before_, {})) {
    LogError("session ", id, " was handed over, and cannot be opened");
    LetChildFinish(*session);
  }
}

void SessionTable::LoadFiles() {
  RestNotes::ById resting = rest_.Load();
  const absl::StatusOr<std::vector<std::string>> listed = retention_.Sessions();
  if (!listed.ok()) return LogError(listed.status().message());
  const std::vector<std::string>& found = *listed;
  for (const std::string& id : found) {
    if (!MakeRoom()) {
      LogWarn(found.size(), " sessions are kept; ", id, " and others are left out");
      break;
    }
    const auto noted = resting.extract(id);
    if (!noted.empty() && !stray_keepers_.contains(id) && !before_.contains(id) &&
        unopened_.Add(noted.mapped(), retention_.DirOf(id))) {
      age_.AtLeast(UnopenedSessions::UsedAt(noted.mapped()));
      continue;
    }
    rest_.OnAskedFor(id);
    absl::StatusOr<std::unique_ptr<Session>> session = OpenSession(id);
    if (!session.ok()) {
      LogError("session ", id, " is left out: ", session.status().message());
      continue;
    }
    age_.AtLeast((*session)->used_at());
    sessions_[id] = *std::move(session);
  }
  for (const auto& [id, gone] : resting) rest_.OnAskedFor(id);
  DropClaimsOfUnopened();
  KeepHouse();
  ArmHouse();
}

std::string SessionTable::WhyNoHandover() const {
  if (closing_all_) return "the agent is leaving";
  for (const auto& [id, session] : sessions_) {
    const std::string why = session->WhyNoHandover();
    if (!why.empty()) return absl::StrCat("session ", id, ": ", why);
  }
  return "";
}

void SessionTable::ForgetFencedReaders() {
  for (const auto& [id, session] : sessions_) session->ForgetFencedReaders();
}

google::protobuf::RepeatedPtrField<handover::Session> SessionTable::HandOver() const {
  google::protobuf::RepeatedPtrField<handover::Session> handed_over;
  for (const auto& [id, session] : sessions_) {
    std::optional<handover::Session> state = session->HandOver();
    if (state.has_value()) *handed_over.Add() = *std::move(state);
  }
  return handed_over;
}

absl::StatusOr<Session*> SessionTable::Find(const std::string& session_id, uint64_t epoch) {
  if (unopened_.Has(session_id)) {
    const absl::Status opened = OpenUnopened(session_id);
    // Whoever acquires it hears why.
    if (!opened.ok()) LogError("session ", session_id, " is left out: ", opened.message());
  }
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the agent on ", context_.hostname, " holds no session ",
                                    CutUtf8(session_id, kIdBytesShown)));
  }
  const absl::Status leased = found->second->CheckEpoch(epoch);
  if (!leased.ok()) return leased;
  rest_.OnAskedFor(session_id);
  return found->second.get();
}

v1::ListResponse SessionTable::List() const {
  v1::ListResponse response;
  for (const auto& [id, session] : sessions_) *response.add_sessions() = session->Info();
  for (const auto& [id, resting] : unopened_.all()) {
    *response.add_sessions() = unopened_.Info(resting);
  }
  std::sort(response.mutable_sessions()->pointer_begin(),
            response.mutable_sessions()->pointer_end(),
            [](const v1::SessionInfo* one, const v1::SessionInfo* other) {
              return one->session_id() < other->session_id();
            });
  return response;
}

void SessionTable::CloseAll(CloseDone done) {
  closing_all_ = true;
  std::vector<Session*> all;
  for (const auto& [id, session] : sessions_) all.push_back(session.get());
  Close(all, std::move(done));
}

void SessionTable::CloseOf(const std::string& coordinator_id, CloseDone done) {
  std::vector<Session*> held;
  for (const auto& [id, session] : sessions_) {
    if (session->lease().holder() == coordinator_id) held.push_back(session.get());
  }
  Close(held, std::move(done));
}

void SessionTable::Close(const std::vector<Session*>& sessions, CloseDone done) {
  struct Waiting {
    size_t left = 1;  // One for this call itself.
    size_t ended = 0;
    CloseDone done;
    void OneDone(bool was_running) {
      if (was_running) ++ended;
      if (--left == 0) done(ended);
    }
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  for (Session* const session : sessions) {
    ++waiting->left;
    session->Close(absl::ZeroDuration(),
                   [waiting](bool was_running) { waiting->OneDone(was_running); });
  }
  waiting->OneDone(false);
}

SessionTable::OthersTells SessionTable::TellsOfOthers(const std::string& coordinator_id) const {
  OthersTells others;
  std::map<std::pair<std::string, std::string>, size_t> open;  // By team and label.
  for (const auto& [id, session] : sessions_) {
    if (session->lease().holder() == coordinator_id) continue;
    const size_t tells = session->OpenTells().size();
    if (tells == 0) continue;
    others.count += tells;
    open[{session->team(), session->lease().label()}] += tells;
  }
  size_t shown = 0;
  for (const auto& [whose, tells] : open) {
    if (shown == kShownMax) {
      absl::StrAppend(&others.whose, ", and ", open.size() - shown, " more");
      break;
    }
    absl::StrAppend(&others.whose, shown++ == 0 ? "" : ", ", tells, " of team ", whose.first, " (",
                    whose.second, ")");
  }
  return others;
}

void SessionTable::Count(v1::Hello& hello) const {
  constexpr size_t kTeamsMax = 16;
  std::set<std::string> teams;
  uint32_t active = 0;
  for (const auto& [id, session] : sessions_) {
    if (!session->active()) continue;
    ++active;
    if (teams.size() < kTeamsMax) teams.insert(session->team());
  }
  hello.set_sessions_active(active);
  for (const std::string& team : teams) hello.add_active_teams(team);
}

size_t SessionTable::running_children() const {
  size_t count = 0;
  for (const auto& [id, session] : sessions_) count += session->has_child() ? 1 : 0;
  return count;
}

bool SessionTable::idle() const {
  for (const auto& [id, session] : sessions_) {
    if (session->active()) return false;
  }
  return true;
}

bool SessionTable::has_unacknowledged() const {
  for (const auto& [id, session] : sessions_) {
    if (session->journal().has_unacknowledged()) return true;
  }
  return false;
}

// -------------------------------------------------------------- what nobody uses, and what is held

void SessionTable::ArmHouse() {
  house_timer_.Set(options_.house_every, [this] {
    KeepHouse();
    ArmHouse();
  });
}

void SessionTable::KeepHouse() {
  OpenWhatIsOver();
  std::vector<std::string> over;
  for (const auto& [id, session] : sessions_) {
    const std::string why = Retention::WhyOver(UseOf(*session));
    if (why.empty()) continue;
    LogInfo("session ", id, " is removed: ", why);
    over.push_back(id);
  }
  for (const std::string& id : over) Remove(id);
  retention_.RemoveDamaged();
  SweepClaimFolders();
  if (const absl::Status saved = age_.Save(); !saved.ok()) LogWarn(saved.message());
}

// What their files say decides.
void SessionTable::OpenWhatIsOver() {
  std::vector<std::string> over;
  for (const auto& [id, resting] : unopened_.all()) {
    if (!Retention::WhyOver(UseOf(resting)).empty()) over.push_back(id);
  }
  for (const std::string& id : over) {
    const absl::Status opened = OpenUnopened(id);
    if (!opened.ok()) LogError("session ", id, " is not removed: ", opened.message());
  }
}

Retention::Use SessionTable::UseOf(const Session& session) const {
  return {.is_deserted = session.deserted(),
          .is_clean = IsClean(session),
          .unused = age_.Age() - session.used_at(),
          .open_tells = session.OpenTells().size(),
          .journal_bytes = session.journal().bytes()};
}

Retention::Use SessionTable::UseOf(const saved::Resting& resting) const {
  return {.is_deserted = true,
          .is_clean = true,
          .unused = age_.Age() - UnopenedSessions::UsedAt(resting),
          .journal_bytes = resting.journal_bytes()};
}

void SessionTable::Remove(const std::string& session_id) {
  rest_.OnAskedFor(session_id);
  sessions_.erase(session_id);
  retention_.Remove(session_id);
}

std::string SessionTable::LongestUnused() const {
  std::string longest;
  absl::Duration unused = -absl::InfiniteDuration();
  const auto consider = [&](const std::string& id, const Retention::Use& use) {
    if (!use.is_clean || use.unused <= unused) return;
    longest = id;
    unused = use.unused;
  };
  for (const auto& [id, session] : sessions_) consider(id, UseOf(*session));
  for (const auto& [id, resting] : unopened_.all()) consider(id, UseOf(resting));
  return longest;
}

bool SessionTable::MakeRoom() {
  while (size() >= options_.sessions_max) {
    const std::string longest = LongestUnused();
    if (longest.empty()) return false;
    if (unopened_.Has(longest)) {
      const absl::Status opened = OpenUnopened(longest);
      if (opened.ok()) continue;  // What its files say decides.
      // Its files stay; the next agent tries again.
      LogError("session ", longest, " is left out, and makes room: ", opened.message());
      unopened_.Remove(longest);
      continue;
    }
    LogInfo("session ", longest, ", unused for ",
            absl::FormatDuration(UseOf(*sessions_.at(longest)).unused), ", makes room");
    Remove(longest);
  }
  return true;
}

// As opening them would: an earlier agent may have been killed before it could, and no child of
// theirs runs. All in one piece, which takes the place of one among what waits.
void SessionTable::DropClaimsOfUnopened() const {
  std::vector<std::string> paths;
  for (const auto& [id, resting] : unopened_.all()) {
    if (!resting.claim().empty()) paths.push_back(resting.claim());
  }
  if (paths.empty()) return;
  OrAtOnce(context_.slow_work)
      .Run(
          "claims of sessions that rest", absl::InfiniteDuration(),
          [paths = std::move(paths), ours = OurClaim(context_, {})] {
            for (const std::string& path : paths) DropClaim(path, ours);
          },
          [](const absl::Status&) {});
}

void SessionTable::SweepClaimFolders() const {
  std::set<std::string> folders;
  const auto sweep = [&](const std::string& path) {
    if (path.empty() || !folders.insert(path.substr(0, path.rfind('/'))).second) return;
    OrAtOnce(context_.slow_work)
        .Run(
            "old claims", absl::InfiniteDuration(),
            [path, now = options_.now()] { SweepClaims(path, now); }, [](const absl::Status&) {});
  };
  for (const auto& [id, session] : sessions_) sweep(session->claim().path());
  for (const auto& [id, resting] : unopened_.all()) sweep(resting.claim());
}

v1::HostHoldings SessionTable::Holdings() const {
  v1::HostHoldings holdings;
  absl::Duration longest;
  holdings.set_sessions(static_cast<uint32_t>(size()));
  for (const auto& [id, session] : sessions_) {
    const v1::SessionState state = session->state();
    if (session->has_child()) holdings.set_with_child(holdings.with_child() + 1);
    if (state == v1::SESSION_DRAINING) holdings.set_draining(holdings.draining() + 1);
    if (state == v1::SESSION_UNVERIFIABLE) holdings.set_unverifiable(holdings.unverifiable() + 1);
    if (session->claim().is_held()) holdings.set_claims(holdings.claims() + 1);
    const Journal& journal = session->journal();
    if (journal.has_unacknowledged()) {
      holdings.set_unacknowledged_bytes(holdings.unacknowledged_bytes() + journal.bytes());
    }
    longest = std::max(longest, UseOf(*session).unused);
  }
  for (const auto& [id, resting] : unopened_.all()) {
    longest = std::max(longest, UseOf(resting).unused);
  }
  holdings.set_journal_bytes(disk_->kept_bytes());
  holdings.set_journal_quota_bytes(disk_->quota_bytes());
  holdings.set_longest_unused_ms(absl::ToInt64Milliseconds(longest));
  holdings.set_damaged(static_cast<uint32_t>(retention_.damaged()));
  struct statvfs disk;
  if (statvfs(context_.sessions_dir.c_str(), &disk) == 0) {
    holdings.set_free_disk_bytes(static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize);
  }
  return holdings;
}

}  // namespace iris
