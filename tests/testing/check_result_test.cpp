#include <larder/testing/check_result.hpp>

#include <sstream>

#include "tests/support/catch.hpp"

using larder::testing::CheckResult;
using larder::testing::Verdict;

TEST_CASE("a result is printed with what it knows") {
  CHECK(CheckResult{.name = "a check"}.to_text() == "passed: a check\n");
  const CheckResult failed{
      .name = "a check", .verdict = Verdict::failed, .reason = "expected: more", .story = "  cache.get(\"k\");\n"};
  CHECK(failed.to_text() == "failed: a check\n  expected: more\n\n  cache.get(\"k\");\n");
  std::ostringstream out;
  out << CheckResult{.name = "a check", .verdict = Verdict::not_applicable, .reason = "why"};
  CHECK(out.str() == "not applicable: a check\n  why\n");
}

TEST_CASE("a check that passed or does not apply is fine") {
  CHECK(CheckResult{.verdict = Verdict::passed}.ok());
  CHECK(CheckResult{.verdict = Verdict::not_applicable}.ok());
  CHECK_FALSE(CheckResult{.verdict = Verdict::failed}.ok());
  CHECK_FALSE(CheckResult{.verdict = Verdict::invalid_setup}.ok());
}
