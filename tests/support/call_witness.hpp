/// \file call_witness.hpp
/// CallWitness: a backend that tells which calls reached it. Every operation, once, by its name.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>

namespace larder_tests {

/// A backend that answers every operation in its own way, and writes down the calls that reach it.
class CallWitness : public larder::CacheBackend<> {
 public:
  std::string take_calls() { return std::exchange(calls_, {}); }

  std::string failure;  ///< if it is not empty, every call throws it

 private:
  std::optional<larder::Bytes> do_get(std::string_view key) override {
    note("get " + std::string(key));
    return "value";
  }
  bool do_set(std::string_view key, larder::Bytes value, larder::Ttl ttl, larder::Metadata metadata) override {
    std::string call = "set " + std::string(key) + "=" + value.str() + " " + to_text(ttl);
    for (const auto& [name, text] : metadata) call += " " + name + ":" + text;
    note(call);
    return key != "declined";
  }
  bool do_set_if_absent(std::string_view key, larder::Bytes value, larder::Ttl ttl,
                        larder::Metadata metadata) override {
    std::string call = "set_if_absent " + std::string(key) + "=" + value.str() + " " + to_text(ttl);
    for (const auto& [name, text] : metadata) call += " " + name + ":" + text;
    note(call);
    return key == "absent";
  }
  bool do_touch(std::string_view key, larder::Ttl ttl) override {
    note("touch " + std::string(key) + " " + to_text(ttl));
    return key != "absent";
  }
  bool do_erase(std::string_view key) override {
    note("erase " + std::string(key));
    return true;
  }
  bool do_exists(std::string_view key) override {
    note("exists " + std::string(key));
    return key != "absent";
  }
  std::size_t do_clear() override {
    note("clear");
    return 7;
  }
  larder::CacheStats do_stats() const override {
    larder::CacheStats stats;
    stats.hits = 11;
    stats.errors = errors_;
    stats.max_size_bytes = 1000;
    return stats;
  }
  void do_reset_stats() override {
    note("reset_stats");
    errors_ = 0;
  }
  std::optional<entry_type> do_get_entry(std::string_view key) override {
    note("get_entry " + std::string(key));
    return entry_type{.key = std::string(key), .value = "entry", .created_at = {}, .metadata = {{"a", "b"}}};
  }
  bool do_visit_entry(std::string_view key, EntryVisitor visit) override {
    note("visit_entry " + std::string(key));
    visit({"entry", {{"a", "b"}}, std::chrono::seconds(5)});
    return true;
  }
  std::size_t do_visit_entries(std::span<const std::string_view> keys, EntriesVisitor visit) override {
    note("visit_entries" + to_text(keys));
    for (std::size_t i = 0; i < keys.size(); ++i) visit(i, {"entry", {{"a", "b"}}, std::chrono::seconds(5)});
    return keys.size();
  }
  bool do_can_list_keys() const noexcept override { return true; }
  std::vector<std::string> do_keys(std::string_view pattern) override {
    note("keys " + std::string(pattern));
    return {"x", "y"};
  }
  void do_get_many(std::span<const std::string_view> keys, std::span<std::optional<larder::Bytes>> values) override {
    note("get_many" + to_text(keys));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      values[i] = keys[i] == "absent" ? std::nullopt : std::optional<larder::Bytes>(keys[i]);
    }
  }
  std::size_t do_set_many(std::span<item> items, larder::Ttl ttl) override {
    std::string call = "set_many";
    for (const auto& [key, value] : items) call += " " + std::string(key) + "=" + value.str();
    note(call + " " + to_text(ttl));
    return items.size() - 1;
  }
  std::size_t do_erase_many(std::span<const std::string_view> keys) override {
    note("erase_many" + to_text(keys));
    return keys.size() + 5;
  }

  static std::string to_text(larder::Ttl ttl) { return ttl ? std::to_string(ttl->count()) + "ms" : "-"; }
  static std::string to_text(std::span<const std::string_view> keys) {
    std::string text;
    for (const std::string_view key : keys) text.append(" ").append(key);
    return text;
  }

  void note(const std::string& call) {
    if (!failure.empty()) throw larder::ServerError("REAL", failure);
    calls_ += (calls_.empty() ? "" : ", ") + call;
  }

  std::uint64_t errors_ = 100;
  std::string calls_;
};

struct NamedCall {
  std::string name;
  std::function<void(larder::CacheBackend<>&)> call;
  bool writes = false;
};

inline void get_two(larder::CacheBackend<>& cache) {
  const std::array<std::string_view, 2> keys = {"a", "b"};
  std::array<std::optional<larder::Bytes>, 2> values;
  cache.get_many(keys, values);
}

inline void visit_two(larder::CacheBackend<>& cache) {
  const std::array<std::string_view, 2> keys = {"a", "b"};
  cache.visit_entries(keys, [](std::size_t, const larder::EntryView<larder::Bytes>&) {});
}

/// Each operation that can be disturbed, once.
inline const std::vector<NamedCall>& all_calls() {
  static const std::vector<NamedCall> calls = {
      {"get", [](larder::CacheBackend<>& cache) { cache.get("a"); }},
      {"set", [](larder::CacheBackend<>& cache) { cache.set("a", "v"); }, true},
      {"set_if_absent", [](larder::CacheBackend<>& cache) { cache.set_if_absent("a", "v"); }, true},
      {"touch", [](larder::CacheBackend<>& cache) { cache.touch("a", std::chrono::seconds(5)); }, true},
      {"erase", [](larder::CacheBackend<>& cache) { cache.erase("a"); }, true},
      {"exists", [](larder::CacheBackend<>& cache) { cache.exists("a"); }},
      {"clear", [](larder::CacheBackend<>& cache) { cache.clear(); }, true},
      {"get_entry", [](larder::CacheBackend<>& cache) { cache.get_entry("a"); }},
      {"visit_entry",
       [](larder::CacheBackend<>& cache) { cache.visit_entry("a", [](const larder::EntryView<larder::Bytes>&) {}); }},
      {"visit_entries", visit_two},
      {"keys", [](larder::CacheBackend<>& cache) { cache.keys("a*"); }},
      {"get_many", get_two},
      {"set_many",
       [](larder::CacheBackend<>& cache) {
         cache.set_many({{"a", "1"}, {"b", "2"}}, std::chrono::seconds(5));
       },
       true},
      {"erase_many",
       [](larder::CacheBackend<>& cache) {
         cache.erase_many({"a", "b"});
       },
       true},
  };
  return calls;
}

}  // namespace larder_tests
