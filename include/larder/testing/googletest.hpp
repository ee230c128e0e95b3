/// \file googletest.hpp
/// The contract kit for GoogleTest, 1.10 or newer: one test a check. In a file of tests:
///
///     const bool added = larder::testing::add_to_googletest(larder::testing::BackendContract<>({...}));
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <larder/testing/backend_contract.hpp>

namespace larder::testing {

namespace detail {

/// Result: "expiry_get_sees_an_entry" for "expiry: get sees an entry".
inline std::string googletest_name(std::string_view text) {
  std::string name;
  for (const char character : text) {
    const bool plain = (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
                       (character >= 'A' && character <= 'Z');
    if (plain) {
      name += character;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

class GoogleTestCheck final : public ::testing::Test {
 public:
  explicit GoogleTestCheck(ContractCheck check) : check_(std::move(check)) {}

  void TestBody() override {
    const CheckResult result = check_.run();
    if (result.verdict == Verdict::not_applicable) GTEST_SKIP() << result.to_text();
    if (!result.ok()) GTEST_FAIL() << result.to_text();
  }

 private:
  ContractCheck check_;
};

}  // namespace detail

/// Adds a test for each check, named "NAME.CHECK" with a `_` for what --gtest_filter would not take; one that does not
/// apply is skipped with its reason. To be called before RUN_ALL_TESTS, as the initialiser of a global variable or in
/// main. Result: true.
template <class Key, class Value>
bool add_to_googletest(const BackendContract<Key, Value>& contract) {
  const std::string suite = detail::googletest_name(contract.name());
  for (const ContractCheck& check : contract.checks()) {
    ::testing::RegisterTest(suite.c_str(), detail::googletest_name(check.name()).c_str(), nullptr, nullptr, __FILE__,
                            __LINE__, [check]() -> ::testing::Test* { return new detail::GoogleTestCheck(check); });
  }
  return true;
}

}  // namespace larder::testing
