#include "common/base/fnv.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

// Values of the reference implementation.
TEST(FnvHex128Test, MatchesTheReference) {
  EXPECT_EQ(FnvHex128(""), "6c62272e07bb014262b821756295c58d");
  EXPECT_EQ(FnvHex128("a"), "d228cb696f1a8caf78912b704e4a8964");
  EXPECT_EQ(FnvHex128("foobar"), "343e1662793c64bf6f0d3597ba446f18");
}

}  // namespace
}  // namespace iris
