/// \file chaos_backend.hpp
/// ChaosBackend: a layer that makes the cache under it misbehave, to test what your own code does then. Calls fail
/// with typed errors, are slow in virtual time, or report a write that never happened: by a plan that a seed repeats,
/// or when a test says so.
///
/// Invariants:
/// - Each call (a batch is one) takes one number, from 1 on, whatever becomes of it. What the plan does to a call
///   depends on the seed and this number alone. Only `stats` and `reset_stats` take none, and are never disturbed.
/// - What becomes of a call, with which error, whether it is delayed and for how long are four random numbers, and all
///   are drawn for every call. So raising one share disturbs more calls, and none goes through that did not before.
/// - A call that is not disturbed is one call of the same operation, with the same arguments, to what is wrapped.
/// - No lock is held while the wrapped cache or the user's `wait` runs.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/testing/chaos_options.hpp>
#include <larder/testing/detail/chaos_fate.hpp>
#include <larder/ttl.hpp>

namespace larder::testing {

/// How many calls were disturbed, and how. One that was delayed and failed is counted as both.
struct ChaosCounts {
  /// Calls that threw without effect, by the plan, by `fail_next` or by `break_store`.
  std::uint64_t errors = 0;
  std::uint64_t errors_after = 0;
  std::uint64_t lost_writes = 0;
  std::uint64_t delays = 0;
  /// All delays together; no more than the type can say.
  std::chrono::nanoseconds total_delay{0};

  friend bool operator==(const ChaosCounts&, const ChaosCounts&) = default;
};

/// A layer over a cache that makes it misbehave:
///
///     auto store = std::make_shared<larder::InMemoryBackend<>>();
///     larder::testing::ChaosBackend<> cache{store, {.seed = 7, .errors = 0.1, .lost_writes = 0.05}};
///
/// Beside the plan, a test decides itself by `fail_next`, `break_store` and `calm`. The message of every error says
/// "injected by ChaosBackend", the operation and the call's number.
///
/// - What the wrapped cache throws passes through, and is not counted as injected.
/// - A call that fails without effect does not reach the wrapped cache at all. One that takes effect first counts in
///   its statistics as any other (a `get` that throws may be a hit); `get_many` then leaves the caller's array empty.
/// - A lost write reports what a caller takes for success: `set` true, `set_many` the number of its items, `erase`,
///   `erase_many`, `touch` and `set_if_absent` what follows from what there is (asked by `exists` for each different
///   key, in time quadratic in their number), and `clear` 0, as a store does that cannot know. What was there stays:
///   the next `get` has the old value.
/// - A `set` or `touch` whose TTL is not positive is an `erase`, as for every backend; a `set_many` of that kind one
/// for each key.
/// - `stats` are those of the wrapped cache, with the injected errors added to `errors`; `reset_stats` zeroes both.
/// - The values of a `set_many` are copied once, since no public function of the wrapped cache moves them in.
///
/// Thread-safe if the wrapped cache is. Which of several concurrent calls has which number is up to chance, but the
/// numbers that fail are not.
template <class Key = std::string, class Value = Bytes>
class ChaosBackend final : public CacheBackend<Key, Value> {
  using Base = CacheBackend<Key, Value>;
  using Outcome = detail::ChaosFate::Outcome;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// \throws InvalidArgumentError if `wrapped` is null or the options make no sense (see ChaosOptions::validate).
  explicit ChaosBackend(std::shared_ptr<Base> wrapped, ChaosOptions options = {})
      : wrapped_(std::move(wrapped)), options_(std::move(options)) {
    if (wrapped_ == nullptr) throw InvalidArgumentError("ChaosBackend: wrapped = nullptr, but there must be a cache");
    options_.validate();
  }

  /// The next calls fail with this error, at once and without effect, before what the plan has for them. Asked for
  /// several times, one follows the other: `fail_next(timeout, 2); fail_next(server);` is three failing calls.
  void fail_next(ChaosFault fault, std::size_t calls = 1) {
    if (calls == 0) return;
    const std::lock_guard lock(mutex_);
    next_faults_.emplace_back(fault, calls);
  }

  /// From now on every call fails with this error, at once and without effect, until `mend_store`. What `fail_next`
  /// has asked for waits until then.
  void break_store(ChaosFault fault = ChaosFault::connection) {
    const std::lock_guard lock(mutex_);
    broken_ = fault;
  }

  void mend_store() {
    const std::lock_guard lock(mutex_);
    broken_.reset();
  }

  /// Suspends the plan, until `resume`. Calls still take numbers, and `fail_next` and `break_store` still hold. With a
  /// share of 1, the calls between `resume` and `calm` are those that are disturbed.
  void calm() {
    const std::lock_guard lock(mutex_);
    calm_ = true;
  }

  void resume() {
    const std::lock_guard lock(mutex_);
    calm_ = false;
  }

  /// Result: what was done to calls since this object was made; `reset_stats` does not change it.
  ChaosCounts injected() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  struct Call {
    const char* operation;
    std::uint64_t number;
    detail::ChaosFate fate;
  };

  std::optional<Value> do_get(key_view key) override {
    const Call call = start("get");
    return finish(call, wrapped_->get(key));
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    const Call call = start("set");
    if (is_lost(call)) return true;
    return finish(call, wrapped_->set(key, std::move(value), ttl, std::move(metadata)));
  }

