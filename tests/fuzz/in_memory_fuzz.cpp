/// \file in_memory_fuzz.cpp
/// Any sequence of operations on an InMemoryBackend under any policy, beside a model of what it must hold. Where the
/// input says so, a copy, hash, comparison, weigher or allocation fails in the middle of an operation: then the cache
/// must be as it was.
///
/// The model holds what was stored and the listener was not told of. Under Lru, with one shard, who is evicted is what
/// the model says, too.
#include <larder/larder.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/testing/fragile_text.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/fuzz/input.hpp"

namespace {

using larder::RemovalCause;
using larder::testing::FragileText;
using larder::testing::FragileTextBroke;
using larder::testing::LitFuse;
using larder_tests::FuzzInput;
using larder_tests::require;
using Milliseconds = std::chrono::milliseconds;

/// ValueSize or EntryFootprint, which may throw.
template <class Weigher>
struct FragileWeigher : Weigher {
  template <class... Facts>
  requires std::invocable<const Weigher&, const Facts&...> std::size_t operator()(const Facts&... facts) const {
    FragileText::take_risk();
    return Weigher::operator()(facts...);
  }
};

template <class Key, class Value, class Policy, class Weighing>
struct Traits : larder::InMemoryTraits<Key, Value> {
  using Clock = larder::testing::ManualClock;
  using Eviction = Policy;
  using Weigher = FragileWeigher<Weighing>;
  using Mutex = larder::NullMutex;
};

/// What the listener was told, which takes no memory to write down.
struct Told {
  std::uint8_t key;
  std::uint16_t value;
  RemovalCause cause;
};
std::array<Told, 4096> told;
std::size_t told_count = 0;

constexpr std::size_t key_count = 24;

/// Some are longer than what stands in a std::string itself.
std::string key_text(std::size_t key) {
  return std::string(1, static_cast<char>('a' + key)) + std::string(key % 3 == 0 ? 30 : 0, '.');
}
std::uint8_t key_of(std::string_view text) { return static_cast<std::uint8_t>(text.front() - 'a'); }

/// A value tells its number, and has a length of its own.
std::string value_text(std::uint16_t number, std::size_t size) {
  std::string text{static_cast<char>(number & 255), static_cast<char>(number >> 8)};
  return text.append(size, '.');
}
std::uint16_t value_of(std::string_view text) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(text[0]) | static_cast<unsigned char>(text[1]) << 8);
}

struct Entry {
  std::uint16_t value;
  std::size_t size;
  std::optional<Milliseconds> deadline;
  larder::Metadata metadata;
};

template <class Key, class Value, class Policy, class Weighing>
class Run {
  using Cache = larder::InMemoryBackend<Key, Value, Traits<Key, Value, Policy, Weighing>>;
  using View = larder::KeyView<Key>;

 public:
  explicit Run(FuzzInput input) : input_(input), limits_(any_limits()), cache_(connect(limits_)) {}

  void run() {
    for (std::size_t step = 0; step < 100 && !input_.is_empty(); ++step) {
      one_operation();
      follow();
    }
    check_stats();
    require(cache_.clear() == live_, "clear returns what was there");
    follow();
    require(model_.empty(), "the listener was told of everything");
  }

 private:
  typename Cache::Options any_limits() {
    typename Cache::Options limits;
    const std::size_t which = input_.below(3);
    const bool heavy = std::is_same_v<Weighing, larder::EntryFootprint>;
    limits.max_size_bytes = which == 0 ? 0 : (heavy ? 200 : 20) + input_.below(heavy ? 4000 : 400);
    limits.max_entries = which == 1 ? 0 : 3 + input_.below(20);
    limits.shards = input_.below(4) == 0 ? 3 : 1;
    if (input_.below(4) == 0) limits.default_ttl = Milliseconds(1 + input_.below(20));
    return limits;
  }

  typename Cache::Options connect(typename Cache::Options options) {
    told_count = 0;
    options.clock = clock_;
    options.on_removal = [](View key, const Value& value, RemovalCause cause) {
      require(told_count < told.size(), "there is room for what the listener is told");
      told[told_count++] = {key_of(std::string_view(key)), value_of(std::string_view(value)), cause};
    };
    return options;
  }

  static Key make_key(std::size_t key) { return Key(key_text(key)); }

  bool is_live(std::size_t key) const {
    const auto found = model_.find(key);
    return found != model_.end() && !is_expired(found->second);
  }
  bool is_expired(const Entry& entry) const { return entry.deadline && *entry.deadline <= now_; }

  void use(std::size_t key) {
    order_.remove(key);
    order_.push_back(key);
  }

