/// \file random_operations.hpp
/// Random sequences of operations, and how a sequence that shows a failure is made as short as can be.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/testing/detail/random.hpp>
#include <larder/testing/operation.hpp>

namespace larder::testing::detail {

/// Draws operations that the capabilities allow, on few keys, so that they meet each other often.
class RandomOperations {
  using Kind = Operation::Kind;

 public:
  struct Range {
    std::size_t longest_value = 40;
    /// How many waits there may be; in real time each costs a step of the store's clock.
    std::size_t waits = static_cast<std::size_t>(-1);
    bool virtual_time = true;
  };

  RandomOperations(const BackendCapabilities& capabilities, Range range, std::uint64_t seed)
      : can_(capabilities), range_(range), random_(seed) {}

  std::vector<Operation> sequence(std::size_t length) {
    std::vector<Operation> operations;
    for (std::size_t i = 0; i < length; ++i) operations.push_back(any());
    return operations;
  }

 private:
  Operation any() {
    const std::size_t choice = random_.below(100);
    if (choice < 20) return {.kind = Kind::get, .keys = {key()}};
    if (choice < 38) return set(Kind::set);
    if (choice < 42) return set(can_.conditional_set ? Kind::set_if_absent : Kind::set);
    if (choice < 45 && can_.touch) return {.kind = Kind::touch, .keys = {key()}, .ttl = ttl()};
    if (choice < 52) return {.kind = Kind::erase, .keys = {key()}};
    if (choice < 57) return {.kind = Kind::exists, .keys = {key()}};
    if (choice < 63) return {.kind = Kind::get_many, .keys = several_keys()};
    if (choice < 70) return set_many();
    if (choice < 74) return {.kind = Kind::erase_many, .keys = several_keys()};
    if (choice < 76) return {.kind = Kind::clear};
    if (choice < 80 && can_.entries) return {.kind = Kind::get_entry, .keys = {key()}};
    if (choice < 84 && can_.enumerable_keys) return {.kind = Kind::keys, .keys = {pattern()}};
    if (choice < 85 && can_.resettable_stats) return {.kind = Kind::reset_stats};
    if (choice < 90) return {.kind = Kind::stats};
    return wait();
  }

  Operation set(Kind kind) {
    Operation operation{.kind = kind, .keys = {key()}, .values = {value()}, .ttl = ttl()};
    if (random_.one_in(4)) operation.metadata.emplace(random_.text("mn", 1), random_.text("xy", 2));
    return operation;
  }

  Operation set_many() {
    Operation operation{.kind = Kind::set_many, .keys = several_keys(), .ttl = ttl()};
    for (std::size_t i = 0; i < operation.keys.size(); ++i) operation.values.push_back(value());
    return operation;
  }

  Operation wait() {
    if (range_.waits == 0 || !can_.expiry) return {.kind = Kind::get, .keys = {key()}};
    --range_.waits;
    const std::size_t steps = range_.virtual_time ? 1 + random_.below(4) : 1;
    return {.kind = Kind::wait, .pause = steps * std::chrono::nanoseconds(can_.ttl_granularity)};
  }

  std::string key() {
    using namespace std::string_literals;
    static const std::string keys[] = {"a", "b", "c", "ab", "", "a\0"s};
    return keys[random_.below(std::size(keys))];
  }

  std::vector<std::string> several_keys() {
    std::vector<std::string> keys(random_.below(5));
    for (std::string& each : keys) each = key();
    return keys;
  }

  std::string pattern() {
    static const std::string patterns[] = {"*", "a*", "?", "[^b]", "*b"};
    return patterns[can_.key_patterns ? random_.below(std::size(patterns)) : 0];
  }

  std::string value() {
    return std::string(random_.below(range_.longest_value), static_cast<char>('p' + random_.below(10)));
  }

  Ttl ttl() {
    using std::chrono::milliseconds;
    if (random_.one_in(25)) return milliseconds(0);
    if (!can_.expiry || random_.one_in(2)) return {};
    if (random_.one_in(20)) return milliseconds(-5);
    if (random_.one_in(20)) return milliseconds::max();
    if (random_.one_in(4)) return std::chrono::hours(1);
    return static_cast<long>(1 + random_.below(range_.virtual_time ? 6 : 1)) * can_.ttl_granularity;
  }

