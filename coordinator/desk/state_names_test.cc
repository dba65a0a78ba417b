#include "coordinator/desk/state_names.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

std::string Schema() {
  std::ifstream file("docs/iris.schema.json", std::ios::binary);
  EXPECT_TRUE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

// "["down", "up"]" in the order of the enum, whose last value is `last`; the first one is none.
template <typename State>
std::string NamesUpTo(int last) {
  std::string names;
  std::set<absl::string_view> seen;
  for (int state = 1; state <= last; ++state) {
    const absl::string_view name = StateName(static_cast<State>(state));
    EXPECT_NE(name, "unknown") << state;
    EXPECT_TRUE(seen.insert(name).second) << name << " is two states";
    names += (names.empty() ? "[\"" : ", \"") + std::string(name) + "\"";
  }
  return names + "]";
}

TEST(StateNamesTest, TheSchemaHasEveryStateUnderItsName) {
  const std::string schema = Schema();
  for (const std::string& names :
       {NamesUpTo<v1::TellSummary::State>(v1::TellSummary::State_MAX),
        NamesUpTo<v1::SessionStatus::State>(v1::SessionStatus::State_MAX),
        NamesUpTo<v1::LinkStatus::State>(v1::LinkStatus::State_MAX)}) {
    EXPECT_NE(schema.find("\"enum\": " + names), std::string::npos) << names;
  }
}

TEST(StateNamesTest, AStateOfANewerCoordinatorIsUnknown) {
  EXPECT_EQ(StateName(static_cast<v1::SessionStatus::State>(99)), "unknown");
  EXPECT_EQ(StateName(v1::TellSummary::STATE_UNSPECIFIED), "unknown");
}

}  // namespace
}  // namespace iris
