#include "coordinator/reach/reaches.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "common/log/check.h"
#include "coordinator/reach/remote_kinds.h"

namespace iris {

void Reaches::Add(absl::string_view kind, std::unique_ptr<Reach> reach) {
  by_kind_[std::string(kind)] = std::move(reach);
}

bool Reaches::complete() const {
  return absl::c_all_of(RemoteKinds(), [this](const RemoteKind& kind) {
    return by_kind_.find(kind.name) != by_kind_.end();
  });
}

const Reach& Reaches::Of(const RemoteWay& way) const {
  const auto reach = by_kind_.find(KindFor(way.remote.program).name);
  Check(reach != by_kind_.end(), "a kind of host that has no reach");
  return *reach->second;
}

TargetPtr Reaches::To(const RemoteWay& way) const { return Of(way).To(way); }

TransportFactory* Reaches::WithoutAgent(const RemoteWay& way) const {
  return Of(way).WithoutAgent(way);
}

}  // namespace iris
