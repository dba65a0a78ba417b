#include "coordinator/cli/table.h"

#include <stdlib.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace iris {
namespace {

using Rows = std::vector<std::vector<Cell>>;

TEST(TableTest, LinesUpByCharactersAndEndsInNoBlanks) {
  EXPECT_EQ(
      FitTable(Rows{{{"TEAM"}, {"X"}, {"Y"}}, {{"größe"}, {""}, {"1"}}, {{"a"}, {"2"}, {""}}}, {}),
      "TEAM   X  Y\ngröße     1\na      2\n");
}

TEST(TableTest, TheWidestColumnIsCutWhereTheScreenIsNarrow) {
  const std::string words(40, 'w'), name(10, 'n');
  EXPECT_EQ(FitTable(Rows{{{name}, {words}, {"end"}}}, {.columns = 30}),
            "nnnnnnnnnn  wwwwwwwwwwww…  end\n");
  EXPECT_EQ(FitTable(Rows{{{name}, {words}}}, {.columns = 20}), "nnnnnnnnnn  wwwwwww…\n");
  EXPECT_EQ(FitTable(Rows{{{words}, {words}}}, {.columns = 20}), "wwwwwwwww…  wwwwwww…\n")
      << "the first gives way last";
  EXPECT_EQ(FitTable(Rows{Plain({words})}, {.columns = 20}), std::string(19, 'w') + "…\n");
  const std::string narrowest(7, 'w');
  EXPECT_EQ(FitTable(Rows{{{words}, {words}, {words}}}, {.columns = 20}),
            narrowest + "…  " + narrowest + "…  " + narrowest + "…\n")
      << "no narrower than 8";
}

TEST(TableTest, ColoursDoNotMoveColumns) {
  const Screen colourful = {.columns = 80, .colour = true};
  EXPECT_EQ(
      FitTable(Rows{{{"a"}, {"ready", Tint::kGood}, {"x"}}, {{"b"}, {"lost", Tint::kBad}, {"y"}}},
               colourful),
      "a  \033[32mready\033[0m  x\nb  \033[31mlost\033[0m   y\n");
  EXPECT_EQ(Paint("lost", Tint::kBad, {}), "lost");
}

TEST(TableTest, APipeHasNoColoursAndTheColumnsThatTheEnvironmentSays) {
  setenv("COLUMNS", "132", 1);
  EXPECT_EQ(OwnScreen().columns, 132u);
  for (const char* none : {"", "many", "3", "-80"}) {
    setenv("COLUMNS", none, 1);
    EXPECT_GE(OwnScreen().columns, 20u) << none;
  }
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(OwnScreen().colour);
}

}  // namespace
}  // namespace iris
