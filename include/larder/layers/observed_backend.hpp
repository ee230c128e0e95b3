/// \file observed_backend.hpp
/// ObservedBackend: measures what a cache does.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/detail/key_hash.hpp>
#include <larder/layers/forwarding_backend.hpp>
#include <larder/layers/observed_options.hpp>
#include <larder/observability/cache_observation.hpp>
#include <larder/observability/detail/call_sampler.hpp>
#include <larder/observability/detail/concurrent_histogram.hpp>
#include <larder/observability/detail/what_if.hpp>
#include <larder/value_size.hpp>

namespace larder {

/// Another cache, watched: how long its calls take, what they fail with, what other sizes would bring, how old entries
/// are that leave.
///
///     auto observed = std::make_shared<ObservedBackend<>>(cache);
///     registry.add("sessions", observed);   // observability/metrics_registry.hpp
///
/// - Calls do what the wrapped cache does, and throw what it throws. Hooks cannot change that.
/// - Cost: a hit takes a few nanoseconds more; calls that are timed, and sampled keys, a tenth of a microsecond.
/// Memory:
///   40 KiB, and what `what_if_samples` says.
/// - Threads: any number, as far as the wrapped cache allows.
///
/// It can be neither copied nor moved.
template <class Key, class Value>
class ObservedBackend final : public ForwardingBackend<Key, Value> {
  using Forwarding = ForwardingBackend<Key, Value>;
  using Base = CacheBackend<Key, Value>;
  using Operation = CacheOperation;

 public:
  using Options = ObservedOptions<Key, Value>;
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// It can do what the wrapped cache can.
  static constexpr BackendCapabilities capabilities_over(const BackendCapabilities& wrapped) { return wrapped; }

  /// \throws InvalidArgumentError if `wrapped` is null or the options make no sense.
  explicit ObservedBackend(std::shared_ptr<Base> wrapped, Options options = {})
      : Forwarding(std::move(wrapped), "ObservedBackend"),
        options_((options.validate(), std::move(options))),
        sampler_(options_.time_one_in),
        records_(std::make_unique<Records>()) {
    if constexpr (has_hash) {
      if (options_.removals) {
        what_if_ = options_.removals->followed();
      } else if (options_.what_if && options_.what_if_samples.value_or(1) != 0) {
        what_if_ = std::make_shared<detail::WhatIf>(options_.what_if_samples, options_.now);
      }
    }
  }

  /// Result: what was seen since the beginning, or since `reset_stats`. Throws what the wrapped cache's `stats` throws.
  CacheObservation observe() const {
    CacheObservation observation;
    observation.stats = this->wrapped().stats();
    for (std::size_t i = 0; i < cache_operation_count; ++i) {
      const Record& record = (*records_)[i];
      observation.operations[i].latency = record.latency.snapshot();
      for (std::size_t kind = 0; kind < error_kind_count; ++kind) {
        observation.operations[i].errors[kind] = record.errors[kind].load(std::memory_order_relaxed);
      }
    }
    if (what_if_ != nullptr) what_if_->add_to(observation, options_.what_if);
    observation.hook_errors = hook_errors_.load(std::memory_order_relaxed);
    return observation;
  }

  /// The bytes that what-if takes.
  std::size_t what_if_bytes() const { return what_if_ != nullptr ? what_if_->memory_bytes() : 0; }

 private:
  // relaxed throughout: counters that nothing else depends on.
  struct Record {
    detail::ConcurrentHistogram latency;
    std::array<std::atomic<std::uint64_t>, error_kind_count> errors{};
  };
  using Records = std::array<Record, cache_operation_count>;

  static constexpr bool has_hash = requires(key_view key) {
    { Hash<Key>()(key) } -> std::convertible_to<std::size_t>;
  };

  std::chrono::steady_clock::time_point now() const {
    return options_.now ? options_.now() : std::chrono::steady_clock::now();
  }

  /// Result: what `call` returns; `done(result)` says how many keys of it that is. What it throws passes through.
  template <class Call, class Done>
  [[gnu::always_inline]] auto watch(Operation operation, std::size_t keys, const Call& call, const Done& done) {
    std::uint64_t weight = 0;
    if (sampler_.chooses(weight) || options_.start_span) [[unlikely]] {
      return watch_closely(operation, keys, call, done, weight);
    }
    try {
      return call();
    } catch (...) {
      note_error({operation, keys, 0, {}, kind_of_current_error()});
      throw;
    }
  }

