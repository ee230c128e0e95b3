/// \file dynamodb_backend.hpp
/// DynamoDbBackend: a cache in a DynamoDB table. Needs the component `dynamodb` (libcurl, nlohmann-json).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/backends/detail/dynamodb/dynamodb_store.hpp>
#include <larder/backends/detail/envelope.hpp>
#include <larder/backends/detail/key_texts.hpp>
#include <larder/backends/detail/stored_values.hpp>
#include <larder/backends/dynamodb_options.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
#include <larder/detail/request_counters.hpp>
#include <larder/fwd.hpp>

namespace larder {

/// A cache in DynamoDB, or a server that speaks like it, shared by all who name the same table and prefix.
///
/// - What an item looks like stands in backends/detail/dynamodb/dynamodb_requests.hpp. A value is stored as its codec
///   encodes it; with metadata, in an envelope (backends/detail/envelope.hpp).
/// - Expiry is by this machine's clock, to the millisecond, and is looked at by every operation, since DynamoDB itself
///   removes what has expired up to days later (if it is told to: the attribute is `ttl`). Machines whose clocks differ
///   differ in what they see.
/// - Keys have 2,048 bytes at most, prefix included; longer ones are refused with InvalidArgumentError. `set` declines
///   what is larger than `max_value_bytes`, or than an item can be (400 KB); the old value is gone then.
/// - `keys` and `clear` read the whole table, page by page, and touch only what begins with the prefix. On an empty
///   prefix `clear` removes everything in the table.
/// - `erase_many` looks which keys are there before it erases them, since DynamoDB does not tell: another's change in
///   between makes its count wrong, and nothing else.
/// - Evictions are not counted, nor are gauges known.
/// - Threads: any number, of which `pool_size` talk to the server at once; more wait for their turn.
/// - Requests that a server is too busy for, or fails at (5xx), are sent again after a random pause that grows
///   (`max_attempts`, `retry_base`), within the call's deadline (`DynamoDbOptions::timeout`). So a `set_if_absent` or
///   `erase` whose first attempt took effect without an answer may return false. A call throws ConnectionError,
///   TimeoutError, ProtocolError, or ServerError with DynamoDB's own code (`ThrottlingException`,
///   `ResourceNotFoundException`, `AccessDeniedException` ...; `HTTP 502` where there is none; `UnprocessedKeys` and
///   `UnprocessedItems` where a part of a batch was never done). Reads are repeated once where a connection broke; a
///   write that failed may have taken effect. Proxies are what libcurl takes from the environment.
/// - Complexity: one request; a batch one for each 100 keys to read or 25 to write.
///
/// It can be neither copied nor moved.
template <class Key, class Value, class Codec>
class DynamoDbBackend final : public CacheBackend<Key, Value> {
  static_assert(CodecFor<Codec, Value>,
                "larder: this codec does not encode and decode this type of values (see larder/codec.hpp)");

  using Base = CacheBackend<Key, Value>;
  using Counters = detail::RequestCounters;
  using Envelope = detail::Envelope;
  using Item = detail::DynamoDbItem;
  using Parts = detail::DynamoDbRequests::Parts;
  using Store = detail::DynamoDbStore;

 public:
  using options_type = DynamoDbOptions;
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// `largest_key` and `largest_value` are for the default options: the prefix counts, and `max_value_bytes`.
  static constexpr BackendCapabilities capabilities{
      .key_patterns = std::convertible_to<const Key&, std::string_view>,
      .largest_key = detail::DynamoDbKeys::longest - std::string_view("larder:").size(),
      .largest_value = 400'000,
      .removal_counters = false,
      .exact_size_accounting = false,
      .error_hook = true,
  };

  /// Connects to nobody yet. \throws InvalidArgumentError if the options make no sense.
  explicit DynamoDbBackend(DynamoDbOptions options = {}, Codec codec = {})
      : store_(std::move(options)), values_(std::move(codec), store_.options().on_undecodable, counters_) {}

  const DynamoDbOptions& options() const noexcept { return store_.options(); }

 private:
  std::optional<Value> do_get(key_view key) override {
    return counting_errors([&] {
      std::optional<Value> value = value_of(store_.get(name_of(key)), key);
      counters_.add(value ? Counters::hits : Counters::misses);
      return value;
    });
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return store(key, value, ttl, metadata, Store::Condition::none);
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return store(key, value, ttl, metadata, Store::Condition::absent);
  }