  /// Takes what the listener was told. Only `written` may have been replaced.
  void follow(std::optional<std::size_t> written = {}) {
    for (std::size_t i = 0; i < told_count; ++i) {
      const Told& each = told[i];
      const auto found = model_.find(each.key);
      require(found != model_.end() && found->second.value == each.value, "who is removed was there, and once");
      require((each.cause == RemovalCause::expired) == is_expired(found->second), "who has expired, and nobody else");
      if (each.cause == RemovalCause::replaced) require(written == each.key || batch_, "who is replaced was written");
      if (each.cause == RemovalCause::evicted && exact_ && written != each.key) {
        const auto first =
            std::find_if(order_.begin(), order_.end(), [&](std::size_t key) { return key != written && is_live(key); });
        require(first != order_.end() && *first == each.key, "who is evicted was used least recently");
      }
      if (threw_ && !batch_) require(each.cause == RemovalCause::expired, "what fails removes nobody");
      model_.erase(found);
      order_.remove(each.key);
    }
    told_count = 0;
  }

  /// Calls the cache, with something that fails if the input says so. Result: whether nothing did.
  template <class Call>
  bool attempt(const Call& call) {
    const int risks = input_.below(3) == 0 ? static_cast<int>(1 + input_.below(24)) : 0;
    threw_ = false;
    const LitFuse fuse(risks);
    try {
      call();
    } catch (const FragileTextBroke&) {
      threw_ = true;
    } catch (const std::bad_alloc&) {
      threw_ = true;
    }
    require(!threw_ || (risks > 0 && !LitFuse::burning()), "nothing fails but what must");
    return !threw_;
  }

  void one_operation() {
    batch_ = false;
    const std::size_t key = input_.below(key_count);
    switch (input_.below(16)) {
      case 0: return get(key);
      case 1:
      case 2:
      case 3: return set(key, false);
      case 4: return set(key, true);
      case 5: return erase(key);
      case 6: return exists(key);
      case 7: return get_entry(key);
      case 8: return visit(key);
      case 9: return touch(key);
      case 10: return get_many();
      case 11: return set_many();
      case 12: return erase_many();
      case 13: return keys();
      case 14: return advance();
      default: input_.below(8) == 0 ? clear() : check_stats();
    }
  }

  void advance() {
    const Milliseconds by(input_.below(12));
    clock_.advance(by);
    now_ += by;
  }

  void expect_value(std::size_t key, std::string_view text) {
    require(is_live(key), "who is found is there");
    const Entry& entry = model_.at(key);
    require(text == value_text(entry.value, entry.size), "a value is the one that was stored");
  }

  void get(std::size_t key) {
    const Key name = make_key(key);
    std::optional<Value> value;
    if (!attempt([&] { value = cache_.get(name); })) return;
    follow();
    require(value.has_value() == is_live(key), "get finds what is there");
    if (!value) return;
    expect_value(key, std::string_view(*value));
    use(key);
  }

  void visit(std::size_t key) {
    const Key name = make_key(key);
    bool found = false;
    bool seen = false;
    const bool by_entry = input_.flag();
    const bool done = attempt([&] {
      if (by_entry) {
        found = cache_.visit_entry(name, [&](const larder::EntryView<Value>& entry) {
          seen = true;
          expect_value(key, std::string_view(entry.value));
          require(entry.metadata == model_.at(key).metadata, "metadata are what was stored");
        });
      } else {
        found = cache_.visit(name, [&](const Value& value) {
          seen = true;
          expect_value(key, std::string_view(value));
        });
      }
    });
    if (!done) return lose_order();
    follow();
    require(found == is_live(key) && found == seen, "visit finds what is there");
    if (found) use(key);
  }

  void exists(std::size_t key) {
    const Key name = make_key(key);
    bool found = false;
    if (attempt([&] { found = cache_.exists(name); })) require(found == is_live(key), "exists finds what is there");
  }

  void get_entry(std::size_t key) {
    const Key name = make_key(key);
    std::optional<larder::CacheEntry<Key, Value>> entry;
    if (!attempt([&] { entry = cache_.get_entry(name); })) return;
    require(entry.has_value() == is_live(key), "get_entry finds what is there");
    if (!entry) return;
    expect_value(key, std::string_view(entry->value));
    require(entry->metadata == model_.at(key).metadata, "metadata are what was stored");
    require(entry->expires_at.has_value() == model_.at(key).deadline.has_value(), "an entry tells its expiry");
  }

  larder::Ttl any_ttl() {
    switch (input_.below(6)) {
      case 0: return Milliseconds(input_.below(30));
      case 1: return Milliseconds(-1);
      case 2: return std::chrono::hours(1);
      default: return {};
    }
  }

