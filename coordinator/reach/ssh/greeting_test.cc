#include "coordinator/reach/ssh/greeting.h"

#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr char kBanner[] = "*** gpu1 ***\r\n\r\nAuthorised use only.\r\n";

TEST(GreetingTest, KnowsWhatStoodBeforeTheLastLoginAlsoApartFromWhatCameBehind) {
  Greeting greeting;
  EXPECT_FALSE(greeting.Knows(kBanner));
  greeting.Learn(std::string(kBanner) + "bashrc: no tput\n");
  EXPECT_TRUE(greeting.Knows(kBanner));
  EXPECT_TRUE(greeting.Knows("")) << "nothing wants nothing";
}

TEST(GreetingTest, OneOtherLineIsNoGreeting) {
  Greeting greeting;
  greeting.Learn(kBanner);
  EXPECT_FALSE(greeting.Knows(std::string(kBanner) + "To authenticate, visit: https://a/1\n"));
  EXPECT_FALSE(greeting.Knows("Authorised use"));
}

TEST(GreetingTest, OnlyTheLastLoginCounts) {
  Greeting greeting;
  greeting.Learn(kBanner);
  greeting.Learn("another\n");
  EXPECT_FALSE(greeting.Knows(kBanner));
}

TEST(GreetingTest, ThatSshMeetsAJumpHostWantsNothing) {
  Greeting greeting;
  EXPECT_TRUE(greeting.Knows(
      "Warning: Permanently added 'bastion' (ED25519) to the list of known hosts.\r\n"));
}

}  // namespace
}  // namespace iris
