/// \file random_checks.hpp
/// Random sequences of operations against the model: what no table of cases thought of.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <larder/testing/detail/contract_model.hpp>
#include <larder/testing/detail/random_operations.hpp>
#include <larder/testing/detail/trial.hpp>

namespace larder::testing::detail {

/// Carries out sequences, each on a fresh backend, and lets the model judge.
class SequenceRun {
 public:
  struct Failure {
    std::size_t length;  // operations up to the one that failed
    std::string expected;
  };

  SequenceRun(Trial& trial, std::optional<std::size_t> limit) : trial_(trial), limit_(limit) {}

  std::optional<Failure> run(const std::vector<Operation>& operations) const {
    using Clock = std::chrono::steady_clock;
    const auto cache = trial_.fresh({.max_size_bytes = limit_});
    ContractModel model(trial_.subject(), limit_);
    const auto began = Clock::now();
    std::chrono::nanoseconds virtual_now{0};
    const auto now = [&] {
      return trial_.virtual_time() ? virtual_now : std::chrono::nanoseconds(Clock::now() - began);
    };
    for (std::size_t i = 0; i < operations.size(); ++i) {
      ContractModel::Interval when{.begin = now()};
      Outcome outcome;
      if (operations[i].kind == Operation::Kind::wait) {
        trial_.wait(operations[i].pause);
        virtual_now += operations[i].pause;
      } else {
        outcome = outcome_of(cache, operations[i]);
      }
      when.end = now();
      if (auto expected = model.observe(operations[i], outcome, when)) return Failure{i + 1, std::move(*expected)};
    }
    return std::nullopt;
  }

 private:
  static Outcome outcome_of(const RecordedCache& cache, const Operation& operation) {
    try {
      return cache.perform(operation);
    } catch (...) {
      Outcome outcome;
      outcome.error = describe_current_exception();
      return outcome;
    }
  }

  Trial& trial_;
  std::optional<std::size_t> limit_;
};

/// Shrinks a failing sequence, tells it once more, and fails with it; or with the first time, if that was the only one.
[[noreturn]] inline void fail_with_shortest(Trial& trial, const SequenceRun& sequence,
                                            std::vector<Operation> operations, const SequenceRun::Failure& failure,
                                            std::uint64_t seed) {
  const std::string found = ", in the last call (found by a random sequence of " + std::to_string(operations.size()) +
                            " calls; ContractOptions::seed = " + std::to_string(seed) + " repeats it)";
  const Story first = trial.story();
  operations.resize(failure.length);
  const std::size_t tries = trial.virtual_time() ? 5000 : 200;
  Shrinker shrinker(
      [&sequence](const std::vector<Operation>& candidate) {
        const auto again = sequence.run(candidate);
        return again ? again->length : 0;
      },
      tries);
  const auto shortest = shrinker.shrink(operations);
  if (const auto again = sequence.run(shortest)) trial.fail(again->expected + found);
  if (const auto again = sequence.run(operations)) trial.fail(again->expected + found);
  trial.story() = first;
  trial.story().tell("// carried out once more, the same calls gave no wrong answer");
  trial.fail(failure.expected + found);
}

inline void random_sequences_agree(Trial& trial, std::optional<std::size_t> limit) {
  trial.only_if(!limit || trial.can().size_limit, "size_limit = false: this backend has no limit of its own");
  if (limit) limit = *limit / 16 * std::max<std::size_t>(trial.size_of(std::string(16, 'v')), 1);
  const SequenceRun sequence(trial, limit);
  RandomOperations::Range range{.virtual_time = trial.virtual_time()};
  if (limit) range.longest_value = *limit + *limit / 8;
  if (!trial.virtual_time()) range.waits = 20;
  const std::uint64_t seed = trial.options().seed;
  RandomOperations random(trial.can(), range, seed);
  for (std::size_t i = 0; i < trial.options().sequences; ++i) {
    // Short ones as well as long ones: what goes wrong early is seen before it is overwritten.
    const auto operations = random.sequence(1 + trial.options().operations * (i % 10 + 1) / 10);
    if (auto failure = sequence.run(operations)) {
      fail_with_shortest(trial, sequence, operations, *failure, seed);
    }
  }
}

inline void add_random_checks(CheckList& checks) {
  checks.push_back({"random: sequences of operations agree with the model",
                    [](Trial& trial) { random_sequences_agree(trial, std::nullopt); }});
  checks.push_back({"random: sequences of operations under a limit agree with the model",
                    [](Trial& trial) { random_sequences_agree(trial, 8192); }});
}

}  // namespace larder::testing::detail
