#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

struct Pipe {
  explicit Pipe(int flags) {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC | flags), 0);
    reader.Reset(fds[0]);
    writer.Reset(fds[1]);
  }
  void Write(const std::string& bytes) {
    EXPECT_EQ(write(writer.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ScopedFd reader, writer;
};

absl::Time Soon() { return absl::Now() + absl::Seconds(10); }

TEST(HelloTest, TheLengthIsBigEndian) {
  EXPECT_EQ(FrameHello("abc"), std::string("\0\0\0\3abc", 7));
  EXPECT_EQ(FrameHello(std::string(258, 'x')).substr(0, 4), std::string("\0\0\1\2", 4));
}

TEST(HelloTest, IsReadToItsEndAndNotAByteBeyond) {
  for (const int flags : {0, O_NONBLOCK}) {
    Pipe pipe(flags);
    pipe.Write(FrameHello("hello") + "PRI * HTTP/2.0");
    EXPECT_EQ(ReadHello(pipe.reader.get(), Soon()).value(), "hello");
    char rest[64] = {};
    EXPECT_EQ(read(pipe.reader.get(), rest, sizeof(rest)), 14);
    EXPECT_STREQ(rest, "PRI * HTTP/2.0");
  }
}

TEST(HelloTest, ArrivingByteByByteItIsWhole) {
  Pipe pipe(O_NONBLOCK);
  const std::string framed = FrameHello("piecemeal");
  std::thread writer([&] {
    for (const char c : framed) {
      pipe.Write(std::string(1, c));
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(ReadHello(pipe.reader.get(), Soon()).value(), "piecemeal");
  writer.join();
}

TEST(HelloTest, TheLargestFitsAndALargerIsRefused) {
  Pipe pipe(0);
  const std::string largest(kHelloBytesMax, 'x');
  std::thread writer([&] { pipe.Write(FrameHello(largest)); });
  EXPECT_EQ(ReadHello(pipe.reader.get(), Soon()).value(), largest);
  writer.join();
  pipe.Write(FrameHello(std::string(kHelloBytesMax + 1, 'x')).substr(0, 10));
  EXPECT_EQ(KindOf(ReadHello(pipe.reader.get(), Soon()).status()), v1::FAILURE_INTERNAL);
}

TEST(HelloTest, AnEndBeforeTheEndIsDropped) {
  for (const size_t bytes : {0, 3, 6}) {
    Pipe pipe(0);
    pipe.Write(FrameHello("hello").substr(0, bytes));
    pipe.writer.Reset();
    EXPECT_EQ(KindOf(ReadHello(pipe.reader.get(), Soon()).status()), v1::FAILURE_DROPPED);
  }
}

TEST(HelloTest, SilenceEndsAtTheDeadlineOnABlockingDescriptorToo) {
  Pipe pipe(0);
  pipe.Write("\0");
  const absl::Time deadline = absl::Now() + absl::Milliseconds(20);
  EXPECT_EQ(KindOf(ReadHello(pipe.reader.get(), deadline).status()), v1::FAILURE_TIMEOUT);
  EXPECT_GE(absl::Now(), deadline);
}

}  // namespace
}  // namespace iris
