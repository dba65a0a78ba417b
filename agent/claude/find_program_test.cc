#include "agent/claude/find_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/str_join.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FindProgramTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& name, const std::string& text, mode_t mode = 0700) {
    const std::string path = scratch_.File(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string Link(const std::string& name, const std::string& to) {
    const std::string path = scratch_.File(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::filesystem::create_symlink(to, path);
    return path;
  }
  ProgramSearch Search() { return ProgramSearch(env_, scratch_.File("home"), {"/nonexistent"}); }

  const ScratchDir scratch_;
  std::map<std::string, std::string> env_ = {{"PATH", scratch_.File("bin")}};
};

TEST_F(FindProgramTest, OnPathItNeedsNoDirectory) {
  const std::string tool = Put("bin/tool", "#!/bin/sh\n");
  ProgramSearch search = Search();
  EXPECT_EQ(search.Find("tool").path, tool);
  EXPECT_EQ(search.Find("tool").directory, "");
  EXPECT_EQ(search.Find("other").path, "");
  EXPECT_THAT(search.unfit(), IsEmpty());
}

TEST_F(FindProgramTest, WhatCannotRunIsPassedOverAndNamed) {
  const std::string empty = Put("bin/tool", "");
  const std::string right = Put("home/.local/bin/tool",
                                "\x7f"
                                "ELF");
  ProgramSearch search = Search();
  EXPECT_EQ(search.Find("tool").path, right);
  EXPECT_EQ(search.Find("tool").directory, scratch_.File("home/.local/bin"));
  EXPECT_THAT(search.unfit(), testing::Contains(empty + " is empty"));
}

// Where a server hangs, so does whoever looks: only for what is nowhere else.
TEST_F(FindProgramTest, WhatIsOnTheNetworkIsLookedAtLast) {
  const std::string far = scratch_.File("far"), near = Put("near/tool", "#!/bin/sh\n");
  const std::string far_tool = Put("far/bin/tool", "#!/bin/sh\n");
  const std::string link = Link("bin/linked", Put("far/linked", "#!/bin/sh\n"));
  Put("far/nvm/versions/node/v22.0.0/bin/managed", "#!/bin/sh\n");
  env_["PATH"] = far + "/bin:" + scratch_.File("bin") + ":" + scratch_.File("near");
  env_["NVM_DIR"] = far + "/nvm";
  ProgramSearch search(env_, scratch_.File("home"), {}, [&](const std::string& path) {
    return path.rfind(far, 0) == 0 || path == link;
  });
  EXPECT_EQ(search.Find("tool").path, near);
  EXPECT_EQ(search.Find("linked", ProgramSearch::Reach::kNear).path, "");
  EXPECT_EQ(search.Find("linked").path, link);
  EXPECT_EQ(search.Find("managed").path, "") << "no directory is read there";
  std::filesystem::remove(near);
  EXPECT_EQ(search.Find("tool", ProgramSearch::Reach::kNear).path, "");
  EXPECT_EQ(search.Find("tool").path, far_tool);
  EXPECT_EQ(search.Find("tool").directory, "") << "it is on PATH";
  EXPECT_EQ(search.WhyUnfit(Put("env", "#!/usr/bin/env tool\n")), "");
}

TEST_F(FindProgramTest, WhatIsInTheHomeIsNearWhereverThatIs) {
  const std::string tool = Put("home/.local/bin/tool", "#!/bin/sh\n");
  Put("bin/tool", "#!/bin/sh\n");
  ProgramSearch search(env_, scratch_.File("home"), {}, [](const std::string&) { return true; });
  EXPECT_EQ(search.Find("tool", ProgramSearch::Reach::kNear).path, tool);
}

TEST_F(FindProgramTest, ItSaysWhyAFileCannotBeRun) {
  ProgramSearch search = Search();
  EXPECT_EQ(search.WhyUnfit(Put("empty", "")), "is empty");
  EXPECT_EQ(search.WhyUnfit(Put("plain", "#!/bin/sh\n", 0600)), "is not executable");
  EXPECT_EQ(search.WhyUnfit(Link("dangling", "/nonexistent")), "is a link that leads nowhere");
  EXPECT_EQ(search.WhyUnfit(Put("text", "hello\n")), "is no program");
  EXPECT_EQ(search.WhyUnfit(Put("script", "#!/nonexistent/node --x\n")), "needs /nonexistent/node");
  EXPECT_EQ(search.WhyUnfit(Put("env", "#!/usr/bin/env -S node --x\n")), "needs node");
  EXPECT_EQ(search.WhyUnfit(scratch_.path()), "is not a file");
  EXPECT_EQ(search.WhyUnfit(scratch_.File("absent")), "");

  Put("home/.volta/bin/node", "#!/bin/sh\n");
  EXPECT_EQ(search.WhyUnfit(scratch_.File("env")), "");
  EXPECT_EQ(search.WhyUnfit(Link("link", scratch_.File("env"))), "");
}

// What an account without rights here is told of `path`: root may run and enter everything.
[[noreturn]] void SayAsNobody(ProgramSearch search, const std::string& path) {
  if (geteuid() == 0 && setuid(65'534) != 0) _exit(2);
  const std::string why = search.WhyUnfit(path);
  search.Find("other");
  std::cerr << "[" << why << "] " << (search.lacks_rights() ? "lacks rights" : "lacks none") << " ["
            << absl::StrJoin(search.closed(), ", ") << "]";
  _exit(0);
}

TEST_F(FindProgramTest, WhatLacksOnlyARightIsToldFromWhatIsBroken) {
  chmod(scratch_.path().c_str(), 0711);
  const std::string shut = Put("shut/tool",
                               "\x7f"
                               "ELF");
  const std::string link = Link("home/.local/bin/tool", shut);
  const std::string own = Put("own",
                              "\x7f"
                              "ELF",
                              0600);
  env_["PATH"] = scratch_.File("shut");
  for (const char* folder : {"home", "home/.local", "home/.local/bin"}) {
    chmod(scratch_.File(folder).c_str(), 0755);
  }
  chmod(scratch_.File("shut").c_str(), 0);
  const std::string shut_folder = scratch_.File("shut");
  const std::string behind =
      "[is behind " + shut_folder + ", which this account may not enter] lacks rights";
  EXPECT_EXIT(SayAsNobody(Search(), link), ::testing::ExitedWithCode(0), HasSubstr(behind));
  EXPECT_EXIT(SayAsNobody(Search(), shut), ::testing::ExitedWithCode(0), HasSubstr(behind));
  EXPECT_EXIT(SayAsNobody(Search(), own), ::testing::ExitedWithCode(0),
              HasSubstr("[is not executable] lacks rights [" + shut_folder + "]"));
  EXPECT_EXIT(SayAsNobody(Search(), scratch_.File("absent")), ::testing::ExitedWithCode(0),
              HasSubstr("[] lacks none"));
  chmod(shut_folder.c_str(), 0700);
}

TEST_F(FindProgramTest, TheNewestVersionGoesFirst) {
  const std::string fnm = "home/.local/share/fnm/node-versions/";
  Put(fnm + "v9.0.0/installation/bin/tool", "#!/bin/sh\n");
  const std::string newest = Put(fnm + "v22.0.0/installation/bin/tool", "#!/bin/sh\n");
  EXPECT_EQ(Search().Find("tool").path, newest);
  const std::string chosen = Put("home/.local/share/fnm/aliases/default/bin/tool", "#!/bin/sh\n");
  EXPECT_EQ(Search().Find("tool").path, chosen) << "the version that the account chose";
}

TEST_F(FindProgramTest, ManagersAreWhereTheirVariablesSay) {
  const std::string tool = Put("elsewhere/shims/tool", "#!/bin/sh\n");
  EXPECT_EQ(Search().Find("tool").path, "");
  env_["MISE_DATA_DIR"] = scratch_.File("elsewhere");
  EXPECT_EQ(Search().Find("tool").path, tool);
  env_["MISE_DATA_DIR"] = "elsewhere";  // No path.
  EXPECT_EQ(Search().Find("tool").path, "");
}

TEST_F(FindProgramTest, AShimWhoseManagerIsGoneIsNamed) {
  const std::string shim =
      Link("home/.local/share/mise/shims/tool", scratch_.File("home/.local/bin/mise"));
  ProgramSearch search = Search();
  EXPECT_EQ(search.Find("tool").path, "");
  EXPECT_THAT(search.unfit(), ElementsAre(HasSubstr(shim + " is a link that leads nowhere")));
}

}  // namespace
}  // namespace iris
