/// \file trial.hpp
/// Trial: what one check of the contract kit works with. Fresh backends, time, expectations, and the story so far.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/testing/contract_subject.hpp>
#include <larder/testing/detail/recorded_cache.hpp>
#include <larder/testing/detail/story.hpp>

namespace larder::testing::detail {

/// A ContractSubject whose types of keys and values are translated to strings and `Bytes`.
struct ErasedSubject {
  std::string name;
  std::function<std::shared_ptr<CacheBackend<>>(const BackendRequest<>&)> make;
  bool factory_takes_request = false;
  BackendCapabilities capabilities;
  ContractClock clock;
  ContractOptions options;
  /// How far the virtual clock was advanced by all checks together.
  std::shared_ptr<std::chrono::nanoseconds> elapsed = std::make_shared<std::chrono::nanoseconds>(0);
  std::function<void(CacheBackend<>&, std::string_view)> plant_undecodable;
  std::function<void(CacheBackend<>&)> break_store;
  std::function<void(CacheBackend<>&)> mend_store;
  /// How many bytes the value that a text becomes counts for.
  std::function<std::size_t(std::string_view)> size_of;
  /// What makes every check meaningless; empty if nothing does.
  std::string misuse;
};

/// How a check ends early.
struct CheckFailed {
  std::string reason;
};
struct CheckNotApplicable {
  std::string reason;
};
struct SetupInvalid {
  std::string reason;
};

class Trial {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Nanoseconds = std::chrono::nanoseconds;

  explicit Trial(const ErasedSubject& subject) : subject_(subject), story_(subject.clock.is_virtual()) {}
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  const ErasedSubject& subject() const noexcept { return subject_; }
  const BackendCapabilities& can() const noexcept { return subject_.capabilities; }
  const ContractOptions& options() const noexcept { return subject_.options; }
  bool virtual_time() const noexcept { return subject_.clock.is_virtual(); }
  Story& story() noexcept { return story_; }
  std::size_t size_of(std::string_view value) const { return subject_.size_of(value); }

  /// Result: a value of so many bytes, or of as many as the backend takes.
  std::string text(std::size_t size, char character) const {
    return std::string(std::min(size, can().largest_value), character);
  }

  /// A backend that nobody has used, and with it a new story.
  RecordedCache fresh(const BackendRequest<>& request = {}) {
    story_.begin();
    made_.clear();
    finish_the_step();
    return make(request, "cache");
  }

  /// A second one in the same story.
  RecordedCache another(const BackendRequest<>& request = {}) { return make(request, "other"); }

  /// Lets time pass, and tells so.
  void wait(Nanoseconds by) {
    pass(by);
    story_.tell("cache", {.kind = Operation::Kind::wait, .pause = by}, {});
  }

  /// The same in silence.
  void pass(Nanoseconds by) const {
    if (virtual_time()) {
      subject_.clock.advance(by);
      *subject_.elapsed += by;
    } else {
      std::this_thread::sleep_for(by);
    }
  }

  /// A TTL that is soon over.
  Milliseconds short_ttl() const { return virtual_time() ? 10 * can().ttl_granularity : can().ttl_granularity; }

  /// How long it takes at most from a `set` until an entry with this TTL, a multiple of the granularity, is gone.
  Nanoseconds time_to_expire(Milliseconds ttl) const {
    if (virtual_time()) return can().ttl_granularity == Milliseconds(1) ? ttl : ttl + can().ttl_granularity;
    // On a busy machine a store's own clock ticks late: Memcached's, of one tick a second, was seen 50 ms behind.
    return ttl + can().ttl_granularity + std::max(Milliseconds(1), can().ttl_granularity / 4);
  }

  /// Lets entries with this TTL that were set just now expire.
  void let_expire(Milliseconds ttl) { wait(time_to_expire(ttl)); }

  void expect(bool holds, std::string_view what) const {
    if (!holds) fail(what);
  }

  [[noreturn]] void fail(std::string_view what) const { throw CheckFailed{"expected: " + std::string(what)}; }

