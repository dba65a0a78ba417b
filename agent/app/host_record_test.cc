#include "agent/app/host_record.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "agent/inventory/evidence.h"
#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr char kId[] = "0123456789abcdef0123456789abcdef";

class HostRecordTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << text;
  }

  ScratchDir scratch_;
  const std::string path_ = scratch_.File("identity");
};

TEST_F(HostRecordTest, WhatWasWrittenLastIsThereAgain) {
  const absl::StatusOr<std::optional<HostRecord>> none = ReadHostRecord(scratch_.path());
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());
  HostRecord record = {.id = kId,
                       .evidence = {.machine = "m",
                                    .boot_id = "b",
                                    .pid_namespace = "p",
                                    .uts_namespace = "u\"\xff",
                                    .hardware = {"00:1b:21:aa:bb:01", "00:1b:21:aa:bb:02"}}};
  ASSERT_TRUE(WriteHostRecord(scratch_.path(), record).ok());
  record.evidence.uts_namespace = "u\"\xEF\xBF\xBD";  // U+FFFD
  EXPECT_EQ(ReadHostRecord(scratch_.path())->value(), record);
  record = {.id = std::string(32, 'f'), .evidence = {}};
  ASSERT_TRUE(WriteHostRecord(scratch_.path(), record).ok());
  EXPECT_EQ(ReadHostRecord(scratch_.path())->value(), record);
  struct stat info = {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(HostRecordTest, WhatIsNoneIsNotTakenForOne) {
  const std::string id = kId;
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[1]\n"), std::string("{\"id\":7}\n"),
        std::string("{\"id\":\"short\"}\n"), "{\"id\":\"" + id + "0\"}\n",
        "{\"id\":\"../" + id.substr(3) + "\"}\n", std::string(32, '\0'),
        "{\"id\":\"" + id + "\",\"x\":\"" + std::string(4096, 'x') + "\"}\n"}) {
    Write(text);
    EXPECT_TRUE(absl::IsDataLoss(ReadHostRecord(scratch_.path()).status())) << text;
  }
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/etc/hostname", path_);
  EXPECT_TRUE(absl::IsDataLoss(ReadHostRecord(scratch_.path()).status()));
}

TEST_F(HostRecordTest, AnIdWithoutEvidenceOrWithOddEvidenceIsARecord) {
  for (const std::string more :
       {"", R"(,"machine":7,"boot_id":null,"hardware":"x")", R"(,"hardware":[1,{},null])"}) {
    Write(std::string("{\"id\":\"") + kId + "\"" + more + "}\n");
    const absl::StatusOr<std::optional<HostRecord>> record = ReadHostRecord(scratch_.path());
    ASSERT_TRUE(record.ok() && record->has_value()) << more;
    EXPECT_EQ((*record)->id, kId);
    EXPECT_EQ((*record)->evidence, Evidence());
  }
}

TEST_F(HostRecordTest, WhatCannotBeReadIsNotTakenForNone) {
  const std::string gone = scratch_.File("no-folder");
  std::ofstream(gone) << "a file";
  const absl::Status status = ReadHostRecord(gone).status();  // ENOTDIR
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(absl::IsDataLoss(status)) << status;
}

}  // namespace
}  // namespace iris