  Entry any_entry(larder::Ttl ttl) {
    Entry entry{.value = ++next_value_, .size = input_.below(input_.below(8) == 0 ? 600 : 40), .deadline = {}};
    if (!ttl) ttl = limits_.default_ttl;
    if (ttl) entry.deadline = now_ + *ttl;
    return entry;
  }

  void set(std::size_t key, bool if_absent) {
    const Key name = make_key(key);
    const larder::Ttl ttl = any_ttl();
    Entry entry = any_entry(ttl);
    if (input_.below(4) == 0) entry.metadata = {{"n", "a text that is longer than a small string"}};
    Value value(value_text(entry.value, entry.size));
    larder::Metadata metadata = entry.metadata;
    const bool was_there = is_live(key);
    bool stored = false;
    const bool done = attempt([&] {
      stored = if_absent ? cache_.set_if_absent(name, std::move(value), ttl, std::move(metadata))
                         : cache_.set(name, std::move(value), ttl, std::move(metadata));
    });
    if (!done) return;
    follow(key);
    const bool expires_at_once = ttl && ttl->count() <= 0;
    if (if_absent && was_there) {
      require(!stored, "what is there is not set again");
    } else if (expires_at_once) {
      require(!stored && !is_live(key), "a TTL that is over stores nothing");
    } else if (!stored) {
      // Declined for its weight, or turned away by the policy: the old value is gone in the first case.
      const bool may_be_declined = limits_.max_size_bytes != 0 || std::is_same_v<Policy, larder::WTinyLfu>;
      require(may_be_declined && (if_absent || !is_live(key)), "only a value that is too large is declined");
    } else {
      model_[key] = std::move(entry);
      use(key);
    }
  }

  void erase(std::size_t key) {
    const Key name = make_key(key);
    const bool was_there = is_live(key);
    bool erased = false;
    if (!attempt([&] { erased = cache_.erase(name); })) return;
    follow();
    require(erased == was_there && !is_live(key), "erase removes what is there");
  }

  void touch(std::size_t key) {
    const Key name = make_key(key);
    const bool was_there = is_live(key);
    larder::Ttl ttl = any_ttl();
    bool touched = false;
    if (!attempt([&] { touched = cache_.touch(name, ttl); })) return;
    const bool expires_at_once = ttl && ttl->count() <= 0;
    follow(key);
    if (expires_at_once) {
      require(touched == was_there || !touched, "a TTL that is over removes at most what is there");
      require(!is_live(key), "a TTL that is over leaves nothing");
    } else if (touched) {
      require(was_there, "who is touched was there");
      if (!ttl) ttl = limits_.default_ttl;
      model_.at(key).deadline = ttl ? std::optional(now_ + *ttl) : std::nullopt;
      use(key);
    } else {
      require(!is_live(key), "who is there can be touched");
    }
  }

  std::vector<std::size_t> some_keys() {
    std::vector<std::size_t> some(input_.below(6));
    for (std::size_t& key : some) key = input_.below(key_count);
    return some;
  }

  void get_many() {
    batch_ = true;
    const std::vector<std::size_t> some = some_keys();
    std::vector<Key> names;
    for (const std::size_t key : some) names.push_back(make_key(key));
    std::vector<larder::KeyItem<Key>> items(names.begin(), names.end());
    std::vector<std::optional<Value>> values(some.size());
    if (!attempt([&] { cache_.get_many(items, values); })) return lose_order();
    follow();
    for (std::size_t i = 0; i < some.size(); ++i) {
      require(values[i].has_value() == is_live(some[i]), "get_many finds what is there");
      if (!values[i]) continue;
      expect_value(some[i], std::string_view(*values[i]));
      use(some[i]);
    }
  }

