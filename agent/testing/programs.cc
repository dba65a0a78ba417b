#include "agent/testing/programs.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace iris {
namespace {

std::string Runfile(const std::string& path) {
  const char* root = getenv("TEST_SRCDIR");
  const char* workspace = getenv("TEST_WORKSPACE");
  const std::string file = std::string(root != nullptr ? root : "") + "/" +
                           (workspace != nullptr ? workspace : "") + "/" + path;
  if (access(file.c_str(), X_OK) != 0) {
    fprintf(stderr, "no runfile %s: run this test with `bazel test`\n", file.c_str());
    abort();
  }
  return file;
}

}  // namespace

std::string KeeperProgram() { return Runfile("agent/testing/keeper_program"); }

std::string StubClaude() { return Runfile("tests/programs/claude_stub_dynamic"); }

}  // namespace iris
