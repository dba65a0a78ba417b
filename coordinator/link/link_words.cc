#include "coordinator/link/link_words.h"

namespace iris {
namespace {

struct StateWords {
  absl::string_view state;
  absl::string_view words;
};

constexpr StateWords kStates[] = {
    {"down", "not connected"},
    {"connecting", "connecting"},
    {"bootstrapping", "starting the agent"},
    {"up", "connected"},
    {"suspect", "silent"},
    {"ending", "closing"},
    {"waiting", "trying again soon"},
    {"blocked", "failed"},
};

}  // namespace

absl::string_view LinkStateWords(absl::string_view state) {
  for (const StateWords& known : kStates) {
    if (known.state == state) return known.words;
  }
  return state;
}

}  // namespace iris
