/// \file stored_values.hpp
/// StoredValues: how a remote backend's values become what is stored, and what is stored becomes values again.
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <larder/backends/detail/envelope.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_entry.hpp>
#include <larder/codec.hpp>
#include <larder/detail/request_counters.hpp>

namespace larder::detail {

/// Bytes that cannot be read back are no value: counted, and reported to the hook. Thread-safe where the codec and the
/// hook are.
template <class Value, class Codec>
class StoredValues {
 public:
  using UndecodableHook = std::function<void(std::string_view key, std::string_view reason)>;

  StoredValues(Codec codec, UndecodableHook on_undecodable, RequestCounters& counters)
      : codec_(std::move(codec)), on_undecodable_(std::move(on_undecodable)), counters_(counters) {}

  /// Calls `use` with the bytes that are to be stored for a value: its own, or an envelope with these, which there must
  /// be if there is an `identity` (see envelope.hpp).
  template <class Use>
  void encode(const Value& value, const Metadata& metadata, std::string_view identity, const Use& use) const {
    const auto& encoded = codec_.encode(value);
    const std::string_view bytes(encoded);
    if (Envelope::is_needed(bytes, metadata) || !identity.empty()) {
      use(std::string_view(Envelope::seal(bytes, metadata, Envelope::Time::clock::now(), identity)));
    } else {
      use(bytes);
    }
  }

  /// Result: the value, or empty if it cannot be read. What else its envelope has goes to `rest`. `identity` is what
  /// `encode` was given.
  std::optional<Value> decode(std::string_view key, Bytes stored, std::string_view identity = {},
                              Envelope::Content* rest = nullptr) {
    std::string reason;
    if (Envelope::is_one(stored)) {
      auto content = Envelope::open(stored, reason);
      if (!content) return report(key, reason);
      if (content->identity != identity) return report(key, "a value that belongs to another key");
      stored = std::move(content->value);
      if (rest != nullptr) *rest = std::move(*content);
    } else if (!identity.empty()) {
      return report(key, "a value that does not tell the key that it belongs to");
    }
    try {
      std::optional<Value> value = codec_.decode(std::move(stored));
      if (value) return value;
      reason = "the codec cannot decode it";
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      reason = std::string("the codec cannot decode it: ") + error.what();
    } catch (...) {
      reason = "the codec cannot decode it, and throws something that is no std::exception";
    }
    return report(key, reason);
  }

  /// Counts and reports what is stored under a key and no value. Result: empty.
  std::nullopt_t report(std::string_view key, std::string_view reason) {
    counters_.add(RequestCounters::undecodable);
    if (on_undecodable_) {
      try {
        on_undecodable_(key, reason);
      } catch (...) {  // the hook's own affair
      }
    }
    return std::nullopt;
  }

 private:
  const Codec codec_;
  const UndecodableHook on_undecodable_;
  RequestCounters& counters_;
};

/// Result: the time that is so much later, or the last that the clock can tell.
template <class Clock = std::chrono::system_clock>
typename Clock::time_point later(typename Clock::time_point now, std::chrono::milliseconds by) {
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return by < most ? now + by : Clock::time_point::max();
}

}  // namespace larder::detail