  const BackendCapabilities& can_;
  Range range_;
  Random random_;
};

/// Makes a failing sequence short: by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
/// Failure-Inducing Input", IEEE TSE 2002), then by making each operation that is left simpler.
class Shrinker {
 public:
  /// `failing`: the number of operations of a sequence up to the one that fails, or 0 if it does not fail.
  Shrinker(std::function<std::size_t(const std::vector<Operation>&)> failing, std::size_t most_tries)
      : failing_(std::move(failing)), tries_left_(most_tries) {}

  std::vector<Operation> shrink(std::vector<Operation> operations) {
    for (std::size_t before = 0; before != weight(operations) && tries_left_ > 0;) {
      before = weight(operations);
      remove_chunks(operations);
      merge_waits(operations);
      simplify_each(operations);
    }
    return operations;
  }

 private:
  /// What shrinking makes less.
  static std::size_t weight(const std::vector<Operation>& operations) {
    std::size_t sum = operations.size();
    for (const Operation& operation : operations) {
      sum += operation.keys.size() + operation.metadata.size() + (operation.ttl ? 1 : 0);
      for (const std::string& text : operation.keys) sum += text.size();
      for (const std::string& text : operation.values) sum += text.size();
    }
    return sum;
  }

  /// Takes the candidate in place of the operations if it still fails.
  bool accept(std::vector<Operation>& operations, std::vector<Operation> candidate) {
    if (tries_left_ == 0) return false;
    --tries_left_;
    const std::size_t length = failing_(candidate);
    if (length == 0) return false;
    candidate.resize(length);
    operations = std::move(candidate);
    return true;
  }

  void remove_chunks(std::vector<Operation>& operations) {
    for (std::size_t size = std::max<std::size_t>(operations.size() / 2, 1); size > 0; size /= 2) {
      for (std::size_t at = 0; at < operations.size() && tries_left_ > 0;) {
        auto candidate = operations;
        const auto first = candidate.begin() + static_cast<std::ptrdiff_t>(at);
        candidate.erase(first, first + static_cast<std::ptrdiff_t>(std::min(size, candidate.size() - at)));
        if (!accept(operations, std::move(candidate))) at += size;
      }
    }
  }

  /// Of two waits in a row neither can be left out where the sum is what matters.
  void merge_waits(std::vector<Operation>& operations) {
    for (std::size_t i = 0; i + 1 < operations.size();) {
      const bool two = operations[i].kind == Operation::Kind::wait && operations[i + 1].kind == Operation::Kind::wait;
      if (!two) {
        ++i;
        continue;
      }
      auto candidate = operations;
      candidate[i].pause += candidate[i + 1].pause;
      candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      if (!accept(operations, std::move(candidate))) ++i;
    }
  }

  void simplify_each(std::vector<Operation>& operations) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
      for (bool simpler = true; simpler && i < operations.size() && tries_left_ > 0;) {
        simpler = false;
        for (Operation& operation : simpler_forms(operations[i])) {
          auto candidate = operations;
          candidate[i] = std::move(operation);
          if (accept(operations, std::move(candidate))) {
            simpler = true;
            break;
          }
        }
      }
    }
  }

  /// Result: the operation with one thing less, in each way there is.
  static std::vector<Operation> simpler_forms(const Operation& operation) {
    using Kind = Operation::Kind;
    std::vector<Operation> forms;
    const auto add = [&](auto&& change) {
      forms.push_back(operation);
      change(forms.back());
    };
    if (operation.ttl) add([](Operation& form) { form.ttl = {}; });
    if (!operation.metadata.empty()) add([](Operation& form) { form.metadata.clear(); });
    const bool batch =
        operation.kind == Kind::get_many || operation.kind == Kind::set_many || operation.kind == Kind::erase_many;
    for (std::size_t i = 0; batch && i < operation.keys.size(); ++i) {
      add([i](Operation& form) {
        form.keys.erase(form.keys.begin() + static_cast<std::ptrdiff_t>(i));
        if (!form.values.empty()) form.values.erase(form.values.begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
    for (std::size_t i = 0; i < operation.values.size(); ++i) {
      const std::size_t size = operation.values[i].size();
      if (size > 1) add([i](Operation& form) { form.values[i].resize(1); });
      if (size > 2) add([i](Operation& form) { form.values[i].resize(form.values[i].size() / 2); });
      if (size > 1) add([i](Operation& form) { form.values[i].pop_back(); });
    }
    return forms;
  }

  std::function<std::size_t(const std::vector<Operation>&)> failing_;
  std::size_t tries_left_;
};

}  // namespace larder::testing::detail
