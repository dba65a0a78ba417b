#include "common/failure/exhausted.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

TEST(ExhaustedTest, EachLimitIsNamedWithWhatRaisesIt) {
  struct Case {
    int error;
    const char* fix;
  };
  for (const Case& one :
       {Case{EAGAIN, "ulimit -u"}, Case{EMFILE, "ulimit -n"}, Case{ENFILE, "ulimit -n"},
        Case{ENOMEM, "Free memory"}, Case{ENOSPC, "fs.epoll.max_user_watches"}}) {
    const Failure failure = ToProto(Exhausted(one.error, "DOING"));
    EXPECT_EQ(failure.kind(), v1::FAILURE_BUSY_LIMIT) << one.fix;
    EXPECT_THAT(failure.detail(), HasSubstr("DOING: "));
    EXPECT_THAT(failure.fix(), HasSubstr(one.fix));
  }
}

TEST(ExhaustedTest, AStatusSaysTheSame) {
  const auto fix = [](int error, const char* what) {
    return ToProto(Exhausted(absl::ErrnoToStatus(error, what), "DOING")).fix();
  };
  EXPECT_THAT(fix(EAGAIN, "fork"), HasSubstr("ulimit -u"));
  EXPECT_THAT(fix(EMFILE, "pipe"), HasSubstr("ulimit -n"));
  EXPECT_THAT(fix(ENOMEM, "epoll"), HasSubstr("Free memory"));
  EXPECT_THAT(fix(ENOSPC, "epoll, by fs.epoll.max_user_watches"), HasSubstr("sysctl"));
}

TEST(ExhaustedTest, AFullDiskIsNone) {
  EXPECT_FALSE(IsExhausted(ENOSPC));
  EXPECT_EQ(KindOf(SystemFailure(v1::FAILURE_STORAGE, ENOSPC, "DOING")), v1::FAILURE_STORAGE);
}

TEST(ExhaustedTest, TheLimitOnTheSizeOfAFileIsNamedWhereThereIsOne) {
  const auto fail = [] { return DiskFailure("DOING", strerror(EFBIG), "FIX"); };
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit lowered = before;
  lowered.rlim_cur = std::min<rlim_t>(before.rlim_max, rlim_t{1} << 30);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &lowered), 0);
  const absl::Status limited = fail();
  const absl::Status full = DiskFailure("DOING", strerror(ENOSPC), "FIX");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(KindOf(limited), v1::FAILURE_STORAGE);
  EXPECT_THAT(ToProto(limited).detail(), HasSubstr(std::to_string(lowered.rlim_cur)));
  EXPECT_THAT(ToProto(limited).fix(), HasSubstr("ulimit -f"));
  EXPECT_TRUE(IsOfFileSize(limited));
  EXPECT_EQ(ToProto(full).fix(), "FIX");
  EXPECT_FALSE(IsOfFileSize(full));
  EXPECT_FALSE(IsOfFileSize(absl::OkStatus()));
}

}  // namespace
}  // namespace iris
