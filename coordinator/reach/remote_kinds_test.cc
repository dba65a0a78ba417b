#include "coordinator/reach/remote_kinds.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/reach/reach.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// Reads what begins with one word, and takes one option.
class OneWordReader final : public RemoteReader {
 public:
  OneWordReader(absl::string_view word, absl::string_view option) : word_(word), option_(option) {}

  bool Reads(absl::string_view program) const override { return program == word_; }
  absl::Span<const absl::string_view> options() const override { return {&option_, 1}; }
  absl::Status Read(const RemoteText&, RemoteWay& way) const override {
    way.remote.program = std::string(word_);
    return absl::OkStatus();
  }

 private:
  const absl::string_view word_;
  const absl::string_view option_;
};

class RemoteKindsTest : public ::testing::Test {
 protected:
  absl::Status Read(const std::string& program, const std::string& option) {
    const absl::flat_hash_set<std::string> given = {option};
    RemoteText text;
    text.words = {program, "somewhere"};
    text.given = &given;
    return ReadByKind(text, kinds_, way_);
  }

  const OneWordReader boat_{"boat", "sail"};
  const OneWordReader ssh_{"ssh", "port"};
  const RemoteKind kinds_[2] = {{.name = "boat", .reader = &boat_},
                                {.name = "ssh", .reader = &ssh_}};
  RemoteWay way_;
};

TEST_F(RemoteKindsTest, TheFirstWordSaysWhichKindReadsIt) {
  ASSERT_TRUE(Read("boat", "sail").ok());
  EXPECT_EQ(way_.remote.program, "boat");
  ASSERT_TRUE(Read("ssh", "port").ok());
  EXPECT_EQ(way_.remote.program, "ssh");
}

TEST_F(RemoteKindsTest, TheLastKindReadsWhatNoOtherDoes) {
  EXPECT_EQ(KindFor("rsh", kinds_).name, "ssh");
  EXPECT_EQ(KindFor("", kinds_).name, "ssh");
}

TEST_F(RemoteKindsTest, AnOptionOfAnotherKindIsRefused) {
  const absl::Status read = Read("boat", "port");
  EXPECT_EQ(KindOf(read), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(ToProto(read).detail(), HasSubstr("remoteOptions.port is not for a host"));
}

TEST_F(RemoteKindsTest, SshIsTheLastOfThoseThereAre) {
  EXPECT_EQ(RemoteKinds().back().name, "ssh");
  EXPECT_EQ(KindFor("ssh").name, "ssh");
}

}  // namespace
}  // namespace iris
