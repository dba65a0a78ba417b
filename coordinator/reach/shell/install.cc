#include "coordinator/reach/shell/install.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_text.h"
#include "coordinator/reach/shell/install_script.h"

namespace iris {
namespace {

// There are six directories at most; more is a host that plays with us.
constexpr size_t kSkippedMax = 16;
constexpr size_t kReasonBytesMax = 300;

constexpr absl::string_view kFixPlace =
    "Set remoteOptions.agentDir to a directory that the account owns, can write, and can run "
    "programs in.";

// "word rest" → {"word", "rest"}.
std::pair<std::string, std::string> SplitWord(absl::string_view text) {
  return absl::StrSplit(text, absl::MaxSplits(' ', 1));
}

FailureKind KindFromWord(absl::string_view word) {
  if (word == "no_space") return v1::FAILURE_NO_SPACE;
  if (word == "not_executable") return v1::FAILURE_NOT_EXECUTABLE;
  if (word == "damaged") return v1::FAILURE_DROPPED;
  if (word == "storage") return v1::FAILURE_STORAGE;
  return v1::FAILURE_NO_AGENT_POSSIBLE;
}

absl::Status Unexpected(absl::string_view reply) {
  return MakeFailure(
      v1::FAILURE_NO_AGENT_POSSIBLE,
      absl::StrCat("the host's shell gave an answer that makes no sense: ",
                   PrintableHostText(reply, kReasonBytesMax)),
      "Check that `sh` on the host is a POSIX shell and has the usual commands (ls, dd, head).");
}

// The directories that the host has turned down so far.
class Skipped {
 public:
  // `agent_dir`: the only one there is, by the configuration; or empty.
  explicit Skipped(absl::string_view agent_dir) : agent_dir_(agent_dir) {}

  // `what` is "KIND DIR: WHY".
  absl::Status Add(absl::string_view what) {
    const auto [word, reason] = SplitWord(what);
    const FailureKind kind = KindFromWord(word);
    if (reasons_.size() == kSkippedMax) return Unexpected("more directories than there are");
    if (kind_ == v1::FAILURE_NO_AGENT_POSSIBLE) kind_ = kind;
    reasons_.push_back(PrintableHostText(reason, kReasonBytesMax));
    return absl::OkStatus();
  }

  absl::Status Failure() const {
    return MakeFailure(
        kind_,
        absl::StrCat(agent_dir_.empty() ? "the host has no directory for the agent. "
                                        : "remoteOptions.agentDir cannot be used: ",
                     reasons_.empty() ? "The account has no home directory and no user id"
                                      : absl::StrJoin(reasons_, "; ")),
        kind_ == v1::FAILURE_NO_AGENT_POSSIBLE ? kFixPlace : absl::string_view());
  }

 private:
  const absl::string_view agent_dir_;
  FailureKind kind_ = v1::FAILURE_NO_AGENT_POSSIBLE;
  std::vector<std::string> reasons_;
};

absl::StatusOr<const AgentBuild*> BuildFor(const AgentBundle& bundle, const std::string& system) {
  const auto [name, machine] = SplitWord(system);
  if (name == "Linux") return bundle.ForArch(PrintableHostText(machine, 32));
  return MakeFailure(v1::FAILURE_NO_AGENT_POSSIBLE,
                     absl::StrCat("the agent runs on Linux, and this host says that it is \"",
                                  PrintableHostText(system, 64), "\""),
                     "Use a Linux host, or a Linux container or virtual machine on this one.");
}

// The form ("gzip", "plain") in which the host wants the program; empty: it is there.
absl::StatusOr<std::string> AwaitReady(Dialogue& dialogue, absl::string_view agent_dir,
                                       absl::Time deadline) {
  Skipped skipped(agent_dir);
  while (true) {
    const absl::StatusOr<std::string> reply = dialogue.NextReply(deadline);
    if (!reply.ok()) return reply.status();
    const auto [verb, rest] = SplitWord(*reply);
    if (verb == "ready") return SplitWord(rest).first;
    if (verb == "intact") return "";
    if (verb == "nowhere") return skipped.Failure();
    if (verb != "skip") return Unexpected(*reply);
    if (absl::Status status = skipped.Add(rest); !status.ok()) return status;
  }
}

// One upload: what is sent, and what the host has taken of it by its own word. Bytes that only left
// this machine prove nothing: the client and the network hold megabytes of them.
class Upload {
 public:
  Upload(Dialogue& dialogue, absl::string_view bytes, const InstallRequest& request)
      : dialogue_(dialogue), bytes_(bytes), request_(request) {}