  bool do_touch(key_view key, Ttl ttl) override {
    return counting_errors([&] { return store_.touch(name_of(key), ttl); });
  }

  bool do_erase(key_view key) override {
    return counting_errors([&] {
      const bool erased = store_.erase(name_of(key));
      if (erased) counters_.add(Counters::deletes);
      return erased;
    });
  }

  bool do_exists(key_view key) override {
    return counting_errors([&] { return store_.exists(name_of(key)); });
  }

  std::size_t do_clear() override {
    return counting_errors([&] { return store_.clear(); });
  }

  CacheStats do_stats() const override { return counters_.snapshot(); }
  void do_reset_stats() override { counters_.reset(); }

  std::optional<entry_type> do_get_entry(key_view key) override {
    return counting_errors([&]() -> std::optional<entry_type> {
      std::optional<Item> found = store_.get(name_of(key));
      if (!found) return std::nullopt;
      const auto created_at = Store::time_of(found->created_at.value_or(0));
      const auto expires_at = found->expires_at;
      Envelope::Content content;
      auto value = value_of(std::move(found), key, &content);
      if (!value) return std::nullopt;
      std::optional<entry_type> entry(entry_type{.key = Key(key),
                                                 .value = std::move(*value),
                                                 .created_at = created_at,
                                                 .expires_at = {},
                                                 .metadata = std::move(content.metadata)});
      if (expires_at) entry->expires_at = Store::time_of(*expires_at);
      return entry;
    });
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    return counting_errors([&] {
      const bool found = show(store_.get(name_of(key)), key, visit);
      counters_.add(found ? Counters::hits : Counters::misses);
      return found;
    });
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    return counting_errors([&] {
      const Names names(*this, keys);
      std::size_t hits = 0;
      store_.get_many(names.different(), Parts::all, store_.deadline(keys.size()), [&](Store::Found& found) {
        for (auto& [name, found_item] : found) {
          const auto positions = names.positions(names.index_of(name));
          const auto visit_each = [&, positions = positions](const EntryView<Value>& entry) {
            for (const std::size_t position : positions) visit(position, entry);
          };
          hits += show(std::move(found_item), keys[positions.front()], visit_each) ? positions.size() : 0;
        }
      });
      counters_.add(Counters::hits, hits);
      counters_.add(Counters::misses, keys.size() - hits);
      return hits;
    });
  }

  bool do_can_list_keys() const noexcept override { return true; }

  std::vector<Key> do_keys(std::string_view pattern) override {
    detail::require_pattern_for<Key>(pattern);
    return counting_errors([&] { return detail::keys_of<Key>(store_.keys(pattern)); });
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    counting_errors([&] {
      const Names names(*this, keys);
      std::fill(values.begin(), values.end(), std::nullopt);
      store_.get_many(names.different(), Parts::all, store_.deadline(keys.size()), [&](Store::Found& found) {
        for (auto& [name, found_item] : found) {
          const auto positions = names.positions(names.index_of(name));
          const std::optional<Value> value = value_of(std::move(found_item), keys[positions.front()]);
          for (const std::size_t position : positions) values[position] = value;
        }
      });
      const auto hits = static_cast<std::size_t>(
          std::count_if(values.begin(), values.end(), [](const auto& value) { return value.has_value(); }));
      counters_.add(Counters::hits, hits);
      counters_.add(Counters::misses, keys.size() - hits);
    });
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    return counting_errors([&] {
      const Names names(*this, items);
      // Of a key that comes several times the last value stays, so the others need not be sent.
      std::vector<std::string> forms(names.different().size());
      std::vector<Store::Write> writes;
      std::vector<std::size_t> counts(forms.size());
      for (std::size_t i = 0; i < forms.size(); ++i) {
        const std::string& name = names.different()[i];
        bool fits = false;
        for (const std::size_t position : names.positions(i)) {
          values_.encode(items[position].second, {}, {}, [&](std::string_view form) {
            fits = store_.fits(name, form);
            if (fits) forms[i] = form;
          });
          counts[i] += fits ? 1 : 0;
        }
        writes.push_back({.name = &name, .form = fits ? std::optional<std::string_view>(forms[i]) : std::nullopt});
      }
      std::size_t done = 0;
      std::size_t stored = 0;
      store_.write_many(writes, ttl, store_.deadline(items.size()), [&](std::size_t more) {
        for (const std::size_t end = done + more; done < end; ++done) {
          stored += counts[done];
          counters_.add(Counters::sets, counts[done]);
        }
      });
      return stored;
    });
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    return counting_errors([&] {
      const Names names(*this, keys);
      const auto deadline = store_.deadline(keys.size());
      std::vector<std::string> live;
      store_.get_many(names.different(), Parts::without_value, deadline, [&live](const Store::Found& found) {
        for (const auto& [name, unused] : found) live.emplace_back(name);
      });
      std::vector<Store::Write> erasures;
      for (const std::string& name : live) erasures.push_back({.name = &name});
      std::size_t erased = 0;
      store_.write_many(erasures, {}, deadline, [&](std::size_t more) {
        erased += more;
        counters_.add(Counters::deletes, more);
      });
      return erased;
    });
  }

