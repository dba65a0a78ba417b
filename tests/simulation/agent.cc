#include "tests/simulation/agent.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/inventory/session_context.h"
#include "common/base/ids.h"
#include "common/version/version.h"

namespace iris::simulation {
namespace {

namespace fs = std::filesystem;

// Of every segment below `dir`.
std::map<std::string, uintmax_t> SegmentSizes(const std::string& dir) {
  std::map<std::string, uintmax_t> sizes;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.path().extension() == ".seg") sizes[entry.path()] = entry.file_size();
  }
  return sizes;
}

// Which conversation a claude is started for.
std::string SessionOf(const ChildSpec& spec) {
  for (size_t i = 0; i + 1 < spec.args.size(); ++i) {
    if (spec.args[i] == "--session-id" || spec.args[i] == "--resume") return spec.args[i + 1];
  }
  return "";
}

}  // namespace

Host::Host(World& world, const Desk& desk, std::string dir, const Journal::Limits& limits)
    : world_(world), desk_(desk), dir_(std::move(dir)), limits_(limits) {
  fs::create_directory(dir_ + "/sessions");
}

Host::~Host() {
  EndAgent();
  for (const auto& [session_id, transcript] : claudes_.transcripts) {
    unlink(transcript.path.c_str());
    unlink(desk_.ClaimOf(session_id).c_str());
  }
}

void Host::Start() {
  agent_ = std::make_unique<Agent>();
  agent_->incarnation = NewUuid();
  agent_->loop = std::make_unique<EventLoop>([this] { return world_.now(); });
  SessionContext identity{.incarnation = agent_->incarnation,
                          .boot_id = absl::StrCat("boot-", boots_),
                          .pid_namespace = "pid:[1]",
                          .hostname = "simulated",
                          .keeper_program = "/bin/true",
                          .home = desk_.home(),
                          .sessions_dir = dir_ + "/sessions",
                          .program_dirs = {},
                          .child_env = {}};
  SessionTableOptions world;
  world.start_child = [this](EventLoop&, const ChildSpec& spec, ChildSink& sink) {
    return StartClaude(spec, sink);
  };
  world.sync = [this](const std::string& path) { return Sync(path); };
  world.journal = limits_;
  world.find_keepers = [] { return std::map<std::string, ProcessId>(); };
  world.kill_strays = [](const std::string&) { return size_t{0}; };
  agent_->sessions =
      std::make_unique<SessionTable>(*agent_->loop, std::move(identity), std::move(world));
  agent_->sessions->Load();
  agent_->service =
      AgentService::Make(*agent_->loop, *agent_->sessions,
                         {.get_host = [] { return v1::GetHostResponse(); }, .on_shutdown = [] {}});
  world_.Note("the agent is up");
}

absl::StatusOr<std::unique_ptr<Child>> Host::StartClaude(const ChildSpec& spec, ChildSink& sink) {
  const std::string session_id = SessionOf(spec);
  if (Runs(session_id)) world_.Violation("a claude was started beside another one");
  claudes_.transcripts[session_id].path = desk_.TranscriptOf(session_id);
  const auto claude = std::make_shared<Claude>(world_, claudes_, session_id);
  started_[session_id] = claude;
  claude->Start(sink);
  return std::make_unique<ClaudeChild>(claude);
}

bool Host::Runs(const std::string& session_id) const {
  const auto found = started_.find(session_id);
  return found != started_.end() && found->second->runs();
}

std::vector<std::shared_ptr<Claude>> Host::running() const {
  std::vector<std::shared_ptr<Claude>> running;
  for (const auto& [session_id, claude] : started_) {
    if (claude->runs()) running.push_back(claude);
  }
  return running;
}

v1::Hello Host::hello() const {
  v1::Hello hello;
  hello.set_incarnation(agent_->incarnation);
  hello.set_hostname("simulated");
  hello.set_build_number(kBuildNumber);
  hello.mutable_protocol()->set_min(kProtocolMin);
  hello.mutable_protocol()->set_max(kProtocolMax);
  return hello;
}

void Host::Accept(std::shared_ptr<Wire> wire) {
  agent_->channels.push_back(
      ServerChannel::Make(world_, std::move(wire), *agent_->loop, *agent_->service));
}

bool Host::RunReady() { return agent_ != nullptr && agent_->loop->RunReady(); }

absl::Duration Host::next() const {
  if (agent_ == nullptr) return absl::InfiniteDuration();
  return agent_->loop->next_timer().value_or(absl::InfiniteDuration());
}

