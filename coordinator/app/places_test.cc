#include "coordinator/app/places.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// What a person sees who has this IRIS_HOME.
std::string RefusalOf(const std::string& iris_home) {
  const EnvLookup env = [&iris_home](absl::string_view name) -> absl::optional<std::string> {
    if (name == "IRIS_HOME") return iris_home;
    return absl::nullopt;
  };
  const absl::Status status = FindPlacesWithoutConfig(env).status();
  return status.ok() ? "" : Describe(ToProto(status));
}

TEST(PlacesTest, AnIrisHomeThatIsNoDirectoryIsABadRequest) {
  const ScratchDir scratch;
  const std::string file = scratch.File("file"), link = scratch.File("link");
  std::ofstream(file) << "x";
  ASSERT_EQ(symlink(scratch.path().c_str(), link.c_str()), 0);
  EXPECT_EQ(RefusalOf(file), "bad_request: IRIS_HOME " + file +
                                 " is not a directory\nfix: Point IRIS_HOME to a directory of "
                                 "yours, or unset it.");
  EXPECT_THAT(RefusalOf(file + "/below/it"),
              HasSubstr("cannot be made: " + file + " is not a directory"));
  EXPECT_THAT(RefusalOf(link), HasSubstr("is a symbolic link"));
  EXPECT_THAT(RefusalOf("relative"), HasSubstr("is not an absolute path"));
}

TEST(PlacesTest, OneThatIsThereOrCanBeMadeIsTaken) {
  const ScratchDir scratch;
  EXPECT_EQ(RefusalOf(scratch.path()), "");
  EXPECT_EQ(RefusalOf(scratch.File("new/one")), "");
  EXPECT_NE(access(scratch.File("new").c_str(), F_OK), 0) << "whoever only looks makes nothing";
}

}  // namespace
}  // namespace iris
