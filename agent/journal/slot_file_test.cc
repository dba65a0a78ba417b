#include "agent/journal/slot_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "common/testing/scratch_dir.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class SlotFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<SlotFile> Open() {
    absl::StatusOr<std::unique_ptr<SlotFile>> file = SlotFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *std::move(file) : nullptr;
  }
  std::string Bytes() const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void Overwrite(const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  // As a loss of power may leave it: the slot that was written to last is torn.
  void TearAfter(const std::string& before) {
    std::string bytes = Bytes();
    ASSERT_EQ(bytes.size(), before.size());
    const bool is_first = bytes.substr(0, 4096) != before.substr(0, 4096);
    ASSERT_NE(is_first, bytes.substr(4096) != before.substr(4096)) << "one slot was written to";
    bytes[is_first ? 100 : 4196] ^= 1;
    Overwrite(bytes);
  }

  const ScratchDir scratch;
  const std::string path = scratch.File("state");
};

TEST_F(SlotFileTest, WhatWasWrittenLastIsThereAgain) {
  EXPECT_EQ(Open()->content(), "");
  for (const std::string content : {"one", "two", "a third one", ""}) {
    ASSERT_TRUE(Open()->Write(content).ok());
    EXPECT_EQ(Open()->content(), content);
  }
}

TEST_F(SlotFileTest, OneThatIsRemovedIsMadeAgain) {
  const std::string path = scratch.File("removed");
  for (const char* content : {"odd", "even", "odd again"}) {
    const auto file = SlotFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    std::filesystem::remove(path);
    ASSERT_TRUE((*file)->Write(content).ok());
    EXPECT_EQ(SlotFile::Open(path).value()->content(), content);
    EXPECT_EQ(std::filesystem::file_size(path), 8192u);
  }
}

TEST_F(SlotFileTest, ItsSizeNeverChanges) {
  const std::unique_ptr<SlotFile> file = Open();
  const size_t size = Bytes().size();
  for (size_t bytes = 0; bytes <= SlotFile::kContentBytesMax; bytes += 500) {
    ASSERT_TRUE(file->Write(std::string(bytes, 'x')).ok());
    EXPECT_EQ(Bytes().size(), size);
  }
  EXPECT_FALSE(file->Write(std::string(SlotFile::kContentBytesMax + 1, 'x')).ok());
}

TEST_F(SlotFileTest, TornAtAnyByteItHoldsTheOldContentOrTheNewOne) {
  ASSERT_TRUE(Open()->Write("old").ok());
  const std::string before = Bytes();
  ASSERT_TRUE(Open()->Write("new").ok());
  const std::string after = Bytes();
  for (size_t torn = 0; torn <= before.size(); torn += 7) {
    Overwrite(after.substr(0, torn) + before.substr(torn));
    const std::string content = Open()->content();
    ASSERT_TRUE(content == "old" || content == "new") << "at " << torn << ": " << content;
  }
}

TEST_F(SlotFileTest, WhatWasNotSyncedIsThereForTheNextProcess) {
  const std::unique_ptr<SlotFile> file = Open();
  ASSERT_TRUE(file->Write("durable").ok());
  for (const std::string content : {"one", "two"}) {
    ASSERT_TRUE(file->WriteUnsynced(content).ok());
    EXPECT_EQ(file->content(), content);
    EXPECT_EQ(Open()->content(), content);
  }
}

TEST_F(SlotFileTest, HoweverOftenItIsWrittenUnsyncedTheDurableContentStays) {
  const std::unique_ptr<SlotFile> file = Open();
  for (const char* durable : {"odd", "even"}) {
    ASSERT_TRUE(file->Write(durable).ok());
    for (const char* content : {"one", "two", "three"}) {
      const std::string before = Bytes();
      ASSERT_TRUE(file->WriteUnsynced(content).ok());
      const std::string after = Bytes();
      TearAfter(before);
      EXPECT_EQ(Open()->content(), durable) << content;
      Overwrite(after);
    }
  }
}

// Not over the other slot, which alone is durable until this one is.
TEST_F(SlotFileTest, WhatIsWrittenDurablyAfterwardsTakesItsSlot) {
  const std::unique_ptr<SlotFile> file = Open();
  ASSERT_TRUE(file->Write("old").ok());
  ASSERT_TRUE(file->WriteUnsynced("unsynced").ok());
  const std::string before = Bytes();
  ASSERT_TRUE(file->Write("new").ok());
  EXPECT_EQ(Open()->content(), "new");
  TearAfter(before);
  EXPECT_EQ(Open()->content(), "old");
}

TEST_F(SlotFileTest, TheNextProcessMakesItDurableBeforeItWritesOverTheOtherSlot) {
  ASSERT_TRUE(Open()->Write("old").ok());
  ASSERT_TRUE(Open()->WriteUnsynced("unsynced").ok());
  const std::unique_ptr<SlotFile> next = Open();
  for (const std::string content : {"one", "two", "three"}) {
    const std::string before = Bytes(), expected = next->content();
    ASSERT_TRUE(next->Write(content).ok());
    const std::string after = Bytes();
    EXPECT_EQ(Open()->content(), content);
    TearAfter(before);
    EXPECT_EQ(Open()->content(), expected);
    Overwrite(after);
  }
}

TEST_F(SlotFileTest, WithNeitherSlotWholeItSaysSo) {
  ASSERT_TRUE(Open()->Write("content").ok());
  Overwrite(Bytes().substr(0, 50));
  EXPECT_TRUE(absl::IsDataLoss(SlotFile::Open(path).status()));
  Overwrite("");
  EXPECT_TRUE(absl::IsDataLoss(SlotFile::Open(path).status()));
}

TEST_F(SlotFileTest, ItIsForUsAlone) {
  Open();
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace iris
