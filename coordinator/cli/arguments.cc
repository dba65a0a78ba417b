#include "coordinator/cli/arguments.h"

#include <cstring>

namespace iris {

std::vector<std::string> TakeArguments(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  bool has_message = false;
  for (int i = 1; i < argc; ++i) {
    if (has_message) std::memset(argv[i], 0, std::strlen(argv[i]));
    has_message = has_message || arguments[i] == "tell" || arguments[i] == "answer";
  }
  return arguments;
}

}  // namespace iris
