#ifndef IRIS_TESTS_PROGRAMS_ARGUMENTS_H_
#define IRIS_TESTS_PROGRAMS_ARGUMENTS_H_

#include <optional>
#include <string>
#include <vector>

namespace iris::stub {

inline constexpr char kVersion[] = "2.1.330";

// What claude was started with, as far as the stub cares.
struct Arguments {
  std::vector<std::string> all;  // argv, for the word ARGS.
  bool version = false;
  bool print = false;
  bool verbose = false;
  bool replay_user_messages = false;
  bool skip_permissions = false;
  bool fork_session = false;
  std::string input_format = "text";
  std::string output_format = "text";
  std::string session_id;  // Empty = not given.
  std::string resume;      // Empty = not given.
  std::string permission_mode = "default";
  std::string permission_prompt_tool;
  std::string model = "claude-opus-5-5";
};

// Fills `arguments`. Returns what claude prints on stderr before it exits with 1, or nothing.
std::optional<std::string> ReadArguments(int argc, char** argv, Arguments* arguments);

// Whether `mode` is one that --permission-mode and set_permission_mode accept.
bool IsPermissionMode(const std::string& mode);

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_ARGUMENTS_H_
