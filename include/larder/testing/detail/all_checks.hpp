/// \file all_checks.hpp
/// The checks of the contract, in an order that tells the simplest first.
#pragma once

#include <larder/testing/detail/checks/batch_checks.hpp>
#include <larder/testing/detail/checks/clear_checks.hpp>
#include <larder/testing/detail/checks/conditional_checks.hpp>
#include <larder/testing/detail/checks/counting_checks.hpp>
#include <larder/testing/detail/checks/expiry_checks.hpp>
#include <larder/testing/detail/checks/fault_checks.hpp>
#include <larder/testing/detail/checks/history_checks.hpp>
#include <larder/testing/detail/checks/key_checks.hpp>
#include <larder/testing/detail/checks/limit_checks.hpp>
#include <larder/testing/detail/checks/listener_checks.hpp>
#include <larder/testing/detail/checks/overwriting_checks.hpp>
#include <larder/testing/detail/checks/pattern_checks.hpp>
#include <larder/testing/detail/checks/random_checks.hpp>
#include <larder/testing/detail/checks/setup_checks.hpp>
#include <larder/testing/detail/checks/value_checks.hpp>
#include <larder/testing/detail/checks/visit_checks.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// A template only so that a program of many files need not compile all checks in each of them: where
/// `extern template CheckList all_checks<void>();` stands, it is left to the one file that instantiates it.
template <class = void>
CheckList all_checks() {
  CheckList checks;
  for (const auto add :
       {add_setup_checks, add_key_checks, add_value_checks, add_expiry_checks, add_overwriting_checks,
        add_conditional_checks, add_limit_checks, add_counting_checks, add_batch_checks, add_visit_checks,
        add_pattern_checks, add_clear_checks, add_listener_checks, add_fault_checks, add_random_checks, add_history_checks}) {
    add(checks);
  }
  return checks;
}

}  // namespace larder::testing::detail