  // The host's last word.
  absl::StatusOr<std::string> Run() {
    size_t sent = 0;
    while (true) {
      const absl::Time until = std::min(report_at_, last_life_ + request_.silence_max);
      if (sent < bytes_.size()) {
        const absl::StatusOr<size_t> more = dialogue_.Send(bytes_.substr(sent), until);
        if (!more.ok()) return more.status();
        sent += *more;
      }
      const bool all_sent = sent == bytes_.size();
      const absl::StatusOr<std::string> reply =
          dialogue_.NextReply(all_sent ? until : absl::InfinitePast());
      if (!reply.ok() && KindOf(reply.status()) != v1::FAILURE_TIMEOUT) return reply.status();
      if (reply.ok() && !TakeProgress(*reply)) return *reply;
      if (absl::Now() >= last_life_ + request_.silence_max) return Silence();
      Report();
    }
  }

 private:
  // "got N": false where it is another reply.
  bool TakeProgress(const std::string& reply) {
    const auto [verb, number] = SplitWord(reply);
    uint64_t written = 0;
    if (verb != "got" || !absl::SimpleAtoi(number, &written)) return false;
    if (written <= written_ || written > bytes_.size()) return true;
    written_ = written;
    last_life_ = absl::Now();
    return true;
  }

  void Report() {
    const absl::Time now = absl::Now();
    if (now < report_at_) return;
    report_at_ = now + kProgressEvery;
    if (request_.on_progress) request_.on_progress(written_, bytes_.size());
  }

  absl::Status Silence() const {
    return MakeFailure(
        v1::FAILURE_TIMEOUT,
        absl::StrCat("the upload of the agent stopped after ", HowFar(written_, bytes_.size()),
                     ": the host has taken nothing for ",
                     absl::FormatDuration(request_.silence_max)),
        "It is tried again by itself. Look at the host's disk and load, and at the network "
        "between.");
  }

  Dialogue& dialogue_;
  const absl::string_view bytes_;
  const InstallRequest& request_;
  uint64_t written_ = 0;
  absl::Time last_life_ = absl::Now();
  absl::Time report_at_ = absl::InfinitePast();
};

absl::Status Installed(const std::string& reply) {
  const auto [verb, rest] = SplitWord(reply);
  if (verb == "installed") return absl::OkStatus();
  if (verb != "failed") return Unexpected(reply);
  const auto [word, reason] = SplitWord(rest);
  return MakeFailure(KindFromWord(word), absl::StrCat("the agent could not be installed in ",
                                                      PrintableHostText(reason, kReasonBytesMax)));
}

}  // namespace

std::string HowFar(uint64_t done, uint64_t total) {
  return absl::StrFormat("%.1f of %.1f MB", done / 1e6, total / 1e6);
}

absl::StatusOr<bool> InstallAgent(Dialogue& dialogue, const AgentBundle& bundle,
                                  const InstallRequest& request) {
  const absl::StatusOr<const AgentBuild*> build = BuildFor(bundle, request.system);
  if (!build.ok()) return build.status();
  const absl::StatusOr<const std::string*> gzip = bundle.Gzip(**build);
  if (!gzip.ok()) return gzip.status();

  const absl::Time answer_by = absl::Now() + request.answer_timeout;
  const std::string script = MakeInstallScript({.marker = request.marker,
                                                .agent_dir = request.agent_dir,
                                                .sha256 = (*build)->sha256,
                                                .bytes = (*build)->bytes,
                                                .gzip_bytes = (*gzip)->size()});
  const absl::StatusOr<size_t> sent = dialogue.Send(script, answer_by);
  if (!sent.ok()) return sent.status();
  const absl::StatusOr<std::string> form = AwaitReady(dialogue, request.agent_dir, answer_by);
  if (!form.ok()) return form.status();
  if (form->empty()) return false;

  absl::StatusOr<std::string> plain = "";
  if (*form == "plain") plain = bundle.Bytes(**build);
  if (!plain.ok()) return plain.status();
  if (*form != "plain" && *form != "gzip") return Unexpected(absl::StrCat("ready ", *form));
  const absl::StatusOr<std::string> reply =
      Upload(dialogue, *form == "gzip" ? **gzip : *plain, request).Run();
  if (!reply.ok()) return reply.status();
  if (absl::Status status = Installed(*reply); !status.ok()) return status;
  if (request.on_progress) {
    const size_t total = *form == "gzip" ? (*gzip)->size() : plain->size();
    request.on_progress(total, total);
  }
  return true;
}

}  // namespace iris
