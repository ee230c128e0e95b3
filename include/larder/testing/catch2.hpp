/// \file catch2.hpp
/// The contract kit for Catch2, version 2 or 3: one test case a check. In a file of tests:
///
///     const bool added = larder::testing::add_to_catch2(larder::testing::BackendContract<>({...}));
#pragma once

#include <string>
#include <string_view>
#include <utility>

#if __has_include(<catch2/catch_test_case_info.hpp>)
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/internal/catch_test_registry.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <larder/testing/backend_contract.hpp>

namespace larder::testing {

namespace detail {

class Catch2Check final : public Catch::ITestInvoker {
 public:
  explicit Catch2Check(ContractCheck check) : check_(std::move(check)) {}

  void invoke() const override {
    const CheckResult result = check_.run();
    if (!result.ok()) FAIL(result.to_text());
#ifdef SKIP  // from version 3.3 on
    if (result.verdict == Verdict::not_applicable) SKIP(result.to_text());
#endif
    SUCCEED(result.to_text());
  }

 private:
  ContractCheck check_;
};

inline void register_with_catch2(const ContractCheck& check, const std::string& name, const std::string& tags) {
  const Catch::SourceLineInfo here(__FILE__, static_cast<std::size_t>(__LINE__));
  const Catch::NameAndTags name_and_tags{name, tags};
#if __has_include(<catch2/catch_test_case_info.hpp>)
  Catch::AutoReg(Catch::Detail::make_unique<Catch2Check>(check), here, Catch::StringRef(), name_and_tags);
#else
  Catch::AutoReg(new Catch2Check(check), here, Catch::StringRef(), name_and_tags);  // Catch2 owns it
#endif
}

}  // namespace detail

/// Adds a test case for each check, named "NAME: CHECK" and tagged with `tags`, `[contract]` unless told otherwise.
/// To be called before Catch2 runs, as the initialiser of a global variable. A check that does not apply is
/// skipped with its reason; by Catch2 before 3.3, it passes, and the option -s shows the reason. Result: true.
template <class Key, class Value>
bool add_to_catch2(const BackendContract<Key, Value>& contract, const std::string& tags = "[contract]") {
  for (const ContractCheck& check : contract.checks()) {
    detail::register_with_catch2(check, contract.name() + ": " + check.name(), tags);
  }
  return true;
}

}  // namespace larder::testing
