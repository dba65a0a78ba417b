#include "coordinator/link/link_words.h"

namespace iris {

absl::string_view LinkStateWords(v1::LinkStatus::State state) {
  switch (state) {
    case v1::LinkStatus::DOWN:
      return "not connected";
    case v1::LinkStatus::CONNECTING:
      return "connecting";
    case v1::LinkStatus::BOOTSTRAPPING:
      return "starting the agent";
    case v1::LinkStatus::UP:
      return "connected";
    case v1::LinkStatus::SUSPECT:
      return "silent";
    case v1::LinkStatus::ENDING:
      return "closing";
    case v1::LinkStatus::WAITING:
      return "trying again soon";
    case v1::LinkStatus::BLOCKED:
      return "failed";
    default:
      return "unknown";
  }
}

}  // namespace iris
