#include "coordinator/reach/shell/install.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/shell/hello.h"
#include "coordinator/reach/shell/testing/install_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const bool kPrivate = (EnterPrivateMounts(), true);

namespace fs = std::filesystem;

std::vector<std::string> Listing(const std::string& directory) {
  std::vector<std::string> names;
  if (fs::exists(directory)) {
    for (const auto& entry : fs::directory_iterator(directory))
      names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::vector<std::string> kCommandsNeeded = {"sh", "uname", "id", "ls", "mkdir", "rmdir", "rm",
                                                  "mv", "dd",    "wc", "tr", "chmod", "cat"};

TEST_F(InstallTest, PutsTheAgentIntoTheFirstDirectoryAndBecomesItsBridge) {
  const absl::Status status = Install();

  ASSERT_TRUE(status.ok()) << status;
  const absl::StatusOr<v1::Hello> hello = Hello();
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(hello->data_dir(), home_ + "/.local/share/iris");
  EXPECT_THAT(Listing(home_ + "/.local/share/iris/bin"),
              ElementsAre("iris-agent-" + Build().sha256));
  EXPECT_EQ(sent_, (*bundle_->Gzip(Build()))->size());
  EXPECT_EQ(total_, sent_);
  struct stat agent = {};
  ASSERT_EQ(stat(AgentIn(home_ + "/.local/share/iris").c_str(), &agent), 0);
  EXPECT_EQ(agent.st_mode & 07777, 0700u);
  EXPECT_EQ(static_cast<uint64_t>(agent.st_size), Build().bytes);
}

TEST_F(InstallTest, TheBridgeHasTheUsersLocaleAndWhatComesAfterTheProgramReachesIt) {
  ASSERT_TRUE(Install({"LANG=de_DE.UTF-8"}).ok());

  EXPECT_EQ(Hello()->locale(), "de_DE.UTF-8");
  ASSERT_EQ(write(host_->fd(), "ping", 4), 4);
  char echo[4];
  struct pollfd ready = {.fd = host_->fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&ready, 1, 60'000), 1);
  ASSERT_EQ(read(host_->fd(), echo, 4), 4);
  EXPECT_EQ(std::string(echo, 4), "ping");
}

TEST_F(InstallTest, AnAgentDirHoldsTheAgentAndItsData) {
  agent_dir_ = "~/a place/for iris";
  ASSERT_TRUE(Install().ok());

  EXPECT_EQ(Hello()->data_dir(), home_ + "/a place/for iris");
  EXPECT_TRUE(fs::exists(AgentIn(home_ + "/a place/for iris")));
  EXPECT_THAT(Listing(home_), ElementsAre("a place"));
}

TEST_F(InstallTest, WhatItMakesIsClosedToOthersWhateverTheUmask) {
  const std::string careless = scratch_.File("careless");
  std::ofstream(careless) << "#!/bin/sh\numask 000\nexec /bin/dash \"$@\"\n";
  chmod(careless.c_str(), 0755);
  shell_ = {careless, "-c"};
  agent_dir_ = home_ + "/iris";
  ASSERT_TRUE(Install().ok());

  for (const std::string& made : {agent_dir_, agent_dir_ + "/bin", AgentIn(agent_dir_)}) {
    struct stat stat = {};
    ASSERT_EQ(lstat(made.c_str(), &stat), 0);
    EXPECT_EQ(stat.st_mode & 07777, 0700u) << made;
  }
  EXPECT_EQ(Hello()->locale(), "umask 0") << "the agent has the user's own";
}

TEST_F(InstallTest, GoesOnToTheNextDirectoryWhereProgramsCannotRun) {
  Mount(home_ + "/noexec", "", /*noexec=*/true);
  ASSERT_TRUE(Install({"XDG_DATA_HOME=" + home_ + "/noexec"}).ok());

  EXPECT_EQ(Hello()->data_dir(), home_ + "/.local/share/iris");
  EXPECT_THAT(Listing(home_ + "/noexec"), IsEmpty());
}

TEST_F(InstallTest, GoesOnToTheNextDirectoryWhereTheDiskIsFull) {
  Mount(home_ + "/full", "size=32k");
  ASSERT_TRUE(Install({"XDG_DATA_HOME=" + home_ + "/full"}).ok());

  EXPECT_EQ(Hello()->data_dir(), home_ + "/.local/share/iris");
  EXPECT_THAT(Listing(home_ + "/full"), IsEmpty());
}

TEST_F(InstallTest, DoesNotUseADirectoryThatOthersCanWriteTo) {
  fs::create_directories(home_ + "/.local/share/iris");
  chmod((home_ + "/.local/share/iris").c_str(), 0777);
  ASSERT_TRUE(Install().ok());

  EXPECT_EQ(Hello()->data_dir(), home_ + "/.iris");
}

TEST_F(InstallTest, SharedPlacesAreTheLastResort) {
  Mount(home_, "", false, /*read_only=*/true);
  Mount("/var/tmp", "", /*noexec=*/true);
  ASSERT_TRUE(Install().ok());

  EXPECT_EQ(Hello()->data_dir(), "/tmp/iris-0");
  fs::remove_all("/tmp/iris-0");
}

TEST_F(InstallTest, NamesEveryDirectoryAndItsReason) {
  Mount(home_, "", false, /*read_only=*/true);
  Mount("/var/tmp", "", /*noexec=*/true);
  fs::create_directory_symlink("/usr", "/tmp/iris-0");
  const absl::Status status = Install();
  fs::remove("/tmp/iris-0");

  EXPECT_EQ(KindOf(status), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr(home_ + "/.local/share/iris: "), HasSubstr("Read-only file system"),
            HasSubstr(home_ + "/.iris: "), HasSubstr("/var/tmp/iris-0: programs cannot run there"),
            HasSubstr("/tmp/iris-0: it is a symbolic link")));
}

TEST_F(InstallTest, AFullDiskIsToldFromADirectoryThatCannotBeWritten) {
  Mount(home_ + "/full", "size=32k");
  agent_dir_ = home_ + "/full/iris";
  const absl::Status full = Install();
  EXPECT_EQ(KindOf(full), v1::FAILURE_NO_SPACE);
  EXPECT_THAT(std::string(full.message()), HasSubstr("No space left on device"));
  EXPECT_THAT(Listing(home_ + "/full"), IsEmpty());

  agent_dir_ = "/proc/iris";
  const Failure closed = ToProto(Install());
  EXPECT_EQ(closed.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_EQ(closed.detail(),
            "remoteOptions.agentDir cannot be used: /proc/iris: cannot make it (No such file or "
            "directory)");
  EXPECT_THAT(closed.fix(), testing::StartsWith("Set remoteOptions.agentDir to a directory that"));
}

// Packed and unpacked it is on the disk for a moment.
TEST_F(InstallTest, RoomForTheProgramAloneIsTooLittle) {
  const uint64_t alone = Build().bytes + (64 << 10);
  const uint64_t packed = (*bundle_->Gzip(Build()))->size();
  Mount(home_ + "/small", absl::StrCat("size=", alone + packed / 2));
  agent_dir_ = home_ + "/small/iris";
  const absl::Status status = Install();
  EXPECT_EQ(KindOf(status), v1::FAILURE_NO_SPACE);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("No space left on device"),
                    HasSubstr(absl::StrCat("the installation needs ",
                                           (Build().bytes + packed) / 1'000'000 + 1, " MB"))));
  EXPECT_THAT(Listing(home_ + "/small"), IsEmpty());

  Mount(home_ + "/enough", absl::StrCat("size=", alone + packed + (64 << 10)));
  agent_dir_ = home_ + "/enough/iris";
  ASSERT_TRUE(Install().ok());
  EXPECT_THAT(Listing(home_ + "/enough/iris/bin"), ElementsAre("iris-agent-" + Build().sha256));
}

TEST_F(InstallTest, RoomForTheProgramAloneIsEnoughWhereItComesPlain) {
  std::vector<std::string> commands = kCommandsNeeded;
  commands.insert(commands.end(), {"head", "sha256sum"});
  Mount(home_ + "/small", absl::StrCat("size=", Build().bytes + (64 << 10)));
  agent_dir_ = home_ + "/small/iris";

  const absl::Status status = Install({PathWith(commands)});
  ASSERT_TRUE(status.ok()) << status;
}

// gzip reads 256 KiB at a time, `head` writes 4 KiB at a time.
TEST_F(InstallTest, WhatHasArrivedIsSaidHoweverLittleItIs) {
  agent_dir_ = home_ + "/iris";
  const std::string& gzip = **bundle_->Gzip(Build());
  StartUpload(gzip);
  const size_t piece = std::min<size_t>(20'000, gzip.size() / 8);
  const absl::Time deadline = InAMinute();
  for (size_t sent = piece; sent <= 6 * piece; sent += piece) {
    ASSERT_TRUE(dialogue_->Send(gzip.substr(sent - piece, piece), InAMinute()).ok());
    uint64_t got = 0;
    while (got + 4096 < sent) {
      const std::string reply = dialogue_->NextReply(deadline).value_or("nothing");
      ASSERT_LT(absl::Now(), deadline) << "only " << reply;
      ASSERT_TRUE(absl::SimpleAtoi(absl::StripPrefix(reply, "got "), &got)) << reply;
      ASSERT_LE(got, sent);
    }
  }
}

TEST_F(InstallTest, NoInodesAreNoSpace) {
  Mount(home_ + "/full", "nr_inodes=3");
  agent_dir_ = home_ + "/full/iris";

  EXPECT_EQ(KindOf(Install()), v1::FAILURE_NO_SPACE);
  EXPECT_THAT(Listing(home_ + "/full"), IsEmpty());
}

TEST_F(InstallTest, AFileSizeLimitIsNoSpace) {
  const std::string limited = scratch_.File("limited");
  std::ofstream(limited) << "#!/bin/sh\nulimit -f 8\nexec /bin/dash \"$@\"\n";
  chmod(limited.c_str(), 0755);
  shell_ = {limited, "-c"};
  agent_dir_ = home_ + "/iris";
  const absl::Status status = Install();

  EXPECT_EQ(KindOf(status), v1::FAILURE_NO_SPACE);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ulimit"));
  EXPECT_THAT(Listing(home_), IsEmpty());
}

TEST_F(InstallTest, AConnectionLostInTheUploadLeavesNothing) {
  agent_dir_ = home_ + "/iris";
  const std::string& gzip = **bundle_->Gzip(Build());
  StartUpload(gzip);
  ASSERT_THAT(Listing(home_ + "/iris/bin"), Each(testing::StartsWith(".upload-")));
  ASSERT_TRUE(dialogue_->Send(gzip.substr(0, gzip.size() / 2), InAMinute()).ok());
  shutdown(host_->fd(), SHUT_WR);

  EXPECT_EQ(LastReply(), absl::StrCat("failed damaged ", home_, "/iris: ", gzip.size() / 2, " of ",
                                      gzip.size(), " bytes arrived"));
  EXPECT_NE(host_->ExitCode(), 0);
  EXPECT_THAT(Listing(home_ + "/iris/bin"), IsEmpty());
}

TEST_F(InstallTest, WorksWithoutGzipAndWithoutHead) {
  std::vector<std::string> commands = kCommandsNeeded;
  commands.push_back("sha256sum");
  const absl::Status status = Install({PathWith(commands)});

  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(total_, Build().bytes);
  EXPECT_TRUE(Hello().ok());
}

TEST_F(InstallTest, WorksWithoutAnyDigestProgram) {
  std::vector<std::string> commands = kCommandsNeeded;
  commands.insert(commands.end(), {"head", "gzip"});

  ASSERT_TRUE(Install({PathWith(commands)}).ok());
  EXPECT_TRUE(Hello().ok());
}

TEST_F(InstallTest, WorksWithGunzipAndOpensslAlone) {
  std::vector<std::string> commands = kCommandsNeeded;
  commands.insert(commands.end(), {"head", "openssl"});
  const std::string path = PathWith(commands);
  fs::create_symlink("/usr/bin/busybox", scratch_.File("bin/gunzip"));

  ASSERT_TRUE(Install({path}).ok());
  EXPECT_LT(total_, Build().bytes);
  EXPECT_TRUE(Hello().ok());
}

TEST_F(InstallTest, AnOpensslThatDoesNotWorkIsNotTheLastWord) {
  std::vector<std::string> commands = kCommandsNeeded;
  commands.insert(commands.end(), {"head", "gzip"});
  const std::string path = PathWith(commands);
  std::ofstream(scratch_.File("bin/openssl")) << "#!/bin/sh\necho no library >&2\nexit 1\n";
  chmod(scratch_.File("bin/openssl").c_str(), 0755);
  agent_dir_ = home_ + "/iris";
  EXPECT_EQ(KindOf(Install({path})), v1::FAILURE_DROPPED) << "and not: nothing says the digest";

  fs::create_symlink("/usr/bin/sha256sum", scratch_.File("bin/sha256sum"));
  const absl::Status status = Install({path});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(Hello().ok());
}

TEST_F(InstallTest, WorksWithBusyboxAlone) {
  const std::string bin = scratch_.File("bin");
  fs::create_directory(bin);
  for (const char* applet :
       {"sh", "uname", "id",  "ls",   "mkdir", "rmdir",     "rm",   "mv",   "dd",   "wc",
        "tr", "chmod", "cat", "head", "gzip",  "sha256sum", "find", "stat", "grep", "readlink"}) {
    fs::create_symlink("/usr/bin/busybox", absl::StrCat(bin, "/", applet));
  }
  shell_ = {"/usr/bin/busybox", "ash", "-c"};

  const absl::Status status = Install({"PATH=" + bin});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(Hello().ok());
}

TEST_F(InstallTest, ADamagedProgramIsNotPutInPlace) {
  std::vector<std::string> commands = kCommandsNeeded;
  commands.insert(commands.end(), {"head", "gzip"});
  const std::string path = PathWith(commands);
  std::ofstream(scratch_.File("bin/sha256sum")) << "#!/bin/sh\necho 0000 -\n";
  chmod(scratch_.File("bin/sha256sum").c_str(), 0755);
  agent_dir_ = home_ + "/iris";

  const absl::Status status = Install({path});
  EXPECT_EQ(KindOf(status), v1::FAILURE_DROPPED);
  EXPECT_THAT(std::string(status.message()), HasSubstr("SHA-256"));
  EXPECT_THAT(Listing(home_ + "/iris/bin"), IsEmpty());
}

TEST_F(InstallTest, AnAgentThatIsThereIsKeptByItsDigestAlone) {
  ASSERT_TRUE(Install().ok());
  EXPECT_TRUE(uploaded_);
  const std::string agent = AgentIn(home_ + "/.local/share/iris");
  ASSERT_TRUE(Install().ok());
  EXPECT_FALSE(uploaded_);
  EXPECT_TRUE(Hello().ok());
  EXPECT_THAT(Listing(home_ + "/.local/share/iris/bin"),
              ElementsAre("iris-agent-" + Build().sha256));

  host_.reset();  // Its bridge runs the file.
  std::fstream(agent, std::ios::in | std::ios::out).seekp(4711) << "not the build";
  ASSERT_TRUE(Install().ok());
  EXPECT_TRUE(uploaded_);
  EXPECT_TRUE(Hello().ok());
}

TEST_F(InstallTest, TheProgramIsOnTheDiskBeforeItHasItsName) {
  const std::string log = scratch_.File("dd.log");
  const std::string path = PathWith({"sh", "uname", "id", "ls", "mkdir", "rmdir", "rm", "wc", "tr",
                                     "chmod", "cat", "head", "gzip", "sha256sum"});
  for (const char* command : {"dd", "mv"}) {
    const std::string spy = absl::StrCat(scratch_.File("bin"), "/", command);
    std::ofstream(spy) << "#!/bin/sh\necho \"" << command << " $*\" >>" << log << "\nexec /usr/bin/"
                       << command << " \"$@\"\n";
    chmod(spy.c_str(), 0755);
  }
  ASSERT_TRUE(Install({path}).ok());

  std::ifstream lines(log);
  std::vector<std::string> calls;
  for (std::string line; std::getline(lines, line);) calls.push_back(line);
  ASSERT_GE(calls.size(), 2u);
  EXPECT_THAT(calls.back(), testing::StartsWith("mv -f "));
  EXPECT_THAT(calls[calls.size() - 2], AllOf(HasSubstr(".upload-"), HasSubstr("fsync")));
}

TEST_F(InstallTest, KeepsTwoBuildsAndWhatIsRunning) {
  agent_dir_ = home_ + "/iris";
  const std::string bin = home_ + "/iris/bin";
  fs::create_directories(bin);
  chmod(bin.c_str(), 0700);
  chmod(agent_dir_.c_str(), 0700);
  int age = 10;
  for (const char* digest : {"aaaa", "bbbb", "cccc", "dddd"}) {
    const std::string old = absl::StrCat(bin, "/iris-agent-", digest);
    fs::copy_file("/bin/sleep", old);
    fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(age++));
  }
  std::ofstream(bin + "/keep me") << "not ours";
  const ShellHost running({"/bin/dash", "-c"}, "exec " + bin + "/iris-agent-cccc 100", home_);
  ASSERT_TRUE(Install().ok());
  ASSERT_TRUE(Hello().ok());

  EXPECT_THAT(Listing(bin),
              testing::UnorderedElementsAre("iris-agent-" + Build().sha256, "iris-agent-aaaa",
                                            "iris-agent-cccc", "keep me"));
}

TEST_F(InstallTest, AHostOfAnotherKindIsToldSo) {
  agent_dir_ = home_ + "/iris";
  Dialogue unused(-1, kMarker, nullptr);

  const absl::Status mac = InstallAgent(unused, *bundle_, Request("Darwin arm64")).status();
  EXPECT_EQ(KindOf(mac), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(std::string(mac.message()), HasSubstr("Darwin arm64"));
  const absl::Status vax = InstallAgent(unused, *bundle_, Request("Linux vax")).status();
  EXPECT_EQ(KindOf(vax), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(std::string(vax.message()), HasSubstr("vax"));
}

}  // namespace
}  // namespace iris
