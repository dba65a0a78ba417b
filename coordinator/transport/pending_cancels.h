#ifndef IRIS_COORDINATOR_TRANSPORT_PENDING_CANCELS_H_
#define IRIS_COORDINATOR_TRANSPORT_PENDING_CANCELS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/string_view.h"

namespace iris {

// The tells of one session that were cancelled, and whose hosts are to hear of it, whenever they
// are in reach. Not thread-safe.
class PendingCancels {
 public:
  static constexpr size_t kCancelsMax = 1000;

  bool empty() const { return cancels_.empty(); }
  // `host`: as Transport::PassOnCancel() has it. Beyond the bound, or a second time: nothing.
  void Add(const std::string& tell_id, const std::string& host) {
    if (cancels_.size() >= kCancelsMax || Has(tell_id)) return;
    cancels_.push_back({.tell_id = tell_id, .host = host});
  }
  // Its host knows. False: there was none.
  bool Remove(absl::string_view tell_id) {
    return std::erase_if(cancels_, [&](const Entry& entry) { return entry.tell_id == tell_id; }) >
           0;
  }
  bool Has(absl::string_view tell_id) const {
    return absl::c_any_of(cancels_, [&](const Entry& entry) { return entry.tell_id == tell_id; });
  }
  // It is for another host, which is known: this one would say that it knows no such message.
  bool IsForOtherThan(absl::string_view host, absl::string_view tell_id) const {
    return absl::c_any_of(cancels_, [&](const Entry& entry) {
      return entry.tell_id == tell_id && !entry.IsFor(host);
    });
  }
  bool AnyFor(absl::string_view host) const {
    return absl::c_any_of(cancels_, [&](const Entry& entry) { return entry.IsFor(host); });
  }
  std::vector<std::string> TellIds() const {
    std::vector<std::string> ids;
    for (const Entry& entry : cancels_) ids.push_back(entry.tell_id);
    return ids;
  }

 private:
  struct Entry {
    std::string tell_id;
    std::string host;  // Empty: any.

    bool IsFor(absl::string_view some_host) const { return host.empty() || host == some_host; }
  };
  std::vector<Entry> cancels_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_PENDING_CANCELS_H_
