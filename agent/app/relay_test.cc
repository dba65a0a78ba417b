#include "agent/app/relay.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

void WriteTo(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    ASSERT_GT(n, 0);
    done += static_cast<size_t>(n);
  }
}

std::string ReadFrom(int fd, size_t bytes) {
  std::string text(bytes, '\0');
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = read(fd, text.data() + done, bytes - done);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

std::string ReadToEnd(int fd) { return ReadFrom(fd, 64 << 20); }

std::string Bulk(size_t bytes) {
  std::string bulk(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) bulk[i] = static_cast<char>(i * 7 + (i >> 12));
  return bulk;
}

// A relay on a thread of its own, between a user (input, output) and a daemon.
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    signal(SIGPIPE, SIG_IGN);
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    in_.Reset(fds[0]);
    input_.Reset(fds[1]);
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    output_.Reset(fds[0]);
    out_.Reset(fds[1]);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    socket_.Reset(fds[0]);
    daemon_.Reset(fds[1]);
    fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  }
  ~RelayTest() override {
    input_.Reset();
    daemon_.Reset();
    output_.Reset();
    if (thread_.joinable()) thread_.join();
  }

  void Start(absl::Duration linger = absl::Minutes(1)) {
    thread_ = std::thread([this, linger] {
      end_ = Relay(in_.get(), out_.get(), socket_.get(), linger);
      socket_.Reset();
      out_.Reset();
    });
  }
  RelayEnd End() {
    thread_.join();
    return end_;
  }

  ScopedFd input_, output_, daemon_;  // Ours.
  ScopedFd in_, out_, socket_;        // The relay's.
  std::thread thread_;
  RelayEnd end_ = RelayEnd::kInputEnded;
};

TEST_F(RelayTest, BulkPassesBothWaysByteForByte) {
  Start();
  const std::string up = Bulk(3 << 20), down = Bulk((5 << 20) + 1);
  std::thread writer([&] { WriteTo(input_.get(), up); });
  std::thread daemon([&] { WriteTo(daemon_.get(), down); });
  std::string got_up;
  std::thread reader([&] { got_up = ReadFrom(daemon_.get(), up.size()); });
  EXPECT_EQ(ReadFrom(output_.get(), down.size()), down);
  writer.join();
  daemon.join();
  reader.join();
  EXPECT_EQ(got_up, up);
}

TEST_F(RelayTest, TheEndOfInputHalfClosesAndTheAnswerStillArrives) {
  Start();
  WriteTo(input_.get(), "question");
  input_.Reset();
  EXPECT_EQ(ReadToEnd(daemon_.get()), "question");
  WriteTo(daemon_.get(), "answer");
  daemon_.Reset();
  EXPECT_EQ(ReadToEnd(output_.get()), "answer");
  EXPECT_EQ(End(), RelayEnd::kInputEnded);
}

TEST_F(RelayTest, ADaemonThatNeverClosesIsLeftAfterTheLinger) {
  Start(absl::Milliseconds(20));
  input_.Reset();
  EXPECT_EQ(End(), RelayEnd::kInputEnded);
}

TEST_F(RelayTest, WhatTheDaemonSaidLastArrivesBeforeTheEnd) {
  Start();
  const std::string last = Bulk(1 << 20);
  std::thread daemon([&] {
    WriteTo(daemon_.get(), last);
    daemon_.Reset();
  });
  EXPECT_EQ(ReadToEnd(output_.get()), last);
  daemon.join();
  EXPECT_EQ(End(), RelayEnd::kSocketEnded);
}

TEST_F(RelayTest, AReaderThatIsGoneEndsItWithoutAWord) {
  Start();
  output_.Reset();
  EXPECT_EQ(End(), RelayEnd::kInputEnded);
}

TEST_F(RelayTest, LeadingNewlinesAreDroppedAndLaterOnesPass) {
  Start();
  WriteTo(input_.get(), "\n");
  WriteTo(input_.get(), "\n\nPRI\n\n");
  input_.Reset();
  EXPECT_EQ(ReadToEnd(daemon_.get()), "PRI\n\n");
}

TEST_F(RelayTest, ALineThatWasMeantForAShellIsDroppedHoweverItArrives) {
  Start();
  for (const char* piece :
       {"\n", " exec sh", " -c 'P", "RI'", "\n\n", " x\nPRI * HTTP/2.0\n x\n"}) {
    WriteTo(input_.get(), piece);
  }
  input_.Reset();
  EXPECT_EQ(ReadToEnd(daemon_.get()), "PRI * HTTP/2.0\n x\n");
}

TEST_F(RelayTest, NewlinesAloneSendNothing) {
  Start();
  WriteTo(input_.get(), "\n\n\n");
  input_.Reset();
  EXPECT_EQ(ReadToEnd(daemon_.get()), "");
}

// What a daemon can write while nobody reads: two socket buffers, the pipe and ours, and no more.
TEST_F(RelayTest, AReaderThatDoesNotReadStopsTheWriter) {
  Start();
  fcntl(daemon_.get(), F_SETFL, O_NONBLOCK);
  const std::string bulk = Bulk(64 << 10);
  size_t taken = 0;
  const absl::Time quiet_for = absl::Now() + absl::Milliseconds(200);
  while (absl::Now() < quiet_for) {
    const ssize_t n = write(daemon_.get(), bulk.data(), bulk.size());
    if (n > 0) taken += static_cast<size_t>(n);
  }
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, 2u << 20);
}

TEST_F(RelayTest, TheDescriptorsGetTheirModeBack) {
  Start();
  input_.Reset();
  daemon_.Reset();
  End();
  EXPECT_EQ(fcntl(in_.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace iris
