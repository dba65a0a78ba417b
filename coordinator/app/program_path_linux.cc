#include <filesystem>
#include <system_error>

#include "absl/strings/strip.h"
#include "coordinator/app/program_path.h"

namespace iris {

std::string ProgramPath() {
  std::error_code error;
  const std::string path = std::filesystem::read_symlink("/proc/self/exe", error).string();
  return std::string(absl::StripSuffix(path, " (deleted)"));
}

}  // namespace iris