  void set_many() {
    batch_ = true;
    const std::vector<std::size_t> some = some_keys();
    const larder::Ttl ttl = any_ttl();
    std::vector<Entry> entries;
    std::vector<std::pair<Key, Value>> items;
    for (const std::size_t key : some) {
      entries.push_back(any_entry(ttl));
      items.emplace_back(make_key(key), Value(value_text(entries.back().value, entries.back().size)));
    }
    std::size_t stored = 0;
    attempt([&] { stored = cache_.set_many(items, ttl); });
    lose_order();
    // Some of them are replaced, or evicted, by those behind them.
    std::map<std::size_t, std::vector<std::size_t>> written;
    for (std::size_t i = 0; i < some.size(); ++i) written[some[i]].push_back(i);
    std::vector<Told> others;
    for (std::size_t i = 0; i < told_count; ++i) {
      const bool is_new =
          std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.value == told[i].value; });
      if (!is_new) others.push_back(told[i]);
    }
    require(threw_ || stored >= told_count - others.size(), "who was removed had been stored");
    std::copy(others.begin(), others.end(), told.begin());
    told_count = others.size();
    follow();
    for (const auto& [key, positions] : written) {
      const auto entry = cache_.get_entry(make_key(key));
      follow();
      if (!entry) {
        require(!is_live(key), "who is gone was removed");
        continue;
      }
      const std::uint16_t number = value_of(std::string_view(entry->value));
      const auto which =
          std::find_if(positions.begin(), positions.end(), [&](std::size_t i) { return entries[i].value == number; });
      if (which == positions.end()) {
        require(threw_ && is_live(key), "a batch that did not fail stores all, or removes");
        expect_value(key, std::string_view(entry->value));
      } else {
        model_[key] = entries[*which];
      }
    }
  }

  void erase_many() {
    batch_ = true;
    const std::vector<std::size_t> some = some_keys();
    std::vector<Key> names;
    for (const std::size_t key : some) names.push_back(make_key(key));
    std::size_t there = 0;
    for (std::size_t i = 0; i < some.size(); ++i) {
      there += is_live(some[i]) && std::find(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(i), some[i]) ==
                                       some.begin() + static_cast<std::ptrdiff_t>(i);
    }
    std::size_t erased = 0;
    if (!attempt([&] { erased = cache_.erase_many(names); })) return lose_order();
    follow();
    require(erased == there, "erase_many counts what was there");
    for (const std::size_t key : some) require(!is_live(key), "erase_many removes what is there");
  }

  void keys() {
    std::vector<Key> listed;
    if (!attempt([&] { listed = cache_.keys(); })) return;
    std::size_t live = 0;
    for (const auto& [key, entry] : model_) live += is_expired(entry) ? 0 : 1;
    require(listed.size() == live, "keys lists as many as there are");
    for (const Key& key : listed) require(is_live(key_of(std::string_view(key))), "who is listed is there");
  }

  void clear() {
    std::size_t live = 0;
    for (const auto& [key, entry] : model_) live += is_expired(entry) ? 0 : 1;
    std::size_t cleared = 0;
    if (!attempt([&] { cleared = cache_.clear(); })) return;
    follow();
    require(cleared == live && model_.empty(), "clear removes what is there");
    exact_ = limits_.shards == 1 && std::is_same_v<Policy, larder::Lru>;
  }

  void check_stats() {
    threw_ = false;
    const auto stats = cache_.stats();
    follow();
    std::size_t bytes = 0;
    for (const auto& [key, entry] : model_) {
      require(!is_expired(entry), "stats lets all go that has expired");
      bytes += entry.size + 2;
    }
    live_ = model_.size();
    require(stats.current_entries == live_, "stats counts entries");
    require(stats.current_size_bytes == bytes, "stats counts bytes");
    require(limits_.max_entries == 0 || live_ <= limits_.max_entries, "there are no more than may be");
    require(limits_.max_size_bytes == 0 || bytes <= limits_.max_size_bytes, "nor more bytes");
    require(stats.errors == 0, "the listener does not throw");
  }

  void lose_order() { exact_ = false; }

  FuzzInput input_;
  larder::testing::ManualClock clock_;
  typename Cache::Options limits_;
  Cache cache_;
  std::map<std::size_t, Entry> model_;
  std::list<std::size_t> order_;  // from the least recently used one on
  Milliseconds now_{0};
  std::uint16_t next_value_ = 0;
  std::size_t live_ = 0;
  bool exact_ = limits_.shards == 1 && std::is_same_v<Policy, larder::Lru>;
  bool batch_ = false;
  bool threw_ = false;
};

template <class Policy>
void run(FuzzInput input) {
  switch (input.below(4)) {
    case 0: return Run<std::string, larder::Bytes, Policy, larder::ValueSize>(input).run();
    case 1: return Run<std::string, larder::Bytes, Policy, larder::EntryFootprint>(input).run();
    case 2: return Run<FragileText, FragileText, Policy, larder::ValueSize>(input).run();
    default: return Run<std::string, FragileText, Policy, larder::EntryFootprint>(input).run();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  switch (input.below(5)) {
    case 0: run<larder::Lru>(input); break;
    case 1: run<larder::Clock>(input); break;
    case 2: run<larder::S3Fifo>(input); break;
    case 3: run<larder::WTinyLfu>(input); break;
    default: run<larder::Gdsf>(input);
  }
  return 0;
}
