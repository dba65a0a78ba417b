#include "agent/app/options.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

absl::Status BadRequest(absl::string_view detail) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, detail, "See `iris-agent help`.");
}

absl::Status Set(absl::string_view name, const std::string& value, Options& options) {
  if (name == "--home" || name == "--data") {
    if (!absl::StartsWith(value, "/")) {
      return BadRequest(absl::StrCat(name, " ", value, " is not an absolute path"));
    }
    (name == "--home" ? options.home : options.data) = value;
    return absl::OkStatus();
  }
  if (name == "--idle-exit-ms") {
    int64_t ms;
    if (!absl::SimpleAtoi(value, &ms) || ms < 1) {
      return BadRequest(absl::StrCat(name, " ", value, " is not a number of milliseconds"));
    }
    options.idle_exit = absl::Milliseconds(ms);
    return absl::OkStatus();
  }
  if (name == "--handed-over") {
    if (absl::SimpleAtoi(value, &options.handed_over) && options.handed_over > 2) {
      return absl::OkStatus();
    }
    return BadRequest(absl::StrCat(name, " ", value, " is no descriptor"));
  }
  return BadRequest(absl::StrCat("unknown argument ", name));
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& args) {
  Options options;
  for (size_t i = 0; i < args.size(); ++i) {
    const absl::string_view arg = args[i];
    const size_t equals = arg.find('=');
    const absl::string_view name = arg.substr(0, equals);
    std::string value;
    if (equals != absl::string_view::npos) {
      value = std::string(arg.substr(equals + 1));
    } else if (i + 1 < args.size()) {
      value = args[++i];
    }
    if (absl::Status status = Set(name, value, options); !status.ok()) return status;
  }
  return options;
}

std::vector<std::string> ArgumentsFor(const Options& options) {
  std::vector<std::string> args;
  if (!options.home.empty()) args.insert(args.end(), {"--home", options.home});
  if (!options.data.empty()) args.insert(args.end(), {"--data", options.data});
  if (options.idle_exit != Options().idle_exit) {
    args.insert(args.end(),
                {"--idle-exit-ms", absl::StrCat(absl::ToInt64Milliseconds(options.idle_exit))});
  }
  return args;
}

}  // namespace iris
