#ifndef IRIS_COMMON_PROCESS_FILE_SIZE_LIMIT_H_
#define IRIS_COMMON_PROCESS_FILE_SIZE_LIMIT_H_

namespace iris {

// From here on a write beyond the limit on the size of a file (`ulimit -f`) fails as EFBIG, and
// does not end this process. What Spawn() starts has SIGXFSZ as everybody has it.
void SurviveFileSizeLimit();

// Raises that limit as far as it may be: a daemon outlives the shell whose limit it was. What it
// starts has it too.
void RaiseFileSizeLimit();

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_FILE_SIZE_LIMIT_H_
