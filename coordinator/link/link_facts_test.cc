#include "coordinator/link/link_facts.h"

#include <utility>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(LinkFactsTest, ANumberIsFoundByItsNameAndWhatIsNoneIsZero) {
  v1::LinkStatus link;
  EXPECT_EQ(FactNumber(link, "clientPid"), 0);
  for (const auto& [name, value] : {std::pair{"container", "7"}, {"clientPid", "4711"}}) {
    link.add_facts()->set_name(name);
    link.mutable_facts(link.facts_size() - 1)->set_value(value);
  }
  EXPECT_EQ(FactNumber(link, "clientPid"), 4711);
  link.mutable_facts(1)->set_value("c0ffee");
  EXPECT_EQ(FactNumber(link, "clientPid"), 0);
}

}  // namespace
}  // namespace iris
