#ifndef IRIS_COORDINATOR_APP_PROGRAM_PATH_H_
#define IRIS_COORDINATOR_APP_PROGRAM_PATH_H_

#include <string>

namespace iris {

// The absolute path of the program that runs, symbolic links resolved; of its old place if somebody
// replaced it meanwhile.
std::string ProgramPath();

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_PROGRAM_PATH_H_
