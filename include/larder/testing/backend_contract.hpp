/// \file backend_contract.hpp
/// BackendContract: what every cache backend promises, as checks that any test framework can run.
///
///     larder::testing::ManualClock clock;
///     larder::testing::BackendContract<> contract({
///         .name = "MyBackend",
///         .make = [clock] { return std::make_unique<MyBackend>(clock); },
///         .clock = clock,
///     });
///     for (const auto& check : contract.checks()) std::cout << check.run();
///
/// testing/catch2.hpp and testing/googletest.hpp make a test case of each check, in one line. What a backend does not
/// promise, it declares (backend_capabilities.hpp), and the checks see to it that it then keeps what it declares: a
/// check that does not apply says why.
///
/// Invariants: a check makes the backends that it needs and shares nothing with other checks but the clock, so that
/// checks may run in any order, each as often as one likes, but not two at once. A check never throws.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/testing/check_result.hpp>
#include <larder/testing/contract_subject.hpp>
#include <larder/testing/detail/all_checks.hpp>
#include <larder/testing/detail/erase_types.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing {

/// One promise of the contract, ready to be checked. Cheap to copy; it keeps what it needs alive.
class ContractCheck {
 public:
  ContractCheck(std::shared_ptr<const detail::ErasedSubject> subject, detail::CheckDefinition definition)
      : subject_(std::move(subject)), definition_(std::move(definition)) {}

  /// Such as "expiry: get sees an entry until its TTL is over, and not from then on".
  const std::string& name() const noexcept { return definition_.name; }

  /// Carries it out. Never throws but std::bad_alloc.
  CheckResult run() const {
    CheckResult result{.name = name()};
    if (!subject_->misuse.empty()) return with(std::move(result), Verdict::invalid_setup, subject_->misuse);
    detail::Trial trial(*subject_);
    try {
      definition_.run(trial);
    } catch (const detail::CheckFailed& failed) {
      result = with(std::move(result), Verdict::failed, failed.reason);
    } catch (const detail::CheckNotApplicable& not_applicable) {
      result = with(std::move(result), Verdict::not_applicable, not_applicable.reason);
    } catch (const detail::SetupInvalid& invalid) {
      result = with(std::move(result), Verdict::invalid_setup, invalid.reason);
    } catch (...) {
      const std::string thrown = detail::describe_current_exception();
      result = with(std::move(result), Verdict::failed, "expected: no exception, but the last call threw " + thrown);
    }
    if (result.verdict == Verdict::failed) result.story = trial.story().to_text();
    return result;
  }

 private:
  static CheckResult with(CheckResult result, Verdict verdict, std::string reason) {
    result.verdict = verdict;
    result.reason = std::move(reason);
    return result;
  }

  std::shared_ptr<const detail::ErasedSubject> subject_;
  detail::CheckDefinition definition_;
};

/// What `BackendContract::run` prints before its summary.
enum class Report : unsigned char {
  failures,    ///< what is wrong
  exceptions,  ///< and how many checks do not apply, for which reasons
  everything,  ///< each check by its name
};

/// The contract of `CacheBackend` for one kind of backend.
template <class Key = std::string, class Value = Bytes>
class BackendContract {
 public:
  using Subject = ContractSubject<Key, Value>;

  /// What makes no sense in the subject is what every check then says.
  explicit BackendContract(Subject subject)
      : subject_(std::make_shared<const detail::ErasedSubject>(detail::erase_types(std::move(subject)))) {
    for (auto& definition : detail::all_checks()) checks_.emplace_back(subject_, std::move(definition));
  }

  /// The name of the backends, as the subject gives it.
  const std::string& name() const noexcept { return subject_->name; }

  /// All checks, in an order that tells the simplest first.
  const std::vector<ContractCheck>& checks() const& noexcept { return checks_; }
  std::vector<ContractCheck> checks() && noexcept { return std::move(checks_); }

  /// Runs them all, and prints a report to `out`. Result: whether nothing is wrong.
  template <class CharTraits>
  bool run(std::basic_ostream<char, CharTraits>& out, Report report = Report::exceptions) const {
    std::map<Verdict, std::size_t> count;
    std::map<std::string, std::size_t> not_applicable;
    for (const ContractCheck& check : checks_) {
      const CheckResult result = check.run();
      ++count[result.verdict];
      if (result.verdict == Verdict::not_applicable) ++not_applicable[result.reason];
      if (!result.ok() || report == Report::everything) out << result << "\n";
      if (result.verdict == Verdict::invalid_setup) break;  // the others would say the same
    }
    if (report == Report::exceptions) {
      for (const auto& [reason, checks] : not_applicable) {
        out << "not applicable (" << checks << "): " << reason.c_str() << "\n";
      }
    }
    out << name().c_str() << ":";
    const char* separator = " ";
    for (const auto& [verdict, checks] : count) {
      out << separator << checks << " " << to_string(verdict);
      separator = ", ";
    }
    out << "\n";
    return !count.contains(Verdict::failed) && !count.contains(Verdict::invalid_setup);
  }

 private:
  std::shared_ptr<const detail::ErasedSubject> subject_;
  std::vector<ContractCheck> checks_;
};

}  // namespace larder::testing
