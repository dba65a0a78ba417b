#include "coordinator/link/link_facts.h"

#include "absl/strings/numbers.h"

namespace iris {

int64_t FactNumber(const v1::LinkStatus& link, absl::string_view name) {
  for (const v1::LinkFact& fact : link.facts()) {
    int64_t number = 0;
    if (fact.name() == name && absl::SimpleAtoi(fact.value(), &number)) return number;
  }
  return 0;
}

}  // namespace iris
