#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/shell/dialogue.h"
#include "coordinator/reach/shell/install.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kMarker[] = "00112233445566778899aabbccddeeff";

// A host that speaks the script's part by hand, at whatever pace.
class PacedUpload : public testing::Test {
 protected:
  PacedUpload()
      : bundle_(AgentBundle::Find(
            {absl::StrCat(getenv("TEST_SRCDIR"), "/iris/coordinator/reach/shell/testing")})) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_.Reset(ends[0]);
    host_end_.Reset(ends[1]);
    fcntl(ours_.get(), F_SETFL, O_NONBLOCK);
    const int small = 4096;
    setsockopt(ours_.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  }

  const AgentBuild& Build() const { return **bundle_->ForThisMachine(); }
  void Say(const std::string& words) {
    const std::string line = absl::StrCat(kMarker, " ", words, "\n");
    ASSERT_EQ(send(host_end_.get(), line.data(), line.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(line.size()));
  }
  // The script, to its last line.
  void ReadScript() {
    std::string script;
    while (!absl::EndsWith(script, "--data \"$iris_dir\"; }\n")) {
      char byte;
      if (read(host_end_.get(), &byte, 1) != 1) return;
      script += byte;
    }
  }
  // False when the other end has gone.
  bool ReadBytes(size_t bytes) {
    std::string buffer(bytes, '\0');
    return recv(host_end_.get(), buffer.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
  }

  absl::StatusOr<bool> Upload(absl::Duration silence_max) {
    Dialogue dialogue(ours_.get(), kMarker, nullptr);
    return InstallAgent(dialogue, *bundle_,
                        {.marker = kMarker,
                         .system = absl::StrCat("Linux ", Build().arch),
                         .answer_timeout = absl::Minutes(1),
                         .silence_max = silence_max,
                         .on_progress = [this](uint64_t done, uint64_t total) {
                           reports_.push_back(done);
                           total_ = total;
                         }});
  }

  const std::unique_ptr<AgentBundle> bundle_;
  ScopedFd ours_;
  ScopedFd host_end_;
  std::vector<uint64_t> reports_;
  uint64_t total_ = 0;  // The last that was reported.
};

TEST_F(PacedUpload, MayTakeAnyTimeAsLongAsTheHostTakesSomething) {
  const size_t total = (*bundle_->Gzip(Build()))->size();
  constexpr int kSteps = 12;
  const absl::Duration silence_max = absl::Milliseconds(2500);
  const absl::Time start = absl::Now();
  std::thread host([&] {
    ReadScript();
    Say("ready gzip /x");
    for (int step = 1; step <= kSteps; ++step) {
      EXPECT_TRUE(
          ReadBytes(step < kSteps ? total / kSteps : total - total / kSteps * (kSteps - 1)));
      poll(nullptr, 0, 500);
      Say(absl::StrCat("got ", total / kSteps * step));
    }
    Say("installed sha256 /x");
  });
  const absl::StatusOr<bool> uploaded = Upload(silence_max);
  host.join();

  ASSERT_TRUE(uploaded.ok()) << uploaded.status();
  EXPECT_GT(absl::Now() - start, 2 * silence_max);
  EXPECT_TRUE(std::is_sorted(reports_.begin(), reports_.end()));
  ASSERT_GE(reports_.size(), 3u) << "one every second";
  EXPECT_EQ(reports_.back(), total_);
  EXPECT_TRUE(std::any_of(reports_.begin(), reports_.end(), [&](uint64_t done) {
    return done > 0 && done < total;
  })) << "what has left this machine is not what the host has";
}

TEST_F(PacedUpload, EndsWhereTheHostTakesNothingThoughItTalksAndSaysHowFarItWas) {
  const size_t total = (*bundle_->Gzip(Build()))->size();
  std::thread host([&] {
    ReadScript();
    Say("ready gzip /x");
    EXPECT_TRUE(ReadBytes(total));
    while (true) {  // All is read, nothing comes of it.
      const std::string line = absl::StrCat("noise\n", kMarker, " got ", total / 2, "\n");
      if (send(host_end_.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return;
      poll(nullptr, 0, 100);
    }
  });
  const absl::Status status = Upload(absl::Milliseconds(1500)).status();
  ours_.Reset();
  host.join();

  EXPECT_EQ(KindOf(status), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("stopped after " + HowFar(total / 2, total)),
                    HasSubstr("has taken nothing for 1.5s")));
}

TEST_F(PacedUpload, AFullPipeThatNobodyDrainsIsSilence) {
  std::thread host([&] {
    ReadScript();
    Say("ready gzip /x");
  });
  const absl::Status status = Upload(absl::Milliseconds(1200)).status();
  host.join();

  EXPECT_EQ(KindOf(status), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(std::string(status.message()), HasSubstr("stopped after 0.0 of "));
}

}  // namespace
}  // namespace iris
