#ifndef IRIS_COORDINATOR_STORE_STORE_TROUBLE_H_
#define IRIS_COORDINATOR_STORE_STORE_TROUBLE_H_

#include "absl/status/status.h"

namespace iris {

// What is wrong with a store, beside the words for people that every failure of it has.
enum class StoreTrouble {
  kNone,      // Of OK alone.
  kStorage,   // It takes nothing now, or says nothing: try again later.
  kConflict,  // Something else is there already: another holder, or another message with that id.
              // Trying again does not mend it.
  kLost,      // What was stored is damaged or gone: somebody has to act, nothing is known.
};

// `status`, which is not OK, with that trouble.
absl::Status WithTrouble(absl::Status status, StoreTrouble trouble);

// The trouble of a failure of a Store: what it was given, else kStorage.
StoreTrouble TroubleOf(const absl::Status& status);

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_TROUBLE_H_