  /// A `weight` of 0: the call is traced, but not timed.
  template <class Call, class Done>
  [[gnu::noinline]] auto watch_closely(Operation operation, std::size_t keys, const Call& call, const Done& done,
                                       std::uint64_t weight) {
    std::unique_ptr<CallSpan> span;
    if (options_.start_span) guarded([&] { span = options_.start_span(operation); });
    const auto start = weight != 0 ? now() : std::chrono::steady_clock::time_point();
    CallOutcome outcome{operation, keys, 0};
    const auto end = [&] {
      if (weight != 0) outcome.duration = now() - start;
      if (span != nullptr) guarded([&] { span->set_outcome(outcome); });
    };
    try {
      auto result = call();
      outcome.done = done(result);
      end();
      if (weight == 0) return result;
      const auto nanoseconds = outcome.duration->count();
      record_of(operation).latency.record(static_cast<std::uint64_t>(nanoseconds > 0 ? nanoseconds : 0), weight);
      tell(outcome);
      return result;
    } catch (...) {
      outcome.error = kind_of_current_error();
      end();
      note_error(outcome);
      throw;
    }
  }

  [[gnu::noinline]] void note_error(const CallOutcome& outcome) noexcept {
    record_of(outcome.operation)
        .errors[static_cast<std::size_t>(*outcome.error)]
        .fetch_add(1, std::memory_order_relaxed);
    tell(outcome);
  }

  void tell(const CallOutcome& outcome) noexcept {
    if (options_.on_call) guarded([&] { options_.on_call(outcome); });
  }

