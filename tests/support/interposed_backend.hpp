/// \file interposed_backend.hpp
/// InterposedBackend: a layer that lets a test do something before or after the cache underneath is asked, such as what
/// another thread or process would do at just this moment.
#pragma once

#include <larder/layers/forwarding_backend.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder_tests {

class InterposedBackend final : public larder::ForwardingBackend<> {
  using Base = larder::CacheBackend<>;

 public:
  explicit InterposedBackend(std::shared_ptr<Base> wrapped)
      : larder::ForwardingBackend<>(std::move(wrapped), "InterposedBackend") {}

  /// Called with the operation's name, once for each call; may throw.
  std::function<void(std::string_view operation)> before{};
  std::function<void(std::string_view operation)> after{};

  /// Calls that came here, such as "get", in their order.
  std::vector<std::string> calls{};

  /// Does something once, at the next `operation`.
  void once_before(std::string operation, std::function<void()> action) {
    before = once(std::move(operation), std::move(action), before);
  }
  void once_after(std::string operation, std::function<void()> action) {
    after = once(std::move(operation), std::move(action), after);
  }

 private:
  static std::function<void(std::string_view)> once(std::string operation, std::function<void()> action,
                                                    std::function<void(std::string_view)> otherwise) {
    return [operation = std::move(operation), action = std::move(action), otherwise = std::move(otherwise),
            done = std::make_shared<bool>(false)](std::string_view called) {
      if (called == operation && !std::exchange(*done, true)) return action();
      if (otherwise) otherwise(called);
    };
  }

  template <class Call>
  auto around(const char* operation, const Call& call) {
    calls.emplace_back(operation);
    if (const auto now = before) now(operation);
    auto result = call();
    if (const auto now = after) now(operation);
    return result;
  }

  std::optional<larder::Bytes> do_get(std::string_view key) override {
    return around("get", [&] { return wrapped().get(key); });
  }
  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    return around("set", [&] { return wrapped().set(key, value, ttl, metadata); });
  }
  bool do_set_if_absent(std::string_view key, larder::Bytes value, larder::Ttl ttl,
                        larder::Metadata metadata) override {
    return around("set_if_absent", [&] { return wrapped().set_if_absent(key, value, ttl, metadata); });
  }
  bool do_touch(std::string_view key, larder::Ttl ttl) override {
    return around("touch", [&] { return wrapped().touch(key, ttl); });
  }
  bool do_erase(std::string_view key) override {
    return around("erase", [&] { return wrapped().erase(key); });
  }
  bool do_exists(std::string_view key) override {
    return around("exists", [&] { return wrapped().exists(key); });
  }
  std::size_t do_clear() override {
    return around("clear", [&] { return wrapped().clear(); });
  }
  std::optional<entry_type> do_get_entry(std::string_view key) override {
    return around("get_entry", [&] { return wrapped().get_entry(key); });
  }
  std::vector<std::string> do_keys(std::string_view pattern) override {
    return around("keys", [&] { return wrapped().keys(pattern); });
  }
  bool do_visit_entry(std::string_view key, EntryVisitor visit) override {
    return around("visit_entry", [&] { return wrapped().visit_entry(key, visit); });
  }
  std::size_t do_visit_entries(std::span<const key_item> keys, EntriesVisitor visit) override {
    return around("visit_entries", [&] { return wrapped().visit_entries(keys, visit); });
  }
  void do_get_many(std::span<const key_item> keys, std::span<std::optional<larder::Bytes>> values) override {
    around("get_many", [&] {
      wrapped().get_many(keys, values);
      return true;
    });
  }
  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    return around("set_many", [&] { return wrapped().set_many(items, ttl); });
  }
  std::size_t do_erase_many(std::span<const key_item> keys) override {
    return around("erase_many", [&] { return wrapped().erase_many(keys); });
  }
};

}  // namespace larder_tests