  bool do_erase(key_view key) override {
    const Call call = start("erase");
    if (is_lost(call)) return wrapped_->exists(key);
    return finish(call, wrapped_->erase(key));
  }

  bool do_exists(key_view key) override {
    const Call call = start("exists");
    return finish(call, wrapped_->exists(key));
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    const Call call = start("set_if_absent");
    if (is_lost(call)) return !wrapped_->exists(key);
    return finish(call, wrapped_->set_if_absent(key, std::move(value), ttl, std::move(metadata)));
  }

  bool do_touch(key_view key, Ttl ttl) override {
    const Call call = start("touch");
    if (is_lost(call)) return wrapped_->exists(key);
    return finish(call, wrapped_->touch(key, ttl));
  }

  std::size_t do_clear() override {
    const Call call = start("clear");
    if (is_lost(call)) return 0;
    return finish(call, wrapped_->clear());
  }

  CacheStats do_stats() const override {
    CacheStats stats = wrapped_->stats();
    const std::lock_guard lock(mutex_);
    stats.errors += counts_.errors + counts_.errors_after - errors_at_reset_;
    return stats;
  }

  void do_reset_stats() override {
    wrapped_->reset_stats();
    const std::lock_guard lock(mutex_);
    errors_at_reset_ = counts_.errors + counts_.errors_after;
  }

  std::optional<entry_type> do_get_entry(key_view key) override {
    const Call call = start("get_entry");
    return finish(call, wrapped_->get_entry(key));
  }

  std::vector<Key> do_keys(std::string_view pattern) override {
    const Call call = start("keys");
    return finish(call, wrapped_->keys(pattern));
  }

  bool do_can_list_keys() const noexcept override { return wrapped_->can_list_keys(); }

  /// Where the reply is lost, f was called all the same: what it saw must not help a caller who does not heed the
  /// error.
  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    const Call call = start("visit_entry");
    return finish(call, wrapped_->visit_entry(key, visit));
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    const Call call = start("visit_entries");
    return finish(call, wrapped_->visit_entries(keys, visit));
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    const Call call = start("get_many");
    wrapped_->get_many(keys, values);
    if (call.fate.outcome != Outcome::error_after) return;
    // The reply is lost, so none of it may help a caller who does not heed the error.
    for (std::optional<Value>& value : values) value.reset();
    fail(call);
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    const Call call = start("set_many");
    if (is_lost(call)) return items.size();
    return finish(call, wrapped_->set_many(items, ttl));
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    const Call call = start("erase_many");
    if (is_lost(call)) return count_existing(keys);
    return finish(call, wrapped_->erase_many(keys));
  }

  /// Gives the call its number and fate; delays it, or throws the error that it has instead of an effect.
  Call start(const char* operation) {
    const Call call = next_call(operation);
    if (call.fate.delay) options_.wait(*call.fate.delay);
    if (call.fate.outcome == Outcome::error) fail(call);
    return call;
  }

  /// Result: `result`, unless the call has an error after its effect.
  template <class Result>
  Result finish(const Call& call, Result result) {
    if (call.fate.outcome == Outcome::error_after) fail(call);
    return result;
  }

  /// Result: whether this write is to be lost.
  bool is_lost(const Call& call) {
    if (call.fate.outcome != Outcome::lost_write) return false;
    const std::lock_guard lock(mutex_);
    ++counts_.lost_writes;
    return true;
  }

  Call next_call(const char* operation) {
    const std::lock_guard lock(mutex_);
    Call call{operation, ++calls_, {}};
    if (broken_) {
      call.fate = {.outcome = Outcome::error, .fault = *broken_};
    } else if (!next_faults_.empty()) {
      auto& [fault, calls] = next_faults_.front();
      call.fate = {.outcome = Outcome::error, .fault = fault};
      if (--calls == 0) next_faults_.pop_front();
    } else if (!calm_) {
      call.fate = detail::planned_fate(options_, call.number);
    }
    if (const auto delay = call.fate.delay) {
      ++counts_.delays;
      counts_.total_delay += std::min(*delay, std::chrono::nanoseconds::max() - counts_.total_delay);
    }
    return call;
  }

  [[noreturn]] void fail(const Call& call) {
    const bool after = call.fate.outcome == Outcome::error_after;
    {
      const std::lock_guard lock(mutex_);
      ++(after ? counts_.errors_after : counts_.errors);
    }
    detail::throw_fault(call.fate.fault, std::string("injected by ChaosBackend: ") + call.operation + " (call " +
                                             std::to_string(call.number) + (after ? ", after its effect)" : ")"));
  }

  /// Result: how many entries `erase_many` would have removed. Of a key that comes twice, only the first is counted.
  std::size_t count_existing(std::span<const key_item> keys) {
    std::size_t count = 0;
    for (auto key = keys.begin(); key != keys.end(); ++key) {
      if constexpr (std::equality_comparable<key_item>) {
        if (std::find(keys.begin(), key, *key) != key) continue;
      }
      count += wrapped_->exists(*key) ? 1 : 0;
    }
    return count;
  }

  const std::shared_ptr<Base> wrapped_;
  const ChaosOptions options_;

  mutable std::mutex mutex_;  // of all below
  std::uint64_t calls_ = 0;
  bool calm_ = false;
  std::optional<ChaosFault> broken_;
  std::deque<std::pair<ChaosFault, std::size_t>> next_faults_;
  ChaosCounts counts_;
  std::uint64_t errors_at_reset_ = 0;
};

}  // namespace larder::testing