  template <class Hook>
  void guarded(const Hook& hook) noexcept {
    try {
      hook();
    } catch (...) {
      hook_errors_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  Record& record_of(Operation operation) noexcept { return (*records_)[static_cast<std::size_t>(operation)]; }

  // Following keys.

  bool follows() const noexcept { return what_if_ != nullptr || options_.recorder != nullptr; }

  /// Calls f(hash) if the key is followed by the one or the other.
  template <class Function>
  [[gnu::always_inline]] void follow(key_view key, const Function& f) {
    if constexpr (has_hash) {
      if (!follows()) return;
      const std::uint64_t hash = detail::KeyHash<Key, Hash<Key>>(key).bits;
      const bool is_sampled = what_if_ != nullptr && what_if_->samples(hash);
      const bool is_recorded = options_.recorder != nullptr && options_.recorder->records(hash);
      if (is_sampled || is_recorded) [[unlikely]] {
        f(hash, is_sampled, is_recorded);
      }
    }
  }

  /// `size`: of the value, if there was one.
  [[gnu::noinline]] void follow_request(std::uint64_t hash, bool is_sampled, bool is_recorded,
                                        std::optional<std::size_t> size) noexcept {
    if (is_recorded && size) options_.recorder->record(hash, *size);
    if (!is_sampled) return;
    if (what_if_->wants_stats()) learn();
    what_if_->request(hash, size);
  }
  [[gnu::always_inline]] void follow_request(key_view key, const std::optional<Value>& value) {
    follow(key, [&](std::uint64_t hash, bool is_sampled, bool is_recorded) {
      follow_request(hash, is_sampled, is_recorded, value ? std::optional(value_size(*value)) : std::nullopt);
    });
  }

  void learn() noexcept {
    try {
      what_if_->learn(this->wrapped().stats());
    } catch (...) {
      what_if_->learn_nothing();
    }
  }

  void follow_store(key_view key, std::size_t size, const Ttl& ttl) {
    follow(key, [&](std::uint64_t hash, bool is_sampled, bool is_recorded) {
      if (is_recorded) options_.recorder->record(hash, size, ttl);
      if (!is_sampled) return;
      if (what_if_->wants_stats()) learn();
      what_if_->store(hash, size, ttl);
    });
  }

  void follow_erase(key_view key) {
    follow(key, [&](std::uint64_t hash, bool is_sampled, bool) {
      if (is_sampled) what_if_->erase(hash);
    });
  }

  static std::size_t one_if(bool done) noexcept { return done ? 1 : 0; }
  template <class Result>
  static std::size_t one_if_any(const std::optional<Result>& result) noexcept {
    return result ? 1 : 0;
  }
  static std::size_t same(std::size_t count) noexcept { return count; }

  std::optional<Value> do_get(key_view key) override {
    std::optional<Value> value = watch(
        Operation::get, 1, [&] { return this->wrapped().get(key); }, one_if_any<Value>);
    follow_request(key, value);
    return value;
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    const std::size_t size = follows() ? value_size(value) : 0;
    const bool stored = watch(
        Operation::set, 1, [&] { return this->wrapped().set(key, std::move(value), ttl, std::move(metadata)); },
        one_if);
    follow_store(key, size, ttl);
    return stored;
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    const std::size_t size = follows() ? value_size(value) : 0;
    const bool stored = watch(
        Operation::set_if_absent, 1,
        [&] { return this->wrapped().set_if_absent(key, std::move(value), ttl, std::move(metadata)); }, one_if);
    if (stored) follow_store(key, size, ttl);
    return stored;
  }

  bool do_touch(key_view key, Ttl ttl) override {
    const bool touched = watch(
        Operation::touch, 1, [&] { return this->wrapped().touch(key, ttl); }, one_if);
    follow(key, [&](std::uint64_t hash, bool is_sampled, bool) {
      if (is_sampled && touched) what_if_->renew(hash, ttl);
    });
    return touched;
  }

  bool do_erase(key_view key) override {
    const bool erased = watch(
        Operation::erase, 1, [&] { return this->wrapped().erase(key); }, one_if);
    follow_erase(key);
    return erased;
  }

  bool do_exists(key_view key) override {
    return watch(
        Operation::exists, 1, [&] { return this->wrapped().exists(key); }, one_if);
  }

  std::size_t do_clear() override {
    const std::size_t cleared = watch(
        Operation::clear, 0, [&] { return this->wrapped().clear(); }, same);
    if (what_if_ != nullptr) what_if_->erase_all();
    return cleared;
  }

  void do_reset_stats() override {
    this->wrapped().reset_stats();
    for (Record& record : *records_) {
      record.latency.reset();
      for (auto& count : record.errors) count.store(0, std::memory_order_relaxed);
    }
    hook_errors_.store(0, std::memory_order_relaxed);
    if (what_if_ != nullptr) what_if_->reset();
  }

  std::optional<entry_type> do_get_entry(key_view key) override {
    return watch(
        Operation::get_entry, 1, [&] { return this->wrapped().get_entry(key); }, one_if_any<entry_type>);
  }

  std::vector<Key> do_keys(std::string_view pattern) override {
    return watch(
        Operation::keys, 0, [&] { return this->wrapped().keys(pattern); },
        [](const std::vector<Key>& keys) { return keys.size(); });
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    std::optional<std::size_t> size;
    const auto look = [&](const EntryView<Value>& entry) {
      if (follows()) size = value_size(entry.value);
      visit(entry);
    };
    const bool found = watch(
        Operation::visit_entry, 1, [&] { return this->wrapped().visit_entry(key, typename Base::EntryVisitor(look)); },
        one_if);
    follow(key, [&](std::uint64_t hash, bool is_sampled, bool is_recorded) {
      follow_request(hash, is_sampled, is_recorded, size);
    });
    return found;
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    std::vector<std::optional<std::size_t>> sizes(follows() ? keys.size() : 0);
    const auto look = [&](std::size_t index, const EntryView<Value>& entry) {
      if (!sizes.empty()) sizes[index] = value_size(entry.value);
      visit(index, entry);
    };
    const std::size_t found = watch(
        Operation::visit_entries, keys.size(),
        [&] { return this->wrapped().visit_entries(keys, typename Base::EntriesVisitor(look)); }, same);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      follow(keys[i], [&](std::uint64_t hash, bool is_sampled, bool is_recorded) {
        follow_request(hash, is_sampled, is_recorded, sizes[i]);
      });
    }
    return found;
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    watch(
        Operation::get_many, keys.size(),
        [&] {
          this->wrapped().get_many(keys, values);
          return true;
        },
        [&values](bool) {
          std::size_t found = 0;
          for (const auto& value : values) found += value ? 1 : 0;
          return found;
        });
    if (!follows()) return;
    for (std::size_t i = 0; i < keys.size(); ++i) follow_request(keys[i], values[i]);
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    std::vector<std::size_t> sizes;
    if (follows()) {
      sizes.reserve(items.size());
      for (const item& each : items) sizes.push_back(value_size(each.second));
    }
    const std::size_t stored = watch(
        Operation::set_many, items.size(), [&] { return Base::move_many(this->wrapped(), items, ttl); }, same);
    for (std::size_t i = 0; i < sizes.size(); ++i) follow_store(items[i].first, sizes[i], ttl);
    return stored;
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    const std::size_t erased = watch(
        Operation::erase_many, keys.size(), [&] { return this->wrapped().erase_many(keys); }, same);
    if (follows()) {
      for (const key_item& key : keys) follow_erase(key);
    }
    return erased;
  }

  const Options options_;
  detail::CallSampler sampler_;
  std::unique_ptr<Records> records_;
  std::shared_ptr<detail::WhatIf> what_if_;
  std::atomic<std::uint64_t> hook_errors_{0};
};

}  // namespace larder
