#ifndef IRIS_COORDINATOR_REACH_REACHES_H_
#define IRIS_COORDINATOR_REACH_REACHES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"
#include "coordinator/link/target.h"
#include "coordinator/reach/reach.h"
#include "coordinator/transport/transport_factory.h"

namespace iris {

// A Reach for each of RemoteKinds(): takes to each way the one of its kind. Thread-safe once all
// are added.
class Reaches final : public Reach {
 public:
  // `kind`: as RemoteKind::name.
  void Add(absl::string_view kind, std::unique_ptr<Reach> reach);
  // Whether each kind has one: else a `remote` that was read leads nowhere, which ends the process.
  bool complete() const;

  TargetPtr To(const RemoteWay& way) const override;
  TransportFactory* WithoutAgent(const RemoteWay& way) const override;

 private:
  const Reach& Of(const RemoteWay& way) const;

  std::map<std::string, std::unique_ptr<Reach>, std::less<>> by_kind_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_REACHES_H_
