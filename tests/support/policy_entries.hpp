/// \file policy_entries.hpp
/// PolicyEntries: the entries of an eviction policy without a cache around it, each with a name of one letter.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <larder/eviction/eviction_policy.hpp>

namespace larder_tests {

/// Entry a has number 1. Each has a hash of its own, and a weight. Nothing is checked: what is inserted must not be
/// there, and what is used or erased must be.
template <class Policy>
class PolicyEntries {
 public:
  static constexpr larder::EvictionId none = larder::no_entry;

  static larder::EvictionId id_of(char name) { return static_cast<larder::EvictionId>(name - 'a' + 1); }
  static char name_of(larder::EvictionId id) { return id == none ? '-' : static_cast<char>('a' + id - 1); }

  /// A limit of so many entries, or of so much weight.
  static larder::EvictionLimits entries_at_most(std::size_t limit) { return {SIZE_MAX, limit}; }
  static larder::EvictionLimits weight_at_most(std::size_t limit) { return {limit, SIZE_MAX}; }

  explicit PolicyEntries(larder::EvictionLimits limits = entries_at_most(26)) : limits_(limits) {
    if constexpr (requires { policy.set_limits(limits); }) policy.set_limits(limits);
    policy.reserve(most + 1);
  }

  /// What the policy looks entries up in.
  larder::MarkedEntry operator[](larder::EvictionId id) const { return {facts_.at(id), marks_.at(id)}; }
  std::uint32_t hash_of(larder::EvictionId id) const { return facts_.at(id).hash; }

  /// Result: whether it was let in.
  bool insert(char name, std::size_t weight = 1) {
    const larder::EvictionId id = id_of(name);
    facts_[id] = {id, hash_of_name(name), weight};
    marks_[id] = 0;
    if constexpr (requires { policy.admit(facts_[id], *this); }) {
      if (!policy.admit(facts_[id], *this)) return false;
    }
    policy.insert(facts_[id]);
    return true;
  }
  void insert_all(std::string_view all) {
    for (const char name : all) insert(name);
  }

  void use(char name) {
    const larder::EvictionId id = id_of(name);
    if constexpr (larder::MarkingEvictionPolicy<Policy>) {
      const larder::MarkedEntry entry = (*this)[id];
      if (entry.uses() < Policy::most_uses) entry.set_uses(entry.uses() + 1);
    } else {
      policy.touch(facts_[id]);
    }
  }
  void use_all(std::string_view all) {
    for (const char name : all) use(name);
  }

  void replace(char name, std::size_t weight) {
    const larder::EvictionEntry old = facts_[id_of(name)];
    facts_[old.id].weight = weight;
    if constexpr (requires { policy.replace(old, old); }) policy.replace(old, facts_[old.id]);
    use(name);
  }

  void erase(char name) { policy.erase(facts_[id_of(name)]); }

  /// Result: who should leave for so much, but not `spared`; `-` for nobody.
  char victim(std::size_t incoming = 1, char spared = 'a' - 1) {
    const bool by_weight = limits_.weight != SIZE_MAX;
    const larder::EvictionNeed need{id_of(spared), by_weight, by_weight ? limits_.weight : limits_.entries, incoming};
    return name_of(policy.victim(need, *this));
  }
  char evict(std::size_t incoming = 1) {
    const char name = victim(incoming);
    if (name != '-') erase(name);
    return name;
  }

  /// The names in the order in which they are evicted. All of them leave.
  std::string evict_all() {
    std::string order;
    for (char name = evict(); name != '-'; name = evict()) order.push_back(name);
    return order;
  }

  static std::uint32_t hash_of_name(char name) {
    return static_cast<std::uint32_t>(id_of(name)) * 0x9e3779b1u ^ static_cast<std::uint32_t>(id_of(name)) << 27;
  }

  Policy policy{};

 private:
  static constexpr std::size_t most = 30;  // as many as a char can name from a on

  larder::EvictionLimits limits_;
  std::vector<larder::EvictionEntry> facts_ = std::vector<larder::EvictionEntry>(most + 1);
  mutable std::array<std::atomic<std::uint8_t>, most + 1> marks_{};
};

}  // namespace larder_tests
