#include "coordinator/transport/name_takeover.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr absl::string_view kGeneral = "iris takeover TEAM";

}  // namespace

absl::Status NameTakeover(const absl::Status& status, const SessionKey& key) {
  if (status.ok()) return status;
  const Failure failure = ToProto(status);
  if (!absl::StrContains(failure.fix(), kGeneral)) return status;
  const std::string command = absl::StrCat("iris takeover ", key.to, " --from ", key.from);
  return MakeFailure(KindOf(failure), failure.detail(),
                     absl::StrReplaceAll(failure.fix(), {{kGeneral, command}}));
}

}  // namespace iris
