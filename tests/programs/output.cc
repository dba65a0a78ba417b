#include "tests/programs/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace iris::stub {
namespace {

Json WithoutNews(Json json) {
  for (const char* key : {"capabilities", "user_message_uuid", "user_message_uuids"}) {
    json.erase(key);
  }
  if (Json answer = ObjectAt(ObjectAt(json, "response"), "response"); !answer.empty()) {
    answer.erase("capabilities");
    json["response"]["response"] = std::move(answer);
  }
  return json;
}

}  // namespace

void Output::Line(const Json& json) {
  if (!old_) return Raw(ToLine(json) + "\n");
  if (StringAt(json, "type") != "command_lifecycle") Raw(ToLine(WithoutNews(json)) + "\n");
}

void Output::SplitLine(const Json& json) {
  Write(ToLine(old_ ? WithoutNews(json) : json) + "\n", 2, 1);
}

void Output::Raw(std::string_view bytes) { Write(bytes, write_max_, 0); }

void Output::Write(std::string_view bytes, size_t write_max, int pause_ms) {
  while (!bytes.empty() && !reader_gone_) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data(), std::min(bytes.size(), write_max));
    if (n > 0) bytes.remove_prefix(n);
    if (n < 0 && errno == EAGAIN) {
      pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, -1);
    } else if (n < 0 && errno != EINTR) {
      reader_gone_ = true;
    }
    if (pause_ms > 0) poll(nullptr, 0, pause_ms);
  }
}

}  // namespace iris::stub
