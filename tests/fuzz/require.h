#ifndef IRIS_TESTS_FUZZ_REQUIRE_H_
#define IRIS_TESTS_FUZZ_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

namespace iris {

// Ends the program, which the fuzzer takes for a find, unless `claim` holds. `what` is the claim as
// a sentence.
inline void Require(bool claim, const char* what) {
  if (claim) return;
  fprintf(stderr, "does not hold: %s\n", what);
  abort();
}

}  // namespace iris

#endif  // IRIS_TESTS_FUZZ_REQUIRE_H_
