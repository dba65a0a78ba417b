#ifndef IRIS_COORDINATOR_CLI_RUN_H_
#define IRIS_COORDINATOR_CLI_RUN_H_

#include "coordinator/app/engine.h"

namespace iris {

// The whole of the program `iris`; returns its exit code.
//
//   0 done · 1 the tell or the coordinator failed · 2 wrong usage · 3 wrong configuration ·
//   4 the message is not answered yet
int RunIris(int argc, char** argv, const MakeEngine& make_engine);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_RUN_H_
