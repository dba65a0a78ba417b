#include "coordinator/transport/request_list.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/request/request_text.h"

namespace iris {
namespace {

constexpr size_t kIdShown = 8;
constexpr size_t kTellIdBytesMax = 36;

// A host may say anything.
bool IsWithinBounds(const v1::PendingRequest& request) {
  return IsRequestId(request.request_id()) && request.json().size() <= kRequestBytesMax &&
         request.tell_id().size() <= kTellIdBytesMax;
}

}  // namespace

bool RequestList::Add(v1::PendingRequest request, absl::string_view session_id) {
  size_t bytes = request.json().size();
  for (const v1::PendingRequest& open : requests_) bytes += open.json().size();
  if (requests_.size() >= kRequestsMax || bytes > kRequestsBytesMax) return false;
  if (!IsWithinBounds(request)) {
    LogWarn("session ", session_id, ": its host passes on a request that nobody can be asked");
    return false;
  }
  request.set_subtype("");  // The text says it.
  requests_.push_back(std::move(request));
  return true;
}

bool RequestList::Remove(absl::string_view request_id) {
  return std::erase_if(requests_, [&](const v1::PendingRequest& request) {
           return request.request_id() == request_id;
         }) > 0;
}

std::string AsksText(const v1::PendingRequest& request) {
  return absl::StrCat("claude waits for a permission (", RequestText(request), "): iris answer ",
                      request.request_id().substr(0, kIdShown), " allow|deny");
}

}  // namespace iris
