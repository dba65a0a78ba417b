#include "coordinator/reach/shell/remote_command_line.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/shell/dialogue.h"
#include "coordinator/reach/shell/testing/shell_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kMarker[] = "0123456789abcdef0123456789abcdef";
const std::string kDigest(64, 'd');
const std::string kAgent = absl::StrCat("#!/bin/sh\necho \"", kMarker, " agent: $*\"\n");

RemoteCommandLine Line() {
  RemoteCommandLine line = {.marker = kMarker, .builds = {}, .agent_dir = ""};
  for (const char* arch : {"x86_64", "aarch64", "riscv64"}) {
    line.builds.push_back({.arch = arch, .sha256 = kDigest, .bytes = kAgent.size()});
  }
  return line;
}

std::string Text(const RemoteCommandLine& line) { return MakeRemoteCommandLine(line).value(); }

std::string OnStdin() {
  RemoteCommandLine line = Line();
  line.on_stdin = true;
  return Text(line);
}

absl::Time Soon() { return absl::Now() + absl::Minutes(1); }

// An agent that says how it was started.
void PutAgent(const std::string& directory) {
  std::filesystem::create_directories(directory + "/bin");
  chmod(directory.c_str(), 0700);
  chmod((directory + "/bin").c_str(), 0700);
  const std::string agent = directory + "/bin/iris-agent-" + kDigest;
  std::ofstream(agent) << kAgent;
  chmod(agent.c_str(), 0700);
}

class RemoteCommandLineTest : public testing::Test {
 protected:
  std::string Home() const { return scratch_.path(); }

  // What the host says first, and then (a second reply) its agent.
  std::string Answer(const RemoteCommandLine& line, const std::vector<std::string>& env = {}) {
    host_ = std::make_unique<ShellHost>(LoginShell{"/bin/dash", "-c"}, Text(line), Home(), env);
    dialogue_ = std::make_unique<Dialogue>(host_->fd(), kMarker, nullptr);
    return dialogue_->FirstReply(Soon()).value_or("nothing");
  }
  std::string Agent() { return dialogue_->NextReply(Soon()).value_or("nothing"); }

  const ScratchDir scratch_;
  std::unique_ptr<ShellHost> host_;
  std::unique_ptr<Dialogue> dialogue_;
};

TEST_F(RemoteCommandLineTest, HoldsNothingThatAnyShellWouldTouch) {
  const std::string text = Text(Line());

  ASSERT_TRUE(absl::StartsWith(text, "exec sh -c '"));
  ASSERT_TRUE(absl::EndsWith(text, "'"));
  const std::string inside = text.substr(12, text.size() - 13);
  EXPECT_EQ(inside.find_first_of("'\\!\n\r"), std::string::npos) << inside;
  EXPECT_LT(text.size(), 4096u);
}

TEST_F(RemoteCommandLineTest, AShellThatRepeatsItIsNotTakenForTheAnswer) {
  EXPECT_THAT(Text(Line()), Not(HasSubstr(kMarker)));
}

TEST_F(RemoteCommandLineTest, StartsTheAgentThatItFinds) {
  PutAgent(Home() + "/.local/share/iris");

  EXPECT_THAT(Answer(Line()), testing::StartsWith("found Linux "));
  EXPECT_EQ(Agent(), "agent: bridge --data " + Home() + "/.local/share/iris");
}

TEST_F(RemoteCommandLineTest, PrefersTheFirstDirectory) {
  PutAgent(Home() + "/.iris");
  PutAgent(Home() + "/x d g/iris");

  EXPECT_THAT(Answer(Line(), {"XDG_DATA_HOME=" + Home() + "/x d g"}), HasSubstr("found"));
  EXPECT_EQ(Agent(), "agent: bridge --data " + Home() + "/x d g/iris");
}

