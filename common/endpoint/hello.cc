#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/wait.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

constexpr size_t kLengthBytes = 4;

absl::Status ReadExactly(int fd, char* to, size_t bytes, const AwaitReadable& await) {
  size_t done = 0;
  while (done < bytes) {
    if (absl::Status status = await(); !status.ok()) return status;
    const ssize_t n = read(fd, to + done, bytes - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n == 0) {
      return MakeFailure(v1::FAILURE_DROPPED, "the other end closed before the end of its hello");
    } else if (errno != EINTR && errno != EAGAIN) {
      return MakeFailure(v1::FAILURE_DROPPED, absl::StrCat("reading the hello: ", strerror(errno)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string FrameHello(absl::string_view hello) {
  std::string framed;
  framed.reserve(kLengthBytes + hello.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    framed.push_back(static_cast<char>(hello.size() >> shift & 0xFF));
  }
  framed.append(hello.data(), hello.size());
  return framed;
}

absl::Status NoHelloInTime() {
  return MakeFailure(v1::FAILURE_TIMEOUT, "waiting for the hello of the other end");
}

absl::StatusOr<std::string> ReadHello(int fd, absl::Time deadline) {
  return ReadHello(fd, [fd, deadline] {
    return WaitReadable(fd, deadline) ? absl::OkStatus() : NoHelloInTime();
  });
}

absl::StatusOr<std::string> ReadHello(int fd, const AwaitReadable& await) {
  unsigned char length[kLengthBytes];
  absl::Status status = ReadExactly(fd, reinterpret_cast<char*>(length), sizeof(length), await);
  if (!status.ok()) return status;
  const size_t bytes = size_t{length[0]} << 24 | size_t{length[1]} << 16 | size_t{length[2]} << 8 |
                       size_t{length[3]};
  if (bytes > kHelloBytesMax) {
    return MakeFailure(v1::FAILURE_INTERNAL,
                       absl::StrCat("the other end announces a hello of ", bytes,
                                    " bytes, more than ", kHelloBytesMax));
  }
  std::string hello(bytes, '\0');
  status = ReadExactly(fd, hello.data(), bytes, await);
  if (!status.ok()) return status;
  return hello;
}

}  // namespace iris
