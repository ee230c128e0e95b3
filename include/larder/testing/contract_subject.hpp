/// \file contract_subject.hpp
/// ContractSubject: what a user hands the contract kit. How to make a backend, what it declares, and how time passes.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <larder/backend_capabilities.hpp>
#include <larder/cache_backend.hpp>
#include <larder/key_view.hpp>
#include <larder/removal_cause.hpp>
#include <larder/testing/contract_samples.hpp>

namespace larder::testing {

/// What a check needs of the backend that it is about to be given.
template <class Key = std::string, class Value = Bytes>
struct BackendRequest {
  /// The limit in bytes, asked for where the capabilities declare a `size_limit`. Empty: room for 64 MiB at least.
  std::optional<std::size_t> max_size_bytes{};
  /// The removal listener, asked for where the capabilities declare a `removal_listener`. May be empty.
  std::function<void(KeyView<Key> key, const Value& value, RemovalCause cause)> on_removal{};
  /// What the backend's own hook for errors is to call for each payload that cannot be decoded, asked for where the
  /// capabilities declare an `error_hook`. May be empty.
  std::function<void()> on_undecodable{};
};

/// Makes a backend that is fresh: nothing in it, nothing counted, nothing shared with those made before, except
/// that they may live in one store where each has its own namespace. Any function object will do that takes nothing
/// or a `const BackendRequest<Key, Value>&`, and returns a `std::unique_ptr` or `std::shared_ptr` to a backend.
template <class Key, class Value>
class BackendFactory {
  using Backend = CacheBackend<Key, Value>;
  using Request = BackendRequest<Key, Value>;

  template <class Function>
  static constexpr bool is_plain = std::is_invocable_r_v<std::shared_ptr<Backend>, Function&>;
  template <class Function>
  static constexpr bool takes_a_request = std::is_invocable_r_v<std::shared_ptr<Backend>, Function&, const Request&>;

 public:
  BackendFactory() = default;

  template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, BackendFactory> &&
             (is_plain<std::decay_t<Function>> || takes_a_request<std::decay_t<Function>>))
  BackendFactory(Function&& make)  // NOLINT(google-explicit-constructor)
      : takes_request_(takes_a_request<std::decay_t<Function>>) {
    using Make = std::decay_t<Function>;
    if constexpr (takes_a_request<Make>) {
      make_ = std::forward<Function>(make);
      learn<std::invoke_result_t<Make&, const Request&>>();
    } else {
      make_ = [plain = Make(std::forward<Function>(make))](const Request&) mutable { return plain(); };
      learn<std::invoke_result_t<Make&>>();
    }
  }

  /// Result: a backend, or null where the factory gives null or is none. Throws what it throws.
  std::shared_ptr<Backend> operator()(const Request& request) const { return make_ ? make_(request) : nullptr; }

  explicit operator bool() const noexcept { return static_cast<bool>(make_); }
  bool takes_request() const noexcept { return takes_request_; }
  /// What the class of the backends declares as its `capabilities`; the whole contract where it has none.
  const BackendCapabilities& capabilities() const noexcept { return capabilities_; }

 private:
  template <class Pointer>
  void learn() {
    if constexpr (requires { BackendCapabilities(std::pointer_traits<Pointer>::element_type::capabilities); }) {
      capabilities_ = std::pointer_traits<Pointer>::element_type::capabilities;
    }
  }

  std::function<std::shared_ptr<Backend>(const Request&)> make_;
  bool takes_request_ = false;
  BackendCapabilities capabilities_;
};

/// How time passes for a backend: by a clock that can be advanced, or for real. Made from anything that has
/// `advance(duration)` (`ManualClock`), or from a function of a duration; nothing means real time.
class ContractClock {
 public:
  ContractClock() = default;

  template <class Clock>
    requires requires(Clock& clock, std::chrono::nanoseconds by) { clock.advance(by); }
  ContractClock(Clock clock)  // NOLINT(google-explicit-constructor)
      : advance_([clock = std::move(clock)](std::chrono::nanoseconds by) mutable { clock.advance(by); }) {}

  template <std::invocable<std::chrono::nanoseconds> Function>
    requires std::copy_constructible<Function>
  ContractClock(Function advance) : advance_(std::move(advance)) {}  // NOLINT(google-explicit-constructor)

  bool is_virtual() const noexcept { return static_cast<bool>(advance_); }
  /// Only for a virtual one.
  void advance(std::chrono::nanoseconds by) const { advance_(by); }

 private:
  std::function<void(std::chrono::nanoseconds)> advance_;
};

/// How much the kit does. The defaults suit a cache in process memory; a store behind a network wants less.
struct ContractOptions {
  /// What the random sequences and the histories begin with. A failure prints it.
  std::uint64_t seed = 1;
  /// How many random sequences there are of each kind, and how long each is.
  std::size_t sequences = 1000;
  std::size_t operations = 100;
  /// How many threads write a history, and how many operations each does.
  std::size_t threads = 4;
  std::size_t history_operations = 10000;
};

/// What the kit is given. Only `make` is needed; name what else is different:
///
///     larder::testing::ManualClock clock;
///     larder::testing::ContractSubject<> subject{
///         .name = "MyBackend",
///         .make = [clock] { return std::make_unique<MyBackend>(clock); },
///         .clock = clock,
///     };
template <class Key = std::string, class Value = Bytes>
struct ContractSubject {
  using Backend = CacheBackend<Key, Value>;

  std::string name = "cache";
  BackendFactory<Key, Value> make{};
  /// What is promised; empty means what the class of the backend declares as its `capabilities`, or else everything.
  std::optional<BackendCapabilities> capabilities{};
  /// The clock by which all backends that `make` makes expire their entries; empty means real time, and then a check
  /// waits as little as `ttl_granularity` allows.
  ContractClock clock{};
  /// How texts become keys and values, and back; strings and integers need not be told.
  ContractSamples<Key, Value> samples{};
  /// Puts something under a key that the backend cannot decode, behind its back. Without it that row is not checked.
  std::function<void(Backend& cache, KeyView<Key> key)> plant_undecodable{};
  /// Makes the backend's store fail until it is mended. Without both that row is not checked.
  std::function<void(Backend& cache)> break_store{};
  std::function<void(Backend& cache)> mend_store{};
  ContractOptions options{};
};

}  // namespace larder::testing
