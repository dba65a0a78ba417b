#include "agent/session/rest_notes.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "agent/journal/record.h"
#include "agent/session/saved_session.pb.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RestNotesTest : public ::testing::Test {
 protected:
  RestNotesTest() { NextAgent(); }

  void NextAgent() {
    notes = std::make_unique<RestNotes>(path, boot);
    loaded.clear();
    for (const auto& [id, resting] : notes->Load()) loaded.push_back(id + "=" + resting.claim());
  }
  static saved::Resting Rests(const std::string& id, const std::string& claim = "") {
    saved::Resting resting;
    resting.set_session_id(id);
    resting.set_claim(claim);
    return resting;
  }
  std::string Bytes() const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void Overwrite(const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  const ScratchDir scratch;
  const std::string path = scratch.File("resting");
  std::string boot = "this boot";
  std::unique_ptr<RestNotes> notes;
  std::vector<std::string> loaded;  // By the agent that runs, at its start: "ID=CLAIM".
};

TEST_F(RestNotesTest, TheNewestOfASessionCounts) {
  EXPECT_THAT(loaded, IsEmpty());
  notes->Add({Rests("a", "1"), Rests("b", "1")});
  notes->Leave("a");
  notes->Add({Rests("c", "1")});
  notes->Leave("c");
  notes->Add({Rests("c", "2")});
  EXPECT_FALSE(notes->Has("a"));
  EXPECT_TRUE(notes->Has("c"));
  for (int life = 0; life < 2; ++life) {
    NextAgent();
    EXPECT_THAT(loaded, ElementsAre("b=1", "c=2"));
    EXPECT_TRUE(notes->Has("b"));
  }
  notes->WriteAnew({Rests("d", "1")});
  EXPECT_FALSE(notes->Has("b"));
  NextAgent();
  EXPECT_THAT(loaded, ElementsAre("d=1"));
}

TEST_F(RestNotesTest, WhoHasNoNoteLeavesNone) {
  notes->Leave("a");
  EXPECT_FALSE(fs::exists(path));
  notes->Add({Rests("a")});
  const std::string before = Bytes();
  notes->Leave("b");
  EXPECT_EQ(Bytes(), before);
}

TEST_F(RestNotesTest, ThoseOfAnotherBootAreGone) {
  notes->Add({Rests("a")});
  boot = "another boot";
  NextAgent();
  EXPECT_THAT(loaded, IsEmpty());
  EXPECT_FALSE(fs::exists(path));
  notes->Add({Rests("b")});
  NextAgent();
  EXPECT_THAT(loaded, ElementsAre("b="));
}

TEST_F(RestNotesTest, WhereTheBootIsUnknownThereAreNone) {
  boot = "";
  NextAgent();
  notes->Add({Rests("a")});
  notes->WriteAnew({Rests("a")});
  EXPECT_FALSE(notes->Has("a"));
  EXPECT_FALSE(fs::exists(path));
  // Also those of a build that noted some.
  boot = "A";
  NextAgent();
  notes->Add({Rests("a")});
  const std::string of_a_boot = Bytes();
  saved::RestLine line;
  line.set_boot_id("A");
  const std::string payload = line.SerializeAsString();
  std::string empty_boot;
  line.set_boot_id("");
  const std::string empty_payload = line.SerializeAsString();
  AppendUint32(empty_boot, static_cast<uint32_t>(empty_payload.size()));
  AppendUint32(empty_boot, Crc32(empty_payload));
  empty_boot += empty_payload;
  Overwrite(empty_boot + of_a_boot.substr(8 + payload.size()));
  boot = "";
  NextAgent();
  EXPECT_THAT(loaded, IsEmpty());
}

// With any of them damaged, one that was left could seem to rest.
TEST_F(RestNotesTest, AnyFlippedByteTakesAllOfThem) {
  notes->Add({Rests("a", "/claim"), Rests("b")});
  notes->Leave("a");
  const std::string whole = Bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    Overwrite(damaged);
    NextAgent();
    EXPECT_THAT(loaded, IsEmpty()) << "byte " << at;
    EXPECT_FALSE(fs::exists(path)) << "byte " << at;
  }
}

TEST_F(RestNotesTest, ALineThatIsCutOffTakesAllOfThem) {
  notes->Add({Rests("a")});
  const size_t whole_lines = Bytes().size();
  notes->Leave("a");
  const std::string whole = Bytes();
  for (size_t cut = whole_lines + 1; cut < whole.size(); ++cut) {
    Overwrite(whole.substr(0, cut));
    NextAgent();
    EXPECT_THAT(loaded, IsEmpty()) << "cut at " << cut;
  }
}

TEST_F(RestNotesTest, WhereNothingCanBeAddedThereAreNone) {
  for (const bool leaves : {true, false}) {
    notes->Add({Rests("a"), Rests("b")});
    fs::remove(path);
    fs::create_symlink(scratch.File("nowhere"), path);
    leaves ? notes->Leave("a") : notes->Add({Rests("c")});
    EXPECT_FALSE(fs::is_symlink(path));
    EXPECT_FALSE(notes->Has("b"));
    NextAgent();
    EXPECT_THAT(loaded, IsEmpty());
  }
}

TEST_F(RestNotesTest, WhatIsMostlyOverIsWrittenAnewAndShort) {
  notes->WriteAnew({Rests("a")});
  const std::string much(10'000, 'x');
  int lines = 0;
  for (; !notes->is_long(); ++lines) {
    notes->Add({Rests("b", much)});
    notes->Leave("b");
    ASSERT_LT(lines, 1000);
  }
  EXPECT_GT(lines, 50);
  notes->WriteAnew({Rests("a")});
  EXPECT_FALSE(notes->is_long());
  EXPECT_LT(Bytes().size(), 200u);
  NextAgent();
  EXPECT_THAT(loaded, ElementsAre("a="));
}

}  // namespace
}  // namespace iris
