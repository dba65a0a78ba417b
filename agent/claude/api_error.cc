#include "agent/claude/api_error.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "common/failure/agent_fix.h"

namespace iris {
namespace {

constexpr absl::string_view kApiError = "API Error: ";
constexpr size_t kStatusDigits = 3;

// 0: it has none.
int64_t StatusIn(absl::string_view text) {
  const size_t at = text.find(kApiError);
  if (at == absl::string_view::npos) return 0;
  text.remove_prefix(at + kApiError.size());
  int64_t status = 0;
  const bool is_longer = text.size() > kStatusDigits && absl::ascii_isalnum(text[kStatusDigits]);
  return !is_longer && absl::SimpleAtoi(text.substr(0, kStatusDigits), &status) ? status : 0;
}

int64_t StatusOf(const PeerJson& result, absl::string_view text) {
  const PeerJson& status = MemberOf(result, "api_error_status");
  return status.is_number_integer() ? status.get<int64_t>() : StatusIn(text);
}

}  // namespace

absl::string_view FixForApiError(const PeerJson& result, absl::string_view text) {
  const int64_t status = StatusOf(result, text);
  switch (status) {
    case 0: {
      const bool of_api =
          TextIn(result, "terminal_reason") == "api_error" || absl::StartsWith(text, kApiError);
      const bool not_reached = of_api && absl::StrContains(text, "onnect");
      return not_reached ? kFixApiUnreached : absl::string_view();
    }
    case 401:
    case 403:
      return kFixApiLogin;
    case 404:
      return kFixApiModel;
    case 413:
      return kFixApiTooLarge;
    case 429:
    case 529:
      return kFixApiBusy;
    default:
      break;
  }
  if (status >= 500) return kFixApiFailed;
  return status >= 400 ? kFixApiRefused : absl::string_view();
}

}  // namespace iris
