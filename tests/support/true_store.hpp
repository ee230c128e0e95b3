/// \file true_store.hpp
/// TrueStore: a store that several processes share, and that remembers all that ever was in it. So that a test can tell
/// whether what a process reads was there at a time that it may be behind.
#pragma once

#include <larder/layers/forwarding_backend.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/testing/manual_clock.hpp>

namespace larder_tests {

class TrueStore final : public larder::ForwardingBackend<> {
  using Time = larder::testing::ManualClock::time_point;

 public:
  struct State {
    std::uint64_t since;  ///< the number of the change that led to it
    std::optional<std::string> value;
    larder::Metadata metadata;
    Time ends;
  };

  TrueStore(std::shared_ptr<larder::CacheBackend<>> memory, larder::testing::ManualClock clock)
      : larder::ForwardingBackend<>(std::move(memory), "TrueStore"), clock_(std::move(clock)) {}

  /// Called with each key that has changed, after the change.
  std::function<void(const std::string& key)> on_change{};

  /// The number of the last change of all.
  std::uint64_t now() const noexcept { return changes_; }

  /// Whether at some time from the change `since` on there was a state of the key of which `holds` is true. Before its
  /// first change, a key was absent.
  template <class Predicate>
  bool was(const std::string& key, std::uint64_t since, const Predicate& holds) const {
    static const State absent{};
    const auto found = history_.find(key);
    if (found == history_.end()) return holds(absent);
    const std::vector<State>& states = found->second;
    for (auto state = states.rbegin(); state != states.rend(); ++state) {
      if (holds(*state)) return true;
      if (state->since <= since) return false;  // what was before it was over by then
    }
    return holds(absent);
  }

 private:
  void note(std::string_view key) {
    const auto entry = wrapped().get_entry(key);
    State state{.since = ++changes_, .value = {}, .metadata = {}, .ends = Time::max()};
    if (entry) {
      state.value = entry->value.str();
      state.metadata = entry->metadata;
      wrapped().visit_entry(key, [&](const larder::EntryView<larder::Bytes>& view) {
        if (view.ttl) state.ends = clock_.now() + *view.ttl;
      });
    }
    const auto changed = history_.try_emplace(std::string(key)).first;
    changed->second.push_back(std::move(state));
    if (on_change) on_change(changed->first);
  }

  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    const bool stored = wrapped().set(key, std::move(value), ttl, std::move(metadata));
    note(key);
    return stored;
  }
  bool do_set_if_absent(std::string_view key, larder::Bytes value, larder::Ttl ttl,
                        larder::Metadata metadata) override {
    const bool stored = wrapped().set_if_absent(key, std::move(value), ttl, std::move(metadata));
    if (stored) note(key);
    return stored;
  }
  bool do_touch(std::string_view key, larder::Ttl ttl) override {
    const bool touched = wrapped().touch(key, ttl);
    if (touched) note(key);
    return touched;
  }
  bool do_erase(std::string_view key) override {
    const bool erased = wrapped().erase(key);
    note(key);
    return erased;
  }
  std::size_t do_clear() override {
    const std::size_t count = wrapped().clear();
    std::vector<std::string> keys;
    for (const auto& [key, states] : history_) keys.push_back(key);
    for (const std::string& key : keys) note(key);
    return count;
  }
  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    std::size_t stored = 0;
    for (auto& [key, value] : items) stored += do_set(key, value, ttl, {}) ? 1 : 0;
    return stored;
  }
  std::size_t do_erase_many(std::span<const key_item> keys) override {
    std::size_t erased = 0;
    for (const key_item& key : keys) erased += do_erase(key) ? 1 : 0;
    return erased;
  }

  larder::testing::ManualClock clock_;
  std::uint64_t changes_ = 0;
  std::map<std::string, std::vector<State>, std::less<>> history_;
};

}  // namespace larder_tests
