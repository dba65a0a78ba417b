#include "coordinator/bootstrap/install.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "coordinator/bootstrap/host_text.h"
#include "coordinator/bootstrap/install_script.h"

namespace iris {
namespace {

// There are six directories at most; more is a host that plays with us.
constexpr size_t kSkippedMax = 16;
constexpr size_t kReasonBytesMax = 300;

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
    return MakeFailure(kind_,
                       absl::StrCat("the host has no directory for the agent. ",
                                    reasons_.empty() ? "It has no home directory and no user id"
                                                     : absl::StrJoin(reasons_, "; ")));
  }

 private:
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

// The form ("gzip", "plain") in which the host wants the program.
absl::StatusOr<std::string> AwaitReady(Dialogue& dialogue, absl::Time deadline) {
  Skipped skipped;
  while (true) {
    const absl::StatusOr<std::string> reply = dialogue.NextReply(deadline);
    if (!reply.ok()) return reply.status();
    const auto [verb, rest] = SplitWord(*reply);
    if (verb == "ready") return SplitWord(rest).first;
    if (verb == "nowhere") return skipped.Failure();
    if (verb != "skip") return Unexpected(*reply);
    if (absl::Status status = skipped.Add(rest); !status.ok()) return status;
  }
}

absl::Status AwaitInstalled(Dialogue& dialogue, absl::Time deadline) {
  const absl::StatusOr<std::string> reply = dialogue.NextReply(deadline);
  if (!reply.ok()) return reply.status();
  const auto [verb, rest] = SplitWord(*reply);
  if (verb == "installed") return absl::OkStatus();
  if (verb != "failed") return Unexpected(*reply);
  const auto [word, reason] = SplitWord(rest);
  return MakeFailure(KindFromWord(word), absl::StrCat("the agent could not be installed in ",
                                                      PrintableHostText(reason, kReasonBytesMax)));
}

}  // namespace

absl::Status InstallAgent(Dialogue& dialogue, const AgentBundle& bundle,
                          const InstallRequest& request) {
  const absl::StatusOr<const AgentBuild*> build = BuildFor(bundle, request.system);
  if (!build.ok()) return build.status();
  const absl::StatusOr<const std::string*> gzip = bundle.Gzip(**build);
  if (!gzip.ok()) return gzip.status();

  const absl::Time answer_by = absl::Now() + request.answer_timeout;
  absl::Status status = dialogue.Send(MakeInstallScript({.marker = request.marker,
                                                         .agent_dir = request.agent_dir,
                                                         .sha256 = (*build)->sha256,
                                                         .bytes = (*build)->bytes,
                                                         .gzip_bytes = (*gzip)->size()}),
                                      answer_by, nullptr);
  if (!status.ok()) return status;
  const absl::StatusOr<std::string> form = AwaitReady(dialogue, answer_by);
  if (!form.ok()) return form.status();

  const absl::Time upload_by = absl::Now() + request.upload_timeout;
  const auto send = [&](const std::string& bytes) {
    return dialogue.Send(bytes, upload_by, [&](size_t sent) {
      if (request.on_sent) request.on_sent(sent, bytes.size());
    });
  };
  if (*form == "gzip") {
    status = send(**gzip);
  } else if (*form == "plain") {
    const absl::StatusOr<std::string> bytes = bundle.Bytes(**build);
    if (!bytes.ok()) return bytes.status();
    status = send(*bytes);
  } else {
    return Unexpected(absl::StrCat("ready ", *form));
  }
  return status.ok() ? AwaitInstalled(dialogue, upload_by) : status;
}

}  // namespace iris
