#ifndef IRIS_AGENT_TESTING_PROGRAMS_H_
#define IRIS_AGENT_TESTING_PROGRAMS_H_

#include <string>

namespace iris {

// Absolute paths of programs that tests start. Aborts where the runfiles are missing: they run
// under Bazel only.

// What SessionContext::keeper_program and ChildSpec::keeper_program name.
std::string KeeperProgram();
// The stub claude (tests/programs/README.md), a file named `claude_stub_dynamic`.
std::string StubClaude();

}  // namespace iris

#endif  // IRIS_AGENT_TESTING_PROGRAMS_H_
