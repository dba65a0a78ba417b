#ifndef IRIS_COORDINATOR_CLI_MCP_UNSETTLED_H_
#define IRIS_COORDINATOR_CLI_MCP_UNSETTLED_H_

#include <cstddef>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace iris {

// A client's message, as it was read.
struct McpLine {
  std::string id;  // UUID, minted here.
  std::string json;
  absl::Time read_at;
};

// What coordinators have stored of a client's message.
struct McpAccepted {
  bool any = false;
  std::set<std::string> members;  // Of a batch: the tells' ids. Empty, with `any`: any may be.

  // Of the tell `id`, which the message or a member of it asks for.
  bool Has(const std::string& id) const {
    return any && (members.empty() || members.count(id) > 0);
  }
};

// The client's messages that the coordinator has not settled: to be sent again to the next one, or
// to be refused here. And the one that opened the session, which every later stream begins with.
//
// Thread-safe: lines are added by the thread that reads stdin, and settled by the one that reads
// the stream.
class UnsettledLines {
 public:
  // What is added beyond is not kept whole: it cannot be sent again, only refused.
  static constexpr size_t kWholeMax = 128;
  static constexpr size_t kWholeBytesMax = 32 << 20;

  std::shared_ptr<const McpLine> Add(std::string json);

  // The coordinator has stored what a line asks for; of a batch, what its member `member` does.
  // Empty: of a batch it is not known which.
  void Accept(const std::string& id, const std::string& member = "");
  // The coordinator has done with a line. False: with an opening that the client was answered
  // before, so that it must not hear this answer.
  bool Settle(const std::string& id, bool opening);

  bool empty() const;
  size_t settled() const;  // How many, ever.

  struct ToSendLine {
    std::shared_ptr<const McpLine> line;
    McpAccepted accepted;
  };
  // What to send on a new stream, in order: the opening, then what is kept whole.
  std::vector<ToSendLine> ToSend() const;

  // Takes out what is not kept whole, or everything; returns the answers that say `why`, to those
  // that are requests, and what is wrong to those that cannot be read. Where what was asked for is
  // stored, they say that too, and how to get it.
  std::vector<std::string> RefuseCut(const absl::Status& why) { return Refuse(why, true); }
  std::vector<std::string> RefuseAll(const absl::Status& why) { return Refuse(why, false); }

 private:
  struct Kept {
    std::shared_ptr<const McpLine> line;
    bool whole = true;  // Else `line` has just enough to be refused.
    McpAccepted accepted;
  };
  std::vector<std::string> Refuse(const absl::Status& why, bool only_cut);

  mutable absl::Mutex mutex_;
  std::list<Kept> lines_ ABSL_GUARDED_BY(mutex_);
  size_t whole_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t whole_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t settled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const McpLine> opening_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_UNSETTLED_H_
