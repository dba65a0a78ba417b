#ifndef IRIS_COORDINATOR_LINK_LINK_NAMES_H_
#define IRIS_COORDINATOR_LINK_LINK_NAMES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Tells links of one name apart, for people: adds to the keys of `links` that are alike the
// destination as it is written (`written`, one for each link), else the first of their teams, else
// their ids. Other keys stay as they are.
void DistinguishLinks(const std::vector<std::string>& written, std::vector<v1::LinkStatus>& links);

// LinkLife::identity of a link with this ResolvedTarget::key. Two coordinators may have links
// alike, and lend different keys.
std::string LinkIdentity(absl::string_view coordinator_id, absl::string_view key);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_NAMES_H_
