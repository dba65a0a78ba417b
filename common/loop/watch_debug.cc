// Has every loop of a debug build watched, and writes down what it finds.

#include <string>
#include <utility>

#include "common/log/log.h"
#include "common/loop/watchdog.h"

namespace iris {
namespace {

const bool is_installed = [] {
  const auto say = [](const CodePlace&, const std::string& text) { LogWarn(text); };
  Watchdog::Options options;
  options.note = options.fail = say;
  CallbackWatch* expected = nullptr;  // A test has its own.
  auto* const watchdog = new Watchdog(std::move(options));
  if (!CallbackWatch::installed.compare_exchange_strong(expected, watchdog)) delete watchdog;
  return true;
}();

}  // namespace
}  // namespace iris