  [[noreturn]] void not_applicable(std::string_view why) const { throw CheckNotApplicable{std::string(why)}; }

  void only_if(bool capable, std::string_view why_not) const {
    if (!capable) not_applicable(why_not);
  }

  /// Expects that `call` throws an Error.
  template <std::derived_from<std::exception> Error, std::invocable Call>
  void expect_throws(Call&& call, std::string_view what) const {
    try {
      std::forward<Call>(call)();
    } catch (const Error&) {
      return;
    }
    fail(what);
  }

 private:
  RecordedCache make(BackendRequest<> request, std::string name) {
    std::shared_ptr<CacheBackend<>> backend;
    const auto listener = std::make_shared<RecordedCache::Listener>(request.on_removal);
    if (request.on_removal) request.on_removal = while_kept(listener);
    try {
      backend = subject_.make(request);
    } catch (...) {
      throw SetupInvalid{"the factory threw " + describe_current_exception()};
    }
    if (backend == nullptr) throw SetupInvalid{"the factory returned no backend"};
    require_fresh(*backend);
    require_limit(*backend, request);
    made_.push_back(backend);
    story_.tell("// " + name + " is a fresh " + subject_.name +
                (request.max_size_bytes ? " of at most " + std::to_string(*request.max_size_bytes) + " bytes" : ""));
    return {std::move(backend), story_, std::move(name), listener};
  }

  /// A listener that says nothing once the check that it belongs to has ended, as a failed one does early.
  static RecordedCache::Listener while_kept(std::weak_ptr<RecordedCache::Listener> kept) {
    return [kept = std::move(kept)](std::string_view key, const Bytes& value, RemovalCause cause) {
      if (const auto listener = kept.lock()) (*listener)(key, value, cause);
    };
  }

  /// A virtual clock goes on to a multiple of the granularity, so that TTLs need not be rounded.
  void finish_the_step() const {
    if (!virtual_time()) return;
    const Nanoseconds step = can().ttl_granularity;
    if (const Nanoseconds over = *subject_.elapsed % step; over != Nanoseconds(0)) pass(step - over);
  }

  /// A used backend would make the checks blame it for what others did.
  void require_fresh(CacheBackend<>& backend) const {
    for (const auto& other : made_) {
      if (other.lock().get() == &backend) {
        throw SetupInvalid{"the factory returned the same backend twice; each must be fresh"};
      }
    }
    CacheStats counters = backend.stats();
    const bool has_entries = counters.current_entries.value_or(0) != 0 || counters.current_size_bytes.value_or(0) != 0;
    const std::string seen = counters.to_text();
    CacheStats gauges = counters;
    gauges.reset();
    if (has_entries || counters != gauges) {
      throw SetupInvalid{"the factory returned a backend that is not fresh: its stats() are " + seen};
    }
    if (!can().enumerable_keys) return;
    const auto keys = backend.keys();
    if (!keys.empty()) {
      throw SetupInvalid{"the factory returned a backend that is not fresh: it has " + std::to_string(keys.size()) +
                         " keys, " + cpp_quoted(keys.front()) + " among them"};
    }
  }

  void require_limit(const CacheBackend<>& backend, const BackendRequest<>& request) const {
    if (!request.max_size_bytes) return;
    const auto limit = backend.stats().max_size_bytes;
    if (limit && *limit <= *request.max_size_bytes) return;
    throw SetupInvalid{"the capabilities declare a size_limit, but a backend that was asked to hold at most " +
                       std::to_string(*request.max_size_bytes) +
                       " bytes says max_size_bytes = " + (limit ? std::to_string(*limit) : "unknown")};
  }

  const ErasedSubject& subject_;
  Story story_;
  std::vector<std::weak_ptr<CacheBackend<>>> made_;  // those of this story
};

struct CheckDefinition {
  std::string name;
  std::function<void(Trial&)> run;
};

using CheckList = std::vector<CheckDefinition>;

}  // namespace larder::testing::detail
