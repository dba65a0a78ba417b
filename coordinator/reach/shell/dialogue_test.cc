#include "coordinator/reach/shell/dialogue.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

constexpr char kMarker[] = "=mark=";

class DialogueTest : public testing::Test {
 protected:
  DialogueTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours_.Reset(ends[0]);
    host_.Reset(ends[1]);
  }

  Dialogue Talk(const std::atomic<bool>* cancelled = nullptr) {
    return Dialogue(ours_.get(), kMarker, cancelled);
  }
  void HostSays(const std::string& text) {
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = send(host_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n > 0) done += n;
      if (n < 0 && errno != EAGAIN) return;
    }
  }
  // Everything sent to the host so far.
  std::string HostHeard() {
    std::string heard(1 << 16, '\0');
    heard.resize(std::max<ssize_t>(0, recv(host_.get(), heard.data(), heard.size(), MSG_DONTWAIT)));
    return heard;
  }
  static absl::Time In(absl::Duration duration) { return absl::Now() + duration; }

  ScopedFd ours_;
  ScopedFd host_;
};

TEST_F(DialogueTest, PassesOverNoiseAndSendsNothing) {
  Dialogue dialogue = Talk();
  HostSays("Welcome!\nno newline here: =mark= found Linux\r\n");

  EXPECT_EQ(*dialogue.FirstReply(In(absl::Seconds(60))), "found Linux");
  EXPECT_EQ(HostHeard(), "");
  EXPECT_EQ(dialogue.noise(), "Welcome!\nno newline here: ");
}

TEST_F(DialogueTest, LeavesWhatFollowsTheReply) {
  Dialogue dialogue = Talk();
  HostSays("=mark= a\n=mark= b\n\nhello");

  EXPECT_EQ(*dialogue.FirstReply(In(absl::Seconds(60))), "a");
  EXPECT_EQ(*dialogue.NextReply(In(absl::Seconds(60))), "b");
  char rest[16];
  EXPECT_EQ(recv(ours_.get(), rest, sizeof(rest), 0), 6) << "the newline and hello";
}

TEST_F(DialogueTest, AMarkerInPiecesIsFound) {
  Dialogue dialogue = Talk();
  HostSays("=ma=mark= =mark= x\n");

  EXPECT_EQ(*dialogue.FirstReply(In(absl::Seconds(60))), "=mark= x");
}