// ------------------------------------------------------------------------------------------ losses

absl::Status Host::Sync(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return absl::OkStatus();  // Trimmed meanwhile.
  if (S_ISDIR(info.st_mode)) {
    for (const auto& entry : fs::directory_iterator(path)) durable_names_.insert(entry.path());
  } else {
    synced_[path] = static_cast<uintmax_t>(info.st_size);
  }
  return absl::OkStatus();
}

// Frees everything of this life, of which nothing reaches the disk any more.
void Host::EndAgent() {
  if (agent_ == nullptr) return;
  const std::string sessions = dir_ + "/sessions", aside = dir_ + "/aside";
  fs::rename(sessions, aside);
  const std::map<std::string, uintmax_t> sizes = SegmentSizes(aside);
  for (const auto& [session_id, claude] : started_) {
    claude->Detach();
    claude->CloseStdin();
  }
  for (const std::shared_ptr<ServerChannel>& channel : agent_->channels) channel->Abandon();
  // Streams let go of their handlers on the loop.
  while (agent_->loop->RunReady()) {
  }
  agent_->sessions.reset();
  agent_->loop.reset();
  for (const std::shared_ptr<ServerChannel>& channel : agent_->channels) channel->Drop();
  agent_.reset();
  // Segments alone are held open; they only grow.
  for (const auto& [path, size] : sizes) {
    if (fs::file_size(path) > size) fs::resize_file(path, size);
  }
  fs::remove_all(sessions);  // What a life writes that has ended.
  fs::rename(aside, sessions);
}

void Host::Lose(Loss loss) {
  constexpr const char* kNames[] = {"the agent is killed", "the host loses power",
                                    "the agent is killed, and its files go",
                                    "the host is put back to a copy"};
  world_.Note(kNames[static_cast<int>(loss)]);
  EndAgent();
  if (loss == Loss::kWiped) {
    fs::remove_all(dir_ + "/sessions");
    fs::create_directory(dir_ + "/sessions");
  }
  if (loss != Loss::kPower && loss != Loss::kPutBack) return;
  for (const auto& [session_id, claude] : started_) claude->Die(/*by_signal=*/true, 9);
  ++boots_;
  loss == Loss::kPower ? LosePower() : PutBack();
}

void Host::Copy() {
  world_.Note("the host is copied");
  fs::remove_all(CopyDir());
  fs::create_directory(CopyDir());
  fs::copy(dir_ + "/sessions", CopyDir() + "/sessions", fs::copy_options::recursive);
  for (const auto& [session_id, transcript] : claudes_.transcripts) {
    if (fs::exists(transcript.path)) fs::copy_file(transcript.path, CopyDir() + "/" + session_id);
  }
  copied_turns_ = claudes_.turns;
  copied_order_ = claudes_.order;
}

void Host::PutBack() {
  fs::remove_all(dir_ + "/sessions");
  fs::create_directory(dir_ + "/sessions");
  if (fs::exists(CopyDir())) {
    fs::copy(CopyDir() + "/sessions", dir_ + "/sessions", fs::copy_options::recursive);
  }
  for (auto& [session_id, transcript] : claudes_.transcripts) {
    transcript.file.Reset();
    fs::remove(transcript.path);
    const std::string copy = CopyDir() + "/" + session_id;
    if (fs::exists(copy)) fs::copy_file(copy, transcript.path);
  }
  claudes_.turns = copied_turns_;
  claudes_.order = copied_order_;
}

void Host::LosePower() {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(dir_ + "/sessions")) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const bool segment = absl::EndsWith(file, ".seg");
    // Lease, child and launch spec are durable before anybody is answered.
    if (!segment && !absl::EndsWith(file, "/tells")) continue;
    if (segment && durable_names_.count(file) == 0 && world_.OneIn(2)) {
      fs::remove(file);
    } else {
      CutFile(file);
    }
  }
}

// What was written since the last sync is there, or some of it, or other bytes in its place.
void Host::CutFile(const std::string& path) {
  const uintmax_t size = fs::file_size(path), kept = std::min(synced_[path], size);
  if (world_.OneIn(3)) return;
  const uintmax_t to = kept + world_.Below(size - kept + 1);
  fs::resize_file(path, to);
  if (world_.OneIn(2) && to < size) fs::resize_file(path, size);  // Zeros.
}

}  // namespace iris::simulation