  std::string name_of(key_view key) const { return store_.name_of(KeyCodec<Key>::encode(key)); }

  /// What a batch's keys are in the table, each once, and where they stand in the batch.
  class Names {
   public:
    /// \throws InvalidArgumentError before anything is done.
    template <class Elements>
    Names(const DynamoDbBackend& backend, const Elements& elements) : positions_(elements.size()) {
      std::vector<std::string> all;
      for (const auto& each : elements) all.push_back(backend.name_of(key_of(each)));
      for (std::size_t i = 0; i < all.size(); ++i) positions_[i] = i;
      std::stable_sort(positions_.begin(), positions_.end(),
                       [&all](std::size_t left, std::size_t right) { return all[left] < all[right]; });
      for (std::size_t i = 0; i < all.size(); ++i) {
        std::string& name = all[positions_[i]];
        if (!different_.empty() && different_.back() == name) continue;
        begins_.push_back(i);
        different_.push_back(std::move(name));
      }
      begins_.push_back(all.size());
    }

    /// In order.
    std::span<const std::string> different() const noexcept { return different_; }
    /// Where the different name number `index` stands in the batch, the first first.
    std::span<const std::size_t> positions(std::size_t index) const noexcept {
      return std::span(positions_).subspan(begins_[index], begins_[index + 1] - begins_[index]);
    }
    /// Result: the number of a name that is among them.
    std::size_t index_of(std::string_view name) const noexcept {
      return static_cast<std::size_t>(std::lower_bound(different_.begin(), different_.end(), name) -
                                      different_.begin());
    }

   private:
    static const key_item& key_of(const key_item& key) noexcept { return key; }
    static const key_item& key_of(const item& each) noexcept { return each.first; }

    std::vector<std::string> different_;
    std::vector<std::size_t> positions_;
    std::vector<std::size_t> begins_;  // in the positions, of each name, and the end
  };

  bool store(key_view key, const Value& value, const Ttl& ttl, const Metadata& metadata, Store::Condition condition) {
    return counting_errors([&] {
      const std::string name = name_of(key);
      bool stored = false;
      values_.encode(value, metadata, {},
                     [&](std::string_view form) { stored = store_.put(name, form, ttl, condition); });
      if (stored) counters_.add(Counters::sets);
      return stored;
    });
  }

  /// Shows the entry that an item is. Result: whether it is one.
  template <class Visit>
  bool show(std::optional<Item> found, key_view key, const Visit& visit) {
    if (!found) return false;
    Ttl ttl;
    if (found->expires_at) {
      const auto left = Store::time_of(*found->expires_at) - entry_type::Clock::now();
      ttl = std::chrono::floor<std::chrono::milliseconds>(left);
    }
    Envelope::Content content;
    const auto value = value_of(std::move(found), key, &content);
    if (!value) return false;
    visit(EntryView<Value>{*value, content.metadata, ttl});
    return true;
  }

  /// Result: the value, or empty if there is none that could be read. What else its envelope has goes to `rest`.
  std::optional<Value> value_of(std::optional<Item> found, key_view key, Envelope::Content* rest = nullptr) {
    if (!found) return std::nullopt;
    const auto& text = KeyCodec<Key>::encode(key);
    if (!found->value) return values_.report(text, "an item without a value of bytes");
    return values_.decode(text, std::move(*found->value), {}, rest);
  }

  template <class Call>
  std::invoke_result_t<const Call&> counting_errors(const Call& call) {
    return counters_.counting_errors(call);
  }

  Store store_;
  Counters counters_;
  detail::StoredValues<Value, Codec> values_;
};

}  // namespace larder