TEST_F(DialogueTest, ASilentLoginScriptGetsOneNewlineAtATimeAndThreeAtMost) {
  Dialogue dialogue = Talk();

  const absl::Status first = dialogue.FirstReply(In(absl::Milliseconds(2900))).status();
  EXPECT_EQ(KindOf(first), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(HostHeard(), "\n");

  EXPECT_EQ(KindOf(dialogue.FirstReply(In(absl::Milliseconds(6500))).status()),
            v1::FAILURE_TIMEOUT);
  EXPECT_EQ(HostHeard(), "\n\n\n");
}

TEST_F(DialogueTest, ALineForAnotherShellFollowsTheFirstNewlineOnce) {
  Dialogue dialogue = Talk();
  const Dialogue::Meanwhile meanwhile = {
      .line = " exec x\n", .may_send_line = [] { return true; }, .on_look = nullptr};

  EXPECT_FALSE(dialogue.FirstReply(In(absl::Milliseconds(5500)), meanwhile).ok());
  EXPECT_EQ(HostHeard(), "\n exec x\n\n");
  EXPECT_TRUE(dialogue.sent_line());
}

TEST_F(DialogueTest, ALineForAnotherShellWaitsForTheLogin) {
  Dialogue dialogue = Talk();
  int asked = 0;
  const Dialogue::Meanwhile meanwhile = {
      .line = " exec x\n", .may_send_line = [&] { return ++asked > 3; }, .on_look = nullptr};

  EXPECT_FALSE(dialogue.FirstReply(In(absl::Milliseconds(3500)), meanwhile).ok());
  EXPECT_EQ(HostHeard(), "\n\n");
  EXPECT_FALSE(dialogue.sent_line());
  EXPECT_FALSE(dialogue.FirstReply(In(absl::Milliseconds(8500)), meanwhile).ok());
  EXPECT_EQ(HostHeard(), "\n\n\n exec x\n");
}

TEST_F(DialogueTest, WhileTheFirstReplyIsAwaitedWhatGoesOnIsLookedAt) {
  Dialogue dialogue = Talk();
  int looks = 0;
  const auto look = [&] {
    if (++looks == 3) HostSays("=mark= x\n");
    return In(absl::Seconds(60));
  };

  EXPECT_EQ(dialogue
                .FirstReply(In(absl::Seconds(60)),
                            {.line = "", .may_send_line = nullptr, .on_look = look})
                .value_or(""),
            "x");
  EXPECT_EQ(looks, 3);
}

TEST_F(DialogueTest, WhoeverLooksMayMoveTheDeadlineAlsoWhenItHasCome) {
  Dialogue dialogue = Talk();
  int looks = 0;
  const absl::Time start = absl::Now();
  const auto later = [&] {
    ++looks;
    return start + Dialogue::kLookEvery * 2;
  };
  const auto waits = [&](absl::Time deadline, std::function<absl::Time()> look) {
    return KindOf(
        dialogue
            .FirstReply(deadline,
                        {.line = "", .may_send_line = nullptr, .on_look = std::move(look)})
            .status());
  };
  EXPECT_EQ(waits(start + absl::Milliseconds(10), later), v1::FAILURE_TIMEOUT);
  EXPECT_GE(absl::Now() - start, Dialogue::kLookEvery * 2);
  EXPECT_GE(looks, 2);
  EXPECT_EQ(waits(absl::Now() + absl::Minutes(10), [] { return absl::InfinitePast(); }),
            v1::FAILURE_TIMEOUT)
      << "nearer, too";
}

TEST_F(DialogueTest, AHostMaySpeakOnlyAtTheEndOfOurTalk) {
  Dialogue dialogue = Talk();
  std::thread host([this] {
    char byte;
    while (recv(host_.get(), &byte, 1, 0) != 0) std::this_thread::yield();
    HostSays("=mark= stdin none Linux\n");
  });

  EXPECT_EQ(dialogue.ReplyAtEnd(In(absl::Seconds(60))).value_or(""), "stdin none Linux");
  host.join();
}

TEST_F(DialogueTest, ALaterReplyIsAwaitedInSilence) {
  Dialogue dialogue = Talk();

  EXPECT_FALSE(dialogue.NextReply(In(absl::Milliseconds(1700))).ok());
  EXPECT_EQ(HostHeard(), "");
}

TEST_F(DialogueTest, KeepsTheEndOfWhatWasSaidForTheErrorText) {
  Dialogue dialogue = Talk();
  HostSays(std::string(5000, '.') + "This account is currently not available.\n");
  host_.Reset();

  EXPECT_EQ(KindOf(dialogue.FirstReply(In(absl::Seconds(60))).status()), v1::FAILURE_DROPPED);
  EXPECT_EQ(dialogue.noise().size(), Dialogue::kNoiseBytesKept);
  EXPECT_THAT(std::string(dialogue.noise()), HasSubstr("not available.\n"));
}

TEST_F(DialogueTest, AHostThatTalksWithoutEndIsGivenUp) {
  Dialogue dialogue = Talk();
  std::thread host([this] { HostSays(std::string(Dialogue::kNoiseBytesMax + 1, 'x')); });

  EXPECT_EQ(KindOf(dialogue.FirstReply(In(absl::Seconds(30))).status()),
            v1::FAILURE_NO_AGENT_POSSIBLE);
  ours_.Reset();
  host.join();
}

TEST_F(DialogueTest, NoiseUpToTheBoundIsNot) {
  Dialogue dialogue = Talk();
  const std::string marker = kMarker;
  std::thread host([&] {
    HostSays(std::string(Dialogue::kNoiseBytesMax - marker.size(), 'x') + marker + "ok\n");
  });

  EXPECT_EQ(dialogue.FirstReply(In(absl::Seconds(30))).value_or(""), "ok");
  ours_.Reset();
  host.join();
}

TEST_F(DialogueTest, AReplyWithoutEndIsGivenUp) {
  Dialogue dialogue = Talk();
  HostSays(kMarker + std::string(Dialogue::kReplyBytesMax + 1, 'x'));

  EXPECT_EQ(KindOf(dialogue.FirstReply(In(absl::Seconds(60))).status()),
            v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST_F(DialogueTest, StopsSoonAfterBeingAsked) {
  std::atomic<bool> cancelled = false;
  Dialogue dialogue = Talk(&cancelled);
  absl::Time asked;
  std::thread person([&] {
    absl::Time until = In(absl::Milliseconds(150));
    while (absl::Now() < until) std::this_thread::yield();
    asked = absl::Now();
    cancelled = true;
  });

  const absl::Status status = dialogue.FirstReply(In(absl::Minutes(5))).status();
  person.join();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CANCELLED);
  EXPECT_LT(absl::Now() - asked, absl::Seconds(20));
}

TEST_F(DialogueTest, SendingStopsWhenTheHostHasSomethingToSay) {
  Dialogue dialogue = Talk();
  HostSays("some noise\n=mark= failed no_space /x: full\n");

  ASSERT_TRUE(dialogue.Send(std::string(64 << 20, 'x'), In(absl::Seconds(30))).ok());
  EXPECT_EQ(*dialogue.NextReply(In(absl::Seconds(60))), "failed no_space /x: full");
}

TEST_F(DialogueTest, SendingTellsHowMuchIsOutAndEndsInTime) {
  Dialogue dialogue = Talk();
  const size_t size = 64 << 20;

  const absl::StatusOr<size_t> sent =
      dialogue.Send(std::string(size, 'x'), In(absl::Milliseconds(300)));
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_GT(*sent, 0u);
  EXPECT_LT(*sent, size);
}

TEST_F(DialogueTest, SendingToAHostThatIsGoneFails) {
  Dialogue dialogue = Talk();
  host_.Reset();

  EXPECT_EQ(KindOf(dialogue.Send("x", In(absl::Seconds(60))).status()), v1::FAILURE_DROPPED);
}

}  // namespace
}  // namespace iris
