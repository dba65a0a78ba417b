// What a host sends as its hello: read exactly, never beyond, and made fit to be shown.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/base/utf8.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/version/version.h"
#include "coordinator/reach/shell/hello.h"
#include "tests/fuzz/require.h"

namespace iris {
namespace {

// A descriptor from which `bytes` are read, then the end.
ScopedFd Wire(absl::string_view bytes) {
  ScopedFd fd(memfd_create("hello", MFD_CLOEXEC));
  Require(static_cast<bool>(fd), "memfd_create()");
  Require(pwrite(fd.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "pwrite()");
  return fd;
}

absl::Time Soon() { return absl::Now() + absl::Seconds(60); }

void RequireShowable(absl::string_view text, size_t bytes_max) {
  Require(text.size() <= bytes_max, "a host's text is bounded");
  Require(IsUtf8(text), "a host's text is UTF-8");
  for (const char c : text) {
    Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "no control characters");
  }
}

void RequireWelcome(const v1::Hello& hello) {
  Require(IsUuid(hello.incarnation()), "an incarnation is a UUID");
  Require(hello.protocol().min() <= kProtocolMax && hello.protocol().max() >= kProtocolMin,
          "a protocol in common");
  for (const std::string* name :
       {&hello.build(), &hello.host_id(), &hello.boot_id(), &hello.pid_namespace(), &hello.locale(),
        &hello.hostname(), &hello.user()}) {
    RequireShowable(*name, 256);
  }
  RequireShowable(hello.path(), 32 << 10);
  RequireShowable(hello.socket_path(), 4096);
  RequireShowable(hello.data_dir(), 4096);
  const absl::StatusOr<v1::Hello> again = ParseAgentHello(hello.SerializeAsString());
  Require(again.ok() && again->SerializeAsString() == hello.SerializeAsString(),
          "a hello that was cleaned once is clean");
}

void CheckParsing(const std::string& bytes) {
  const absl::StatusOr<v1::Hello> hello = ParseAgentHello(bytes);
  if (hello.ok()) return RequireWelcome(*hello);
  const v1::FailureKind kind = KindOf(hello.status());
  Require(kind == v1::FAILURE_VERSION || kind == v1::FAILURE_INTERNAL, "a typed refusal");
  RequireShowable(hello.status().message(), 4096);
}

void CheckWire(absl::string_view bytes) {
  const ScopedFd fd = Wire(bytes);
  const absl::StatusOr<std::string> hello = ReadHello(fd.get(), Soon());
  const off_t read_bytes = lseek(fd.get(), 0, SEEK_CUR);
  if (hello.ok()) {
    const std::string framed = FrameHello(*hello);
    Require(bytes.substr(0, framed.size()) == framed, "what was read is what was sent");
    Require(read_bytes == static_cast<off_t>(framed.size()), "not a byte beyond is read");
    return CheckParsing(*hello);
  }
  const v1::FailureKind kind = KindOf(hello.status());
  Require(kind == v1::FAILURE_DROPPED || kind == v1::FAILURE_INTERNAL, "a typed refusal");
  Require(kind != v1::FAILURE_INTERNAL || read_bytes == 4, "too long a length is not followed");
}

void CheckFraming(const std::string& hello) {
  const ScopedFd fd = Wire(FrameHello(hello) + "beyond");
  const absl::StatusOr<std::string> read = ReadHello(fd.get(), Soon());
  Require(read.ok() && *read == hello, "what is framed is read");
}

}  // namespace
}  // namespace iris

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  iris::CheckWire(bytes);
  iris::CheckParsing(bytes);
  if (size <= iris::kHelloBytesMax) iris::CheckFraming(bytes);
  return 0;
}
