#include "coordinator/reach/shell/agent_bundle.h"

#include <elf.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/shell/packed_agent.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kTailBytes = 100'000;

// The head of a program for `machine`, then as much as compresses well.
void WriteProgram(const std::string& path, uint16_t machine, char fill = 'x') {
  Elf64_Ehdr header = {};
  memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = machine;
  std::ofstream(path).write(reinterpret_cast<const char*>(&header), sizeof(header))
      << std::string(kTailBytes, fill);
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
}

std::string MakeDir(const std::string& path) {
  EXPECT_EQ(mkdir(path.c_str(), 0700), 0) << path;
  return path;
}

TEST(AgentBundleTest, TakesTheArchitectureFromTheProgramAndNotFromItsName) {
  const ScratchDir scratch;
  WriteProgram(scratch.path() + "/iris-agent", EM_AARCH64);

  const auto bundle = AgentBundle::Find({scratch.path()});

  ASSERT_TRUE(bundle->ForArch("aarch64").ok());
  EXPECT_EQ((*bundle->ForArch("aarch64"))->path, scratch.path() + "/iris-agent");
  EXPECT_FALSE(bundle->ForArch("x86_64").ok());
}

TEST(AgentBundleTest, TheFirstDirectoryWithAnArchitectureCounts) {
  const ScratchDir scratch;
  const std::string first = MakeDir(scratch.path() + "/first");
  const std::string second = MakeDir(scratch.path() + "/second");
  WriteProgram(second + "/iris-agent-x86_64", EM_X86_64);
  WriteProgram(second + "/iris-agent-aarch64", EM_AARCH64);
  WriteProgram(first + "/iris-agent", EM_X86_64);

  const auto bundle = AgentBundle::Find({"/nonexistent", first, second});

  EXPECT_EQ((*bundle->ForArch("x86_64"))->path, first + "/iris-agent");
  EXPECT_EQ((*bundle->ForArch("aarch64"))->path, second + "/iris-agent-aarch64");
}

TEST(AgentBundleTest, DigestAndGzipAreWhatTheSystemsToolsSay) {
  const ScratchDir scratch;
  const std::string program = scratch.path() + "/iris-agent";
  WriteProgram(program, EM_X86_64);
  const auto bundle = AgentBundle::Find({scratch.path()});
  const AgentBuild& build = **bundle->ForArch("x86_64");

  EXPECT_EQ(build.bytes, sizeof(Elf64_Ehdr) + kTailBytes);
  // sha256sum of what WriteProgram() writes.
  EXPECT_EQ(build.sha256, "ae1b47d45849447a5e303ac319f0509922f1feaf9b1d308cdeb5c88bee51eded");
  const std::string* gzip = *bundle->Gzip(build);
  EXPECT_EQ(gzip->substr(0, 2), "\x1f\x8b");
  EXPECT_LT(gzip->size(), kTailBytes / 50);
  EXPECT_EQ(*bundle->Gzip(build), gzip) << "made once";
}

// As the build packs it, for the agent with this digest.
void WritePacked(const std::string& path, const std::string& sha256, const std::string& gzip) {
  std::ofstream(path) << sha256 << " " << Sha256Hex(gzip) << "\n" << gzip;
}

TEST(AgentBundleTest, WhatTheBuildPackedIsSent) {
  const ScratchDir scratch;
  const std::string program = scratch.path() + "/iris-agent-x86_64";
  WriteProgram(program, EM_X86_64);
  const auto bundle = AgentBundle::Find({scratch.path()});
  const AgentBuild& build = **bundle->ForArch("x86_64");
  WritePacked(program + ".packed", build.sha256, "made by the build");

  EXPECT_EQ(**bundle->Gzip(build), "made by the build");
}

TEST(AgentBundleTest, WhatWasPackedOfAnotherBuildIsNotSent) {
  const ScratchDir scratch;
  const std::string program = scratch.path() + "/iris-agent";
  WriteProgram(program, EM_X86_64, 'x');
  const std::string earlier = (*AgentBundle::Find({scratch.path()})->ForArch("x86_64"))->sha256;
  WritePacked(program + ".packed", earlier, "of the earlier build");
  WriteProgram(program, EM_X86_64, 'y');
  const auto bundle = AgentBundle::Find({scratch.path()});
  const AgentBuild& build = **bundle->ForArch("x86_64");
  ASSERT_NE(build.sha256, earlier);

  const std::string gzip = **bundle->Gzip(build);
  EXPECT_EQ(gzip.substr(0, 2), "\x1f\x8b");
  EXPECT_THAT(gzip, Not(HasSubstr("earlier")));
}

TEST(AgentBundleTest, ThisBuildHasPackedItsAgent) {
  const std::string directory =
      absl::StrCat(getenv("TEST_SRCDIR"), "/iris/coordinator/reach/shell/testing");
  const auto bundle = AgentBundle::Find({directory});
  const AgentBuild& build = **bundle->ForThisMachine();
  std::ostringstream packed;
  packed << std::ifstream(PackedPath(build.path)).rdbuf();
  const std::string content = packed.str();

  const absl::optional<absl::string_view> gzip = GzipIn(content, build.sha256);
  ASSERT_TRUE(gzip.has_value()) << content.substr(0, 130);
  EXPECT_EQ(gzip->substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(**bundle->Gzip(build), *gzip);
}

TEST(AgentBundleTest, SaysWhichBuildsThereAreAndWhereItLooked) {
  const ScratchDir scratch;
  WriteProgram(scratch.path() + "/iris-agent", EM_X86_64);

  const absl::Status none = AgentBundle::Find({scratch.path()})->ForArch("riscv64").status();

  EXPECT_EQ(KindOf(none), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(std::string(none.message()),
              AllOf(HasSubstr("riscv64"), HasSubstr("x86_64"), HasSubstr(scratch.path())));
}

TEST(AgentBundleTest, WhatIsNoProgramIsPassedOver) {
  const ScratchDir scratch;
  std::ofstream(scratch.path() + "/iris-agent") << "#!/bin/sh\n" << std::string(200, '#');

  EXPECT_FALSE(AgentBundle::Find({scratch.path()})->ForThisMachine().ok());
}

TEST(AgentBundleTest, ABuildThatWasReplacedIsNotSentUnderTheOldDigest) {
  const ScratchDir scratch;
  WriteProgram(scratch.path() + "/iris-agent", EM_X86_64, 'x');
  const auto bundle = AgentBundle::Find({scratch.path()});
  const AgentBuild& build = **bundle->ForArch("x86_64");
  WriteProgram(scratch.path() + "/iris-agent", EM_X86_64, 'y');

  EXPECT_EQ(KindOf(bundle->Bytes(build).status()), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_EQ(KindOf(bundle->Gzip(build).status()), v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST(AgentBundleTest, LooksInTheConfiguredDirectoryFirst) {
  EXPECT_THAT(DefaultBundleDirectories("/opt/agents", "/usr/bin/iris"),
              ElementsAre("/opt/agents", "/usr/bin/../agent", "/usr/bin", "/usr/bin/../lib/iris"));
  EXPECT_THAT(
      DefaultBundleDirectories("", "/x/coordinator/iris"),
      ElementsAre("/x/coordinator/../agent", "/x/coordinator", "/x/coordinator/../lib/iris"));
}

}  // namespace
}  // namespace iris
