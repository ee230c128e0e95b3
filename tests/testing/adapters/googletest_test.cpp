/// \file googletest_test.cpp
/// A program of GoogleTest whose tests are the contract of two backends.
#include <larder/testing/googletest.hpp>

#include <set>
#include <string>

#include "tests/testing/adapters/subjects.hpp"

using larder_tests::Mutation;

const bool sound = larder::testing::add_to_googletest(larder_tests::contract_of("Sound", Mutation::none));
const bool broken =
    larder::testing::add_to_googletest(larder_tests::contract_of("Broken", Mutation::keeps_ttl_on_overwrite));

TEST(GoogleTestAdapter, GivesEachCheckANameOfItsOwn) {
  const auto contract = larder_tests::contract_of("Sound", Mutation::none);
  std::set<std::string> names;
  for (const auto& check : contract.checks()) names.insert(larder::testing::detail::googletest_name(check.name()));
  EXPECT_EQ(names.size(), contract.checks().size());
  EXPECT_EQ(larder::testing::detail::googletest_name("keys: a \"b\", c*"), "keys_a_b_c_");
}

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
