// Has every loop of a test watched. Linked into whatever tools/cc_test.bzl makes.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "common/loop/watchdog.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

// Kept with the test's log.
void WriteDown(const std::string& text) {
  fprintf(stderr, "%s\n", text.c_str());
  const char* const outputs = getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (outputs == nullptr) return;
  FILE* const file = fopen((std::string(outputs) + "/slow_callbacks.txt").c_str(), "ae");
  if (file == nullptr) return;
  fprintf(file, "%s\n", text.c_str());
  fclose(file);
}

const bool is_installed = [] {
  Watchdog::Options options;
  options.note = [](const CodePlace&, const std::string& text) { WriteDown(text); };
  options.fail = [](const CodePlace& place, const std::string& text) {
    ADD_FAILURE_AT(place.file == nullptr ? "" : place.file, place.line) << text;
  };
  CallbackWatch::installed = new Watchdog(std::move(options));
  return true;
}();

}  // namespace
}  // namespace iris