TEST_F(RemoteCommandLineTest, AnAgentDirIsTheOnlyPlace) {
  PutAgent(Home() + "/.iris");
  RemoteCommandLine line = Line();
  line.agent_dir = "~/a b/ü";
  EXPECT_THAT(Answer(line), testing::StartsWith("none"));

  PutAgent(Home() + "/a b/ü");
  EXPECT_THAT(Answer(line), HasSubstr("found"));
  EXPECT_EQ(Agent(),
            absl::StrCat("agent: bridge --data ", Home(), "/a b/ü --home ", Home(), "/a b/ü"));
}

TEST_F(RemoteCommandLineTest, DoesNotTrustADirectoryThatOthersCanWriteTo) {
  PutAgent(Home() + "/.iris");
  ASSERT_EQ(chmod((Home() + "/.iris").c_str(), 0770), 0);
  EXPECT_THAT(Answer(Line()), testing::StartsWith("none"));

  ASSERT_EQ(chmod((Home() + "/.iris").c_str(), 0755), 0);
  ASSERT_EQ(chmod((Home() + "/.iris/bin").c_str(), 0707), 0);
  EXPECT_THAT(Answer(Line()), testing::StartsWith("none"));

  ASSERT_EQ(chmod((Home() + "/.iris/bin").c_str(), 0755), 0);
  EXPECT_THAT(Answer(Line()), testing::StartsWith("found"));
}

TEST_F(RemoteCommandLineTest, DoesNotFollowALinkOrTrustAStrangersDirectory) {
  PutAgent(Home() + "/elsewhere");
  std::filesystem::create_directory_symlink(Home() + "/elsewhere", Home() + "/.iris");
  EXPECT_THAT(Answer(Line()), testing::StartsWith("none"));

  std::filesystem::remove(Home() + "/.iris");
  PutAgent(Home() + "/.iris");
  if (geteuid() == 0) {
    ASSERT_EQ(chown((Home() + "/.iris").c_str(), 12345, 12345), 0);
    EXPECT_THAT(Answer(Line()), testing::StartsWith("none"));
  }
}

// What a loss of power leaves behind.
TEST_F(RemoteCommandLineTest, AFileOfAnotherSizeIsNoAgent) {
  PutAgent(Home() + "/.iris");
  const std::string agent = Home() + "/.iris/bin/iris-agent-" + kDigest;
  for (const size_t size : {size_t{0}, kAgent.size() - 1, kAgent.size() + 1}) {
    std::filesystem::resize_file(agent, size);
    EXPECT_THAT(Answer(Line()), testing::StartsWith("none")) << size;
  }
  std::filesystem::remove(agent);
  std::filesystem::create_directory(agent);
  EXPECT_THAT(Answer(Line()), testing::StartsWith("none"));
}

TEST_F(RemoteCommandLineTest, PassesOverAnAgentThatWasFoundNotToRun) {
  PutAgent(Home() + "/.iris");
  RemoteCommandLine line = Line();
  line.ignore_installed = true;

  EXPECT_THAT(Answer(line), testing::StartsWith("none"));
}

TEST_F(RemoteCommandLineTest, AnotherArchitecturesAgentIsNotStarted) {
  PutAgent(Home() + "/.iris");
  RemoteCommandLine line = Line();
  line.builds = {{.arch = "vax", .sha256 = kDigest, .bytes = kAgent.size()}};

  EXPECT_THAT(Answer(line), testing::StartsWith("none"));
}

TEST_F(RemoteCommandLineTest, LeavesTheEnvironmentAsItWas) {
  const std::string directory = Home() + "/.iris";
  PutAgent(directory);
  const std::string agent = absl::StrCat(
      "#!/bin/sh\necho \"", kMarker, " $LANG/${LC_ALL:-unset}/$(umask)/$(env | grep -c iris_)\"\n");
  std::ofstream(directory + "/bin/iris-agent-" + kDigest) << agent;
  RemoteCommandLine line = Line();
  for (AgentBuild& build : line.builds) build.bytes = agent.size();

  EXPECT_THAT(Answer(line, {"LANG=de_DE.UTF-8"}), HasSubstr("found"));
  EXPECT_EQ(Agent(), "de_DE.UTF-8/unset/0022/0");
}

TEST_F(RemoteCommandLineTest, RefusesAnAgentDirThatAShellWouldRead) {
  for (const char* bad : {"/a'b", "/a\"b", "/a$(id)", "/a`id`", "/a\\b", "/a!b", "/a\nb", "/a;b"}) {
    RemoteCommandLine line = Line();
    line.agent_dir = bad;
    EXPECT_EQ(KindOf(MakeRemoteCommandLine(line).status()), v1::FAILURE_BAD_REQUEST) << bad;
  }
}

class EveryLoginShell : public testing::TestWithParam<LoginShell> {};

TEST_P(EveryLoginShell, RunsTheLineAndBecomesTheAgent) {
  const ScratchDir home;
  PutAgent(home.path() + "/.iris");
  const ShellHost host(GetParam(), Text(Line()), home.path());
  Dialogue dialogue(host.fd(), kMarker, nullptr);

  EXPECT_THAT(dialogue.FirstReply(Soon()).value_or("nothing"), HasSubstr("found Linux"));
  EXPECT_EQ(dialogue.NextReply(Soon()).value_or("nothing"),
            "agent: bridge --data " + home.path() + "/.iris");
}

TEST_P(EveryLoginShell, RunsTheLineAndReadsAScript) {
  const ScratchDir home;
  const ShellHost host(GetParam(), Text(Line()), home.path());
  Dialogue dialogue(host.fd(), kMarker, nullptr);

  EXPECT_THAT(dialogue.FirstReply(Soon()).value_or("nothing"), HasSubstr("none Linux"));
  const std::string for_another_shell = absl::StrCat(" ", OnStdin(), "\n");
  ASSERT_TRUE(
      dialogue
          .Send(absl::StrCat("\n", for_another_shell, "\n", kMarker, "\necho ", kMarker, " read\n"),
                Soon())
          .ok());
  EXPECT_EQ(dialogue.NextReply(Soon()).value_or("nothing"), "read");
}

// What `exec zsh -l` in a .bashrc leaves: a shell that was given no command. Not fish: it runs
// nothing before the end of its input, and reads none from a socket.
class ShellInPlace : public EveryLoginShell {};

TEST_P(ShellInPlace, TakesTheLineFromStdin) {
  const ScratchDir home;
  PutAgent(home.path() + "/.iris");
  std::string shell = GetParam()[0];
  if (absl::EndsWith(shell, "busybox")) shell += " ash";
  const ShellHost host({"/bin/dash", "-c"}, "exec " + shell, home.path());
  Dialogue dialogue(host.fd(), kMarker, nullptr);
  ASSERT_TRUE(dialogue.Send(absl::StrCat("\n ", OnStdin(), "\n"), Soon()).ok());

  EXPECT_THAT(dialogue.FirstReply(Soon()).value_or("nothing"),
              testing::StartsWith("stdin found Linux"));
  EXPECT_EQ(dialogue.NextReply(Soon()).value_or("nothing"),
            "agent: bridge --data " + home.path() + "/.iris");
}

std::vector<LoginShell> ShellsThatReadLines() {
  std::vector<LoginShell> shells = LoginShellsHere();
  std::erase_if(shells, [](const LoginShell& shell) { return absl::EndsWith(shell[0], "fish"); });
  return shells;
}

std::string ShellName(const testing::TestParamInfo<LoginShell>& info) {
  const std::string& path = info.param[0];
  return path.substr(path.rfind('/') + 1);
}

INSTANTIATE_TEST_SUITE_P(Here, EveryLoginShell, testing::ValuesIn(LoginShellsHere()), ShellName);
INSTANTIATE_TEST_SUITE_P(Here, ShellInPlace, testing::ValuesIn(ShellsThatReadLines()), ShellName);

TEST(LoginShells, AtLeastTheTwoOfEveryDebianAreTried) {
  EXPECT_GE(LoginShellsHere().size(), 2u);
  EXPECT_EQ(access("/bin/bash", X_OK), 0);
  EXPECT_EQ(access("/bin/dash", X_OK), 0);
}

}  // namespace
}  // namespace iris
