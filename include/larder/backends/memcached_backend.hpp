/// \file memcached_backend.hpp
/// MemcachedBackend: a cache in one Memcached server or several. Needs the component `memcached` (OpenSSL).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/backends/detail/envelope.hpp>
#include <larder/backends/detail/key_texts.hpp>
#include <larder/backends/detail/memcached/encoded_values.hpp>
#include <larder/backends/detail/memcached/memcached_store.hpp>
#include <larder/backends/detail/stored_values.hpp>
#include <larder/backends/memcached_options.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
#include <larder/detail/request_counters.hpp>
#include <larder/fwd.hpp>

namespace larder {

/// A cache in Memcached (1.6 or later, whose meta protocol it speaks), shared by all who name the same servers and
/// prefix.
///
/// - A key is stored as `prefix` + generation + `:` + key, in base64 or hashed where the protocol has no other way
///   (backends/detail/memcached/memcached_key.hpp); what the generation is stands under `prefix` + `generation`. A
///   value is stored as its codec encodes it, raw. One with metadata is stored in an envelope
///   (backends/detail/envelope.hpp), which also remembers `created_at`; so is a raw value that looks like one, and one
///   whose key is hashed. Of the others `created_at` is unknown, and the clock's epoch.
/// - Expiry is the server's, in whole seconds: a TTL is rounded up, and what has expired may be seen for a second more.
///   No entry lives beyond January 2038, which is where Memcached's clock ends.
/// - `set` declines what is larger than `max_value_bytes`, or than the server takes; the old value is gone then. (What
///   is larger than a server takes, and not than `max_value_bytes`, has it remove the old value even for
///   `set_if_absent`.)
/// - A server cannot list its keys, so `keys` throws NotSupportedError. `clear` gives the keys of every server a new
///   generation, in O(1) each: nothing that was stored before is found again, by whoever, and the servers evict it in
///   time. How many entries went is not known: it returns 0. Where a server fails, the others are cleared all the same
///   before the error is thrown.
/// - Several servers: keys are spread by consistent hashing. The keys of one that fails throw, at once while it is left
///   alone (`backoff`), the others go on; a batch does what it can and then throws. See `remap_failed_servers`.
/// - Evictions are the servers' business and are not counted, nor are gauges known.
/// - Threads: any number, of which `pool_size` talk to each server at once; more wait for their turn.
/// - A call is over at its deadline (`MemcachedOptions::timeout`), whatever the servers do. It throws ConnectionError,
///   TimeoutError, ProtocolError, or ServerError with what the server begins with (`SERVER_ERROR`, `CLIENT_ERROR`,
///   `ERROR`). Reads are repeated once where a connection broke; a write that failed may have taken effect. A
///   connection that may be out of step is never used again.
/// - Complexity: one exchange with the server; a batch one for each 1,000 keys, with all servers at once.
///
/// It can be neither copied nor moved.
template <class Key, class Value, class Codec>
class MemcachedBackend final : public CacheBackend<Key, Value> {
  static_assert(CodecFor<Codec, Value>,
                "larder: this codec does not encode and decode this type of values (see larder/codec.hpp)");

  using Base = CacheBackend<Key, Value>;
  using Answer = detail::MemcachedAnswer;
  using Commands = detail::MetaCommands;
  using Counters = detail::RequestCounters;
  using Envelope = detail::Envelope;
  using KeyText = detail::KeyText<Key>;
  using KeyTexts = detail::KeyTexts<Key>;
  using Store = detail::MemcachedStore;
  using Token = detail::MemcachedKey;

 public:
  using options_type = MemcachedOptions;
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  static constexpr BackendCapabilities capabilities{
      .enumerable_keys = false,
      .creation_times = false,
      .ttl_granularity = std::chrono::seconds(1),
      .largest_value = 1'000'000,
      .clear_count = false,
      .removal_counters = false,
      .exact_size_accounting = false,
      .error_hook = true,
  };

  /// Connects to nobody yet. \throws InvalidArgumentError if the options make no sense or a file of `tls` cannot be
  /// used.
  explicit MemcachedBackend(MemcachedOptions options = {}, Codec codec = {})
      : store_(std::move(options)), values_(std::move(codec), store_.options().on_undecodable, counters_) {}

  const MemcachedOptions& options() const noexcept { return store_.options(); }

 private:
  std::optional<Value> do_get(key_view key) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      Answer answer = store_.exchange_one(text, Store::Repeat::once,
                                          [](Commands& commands, const Token& token) { commands.get(token); });
      std::optional<Value> value = value_of(text, std::move(answer));
      counters_.add(value ? Counters::hits : Counters::misses);
      return value;
    });
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      bool stored = false;
      values_.encode(value, metadata, store_.identity_of(text), [&](std::string_view form) {
        stored = store_
                     .exchange_one(text, Store::Repeat::never,
                                   [&](Commands& commands, const Token& token) { add_set(commands, token, form, ttl); })
                     .succeeded &&
                 fits(form);
      });
      if (stored) counters_.add(Counters::sets);
      return stored;
    });
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      bool stored = false;
      values_.encode(value, metadata, store_.identity_of(text), [&](std::string_view form) {
        if (!fits(form)) return;
        stored =
            store_
                .exchange_one(text, Store::Repeat::never,
                              [&](Commands& commands, const Token& token) { commands.add(token, form, lifetime(ttl)); })
                .succeeded;
      });
      if (stored) counters_.add(Counters::sets);
      return stored;
    });
  }

  bool do_touch(key_view key, Ttl ttl) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      return store_
          .exchange_one(text, Store::Repeat::never,
                        [&](Commands& commands, const Token& token) { commands.touch(token, lifetime(ttl)); })
          .succeeded;
    });
  }

  bool do_erase(key_view key) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      const bool erased = store_
                              .exchange_one(text, Store::Repeat::never,
                                            [](Commands& commands, const Token& token) { commands.erase(token); })
                              .succeeded;
      if (erased) counters_.add(Counters::deletes);
      return erased;
    });
  }

  bool do_exists(key_view key) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      return store_
          .exchange_one(text, Store::Repeat::once,
                        [](Commands& commands, const Token& token) { commands.exists(token); })
          .succeeded;
    });
  }

  std::size_t do_clear() override {
    return counting_errors([&] {
      store_.clear();
      return std::size_t{0};
    });
  }

  CacheStats do_stats() const override { return counters_.snapshot(); }
  void do_reset_stats() override { counters_.reset(); }

  std::optional<entry_type> do_get_entry(key_view key) override {
    return counting_errors([&]() -> std::optional<entry_type> {
      const KeyText text = KeyCodec<Key>::encode(key);
      Answer answer = store_.exchange_one(text, Store::Repeat::once,
                                          [](Commands& commands, const Token& token) { commands.get_entry(token); });
      const auto ttl = answer.ttl;
      const auto now = entry_type::Clock::now();
      Envelope::Content content;
      auto value = value_of(text, std::move(answer), &content);
      if (!value) return std::nullopt;
      std::optional<entry_type> entry(entry_type{.key = Key(key),
                                                 .value = std::move(*value),
                                                 .created_at = content.created_at,
                                                 .expires_at = {},
                                                 .metadata = std::move(content.metadata)});
      if (ttl && ttl->count() >= 0) entry->expires_at = detail::later(now, *ttl);
      return entry;
    });
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    return counting_errors([&] {
      const KeyText text = KeyCodec<Key>::encode(key);
      Answer answer = store_.exchange_one(text, Store::Repeat::once,
                                          [](Commands& commands, const Token& token) { commands.get_entry(token); });
      const bool found = show(text, std::move(answer), visit);
      counters_.add(found ? Counters::hits : Counters::misses);
      return found;
    });
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    return counting_errors([&] {
      const KeyTexts texts = texts_of(keys);
      std::size_t found = 0;
      for_each_part(
          texts.all(), Store::batch_bytes_to_get, [](std::size_t) { return std::size_t{0}; },
          [&](std::size_t begin, std::span<const std::string_view> some, const detail::Deadline& deadline) {
            found += visit_some(some, deadline, [&](std::size_t position, const EntryView<Value>& entry) {
              visit(begin + position, entry);
            });
          });
      return found;
    });
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    counting_errors([&] {
      const KeyTexts texts = texts_of(keys);
      for_each_part(
          texts.all(), Store::batch_bytes_to_get, [](std::size_t) { return std::size_t{0}; },
          [&](std::size_t begin, std::span<const std::string_view> some, const detail::Deadline& deadline) {
            get_some(some, values.subspan(begin, some.size()), deadline);
          });
    });
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    return counting_errors([&] {
      const KeyTexts texts = texts_of(items);
      detail::EncodedValues forms;
      std::size_t stored = 0;
      const auto form_of = [&](std::size_t index) {
        values_.encode(items[index].second, {}, store_.identity_of(texts.all()[index]),
                       [&forms](std::string_view form) { forms.add(form); });
        return forms.last_size();
      };
      for_each_part(texts.all(), Store::batch_bytes_to_set, form_of,
                    [&](std::size_t, std::span<const std::string_view> some, const detail::Deadline& deadline) {
                      stored += set_some(some, forms, ttl, deadline);
                      forms.clear();
                    });
      return stored;
    });
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    return counting_errors([&] {
      const KeyTexts texts = texts_of(keys);
      std::size_t erased = 0;
      for_each_part(
          texts.all(), Store::batch_bytes_to_set, [](std::size_t) { return std::size_t{0}; },
          [&](std::size_t, std::span<const std::string_view> some, const detail::Deadline& deadline) {
            erased += erase_some(some, deadline);
          });
      return erased;
    });
  }

  static const key_item& key_of(const key_item& key) noexcept { return key; }
  static const key_item& key_of(const item& each) noexcept { return each.first; }
  template <class Elements>
  static KeyTexts texts_of(const Elements& elements) {
    return KeyTexts(
        elements, [](const auto& each) -> const key_item& { return key_of(each); }, [](std::string_view) {});
  }

  /// Calls `use(begin, keys, deadline)` for one part of the keys after the other, each of which is enough for one
  /// exchange. `size_of(index)` is asked once how many bytes the command about a key has besides the key.
  template <class SizeOf, class Use>
  void for_each_part(std::span<const std::string_view> keys, std::size_t most_bytes, const SizeOf& size_of,
                     const Use& use) const {
    const auto deadline = store_.deadline(keys.size());
    std::size_t begin = 0;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      bytes += keys[i].size() + size_of(i);
      if (i + 1 < keys.size() && i + 1 - begin < Store::batch_keys && bytes < most_bytes) continue;
      use(begin, keys.subspan(begin, i + 1 - begin), deadline);
      begin = i + 1;
      bytes = 0;
    }
  }

  /// Shows the entry that an answer tells of. Result: whether there is one.
  template <class Visit>
  bool show(std::string_view key, Answer answer, const Visit& visit) {
    const auto ttl = answer.ttl;
    Envelope::Content content;
    const auto value = value_of(key, std::move(answer), &content);
    if (!value) return false;
    visit(EntryView<Value>{*value, content.metadata, ttl && ttl->count() >= 0 ? Ttl(*ttl) : Ttl()});
    return true;
  }

  template <class Visit>
  std::size_t visit_some(std::span<const std::string_view> keys, const detail::Deadline& deadline, const Visit& visit) {
    Store::Outcome outcome =
        store_.exchange(keys, Store::Repeat::once, deadline,
                        [](Commands& commands, const Token& token, std::size_t) { commands.get_entry(token); });
    outcome.throw_if_error();
    std::size_t hits = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto visit_this = [&visit, i](const EntryView<Value>& entry) { visit(i, entry); };
      hits += show(keys[i], std::move(outcome.answers[i]), visit_this) ? 1 : 0;
    }
    counters_.add(Counters::hits, hits);
    counters_.add(Counters::misses, keys.size() - hits);
    return hits;
  }

  void get_some(std::span<const std::string_view> keys, std::span<std::optional<Value>> values,
                const detail::Deadline& deadline) {
    Store::Outcome outcome =
        store_.exchange(keys, Store::Repeat::once, deadline,
                        [](Commands& commands, const Token& token, std::size_t) { commands.get_in_group(token); });
    outcome.throw_if_error();
    std::size_t hits = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      values[i] = value_of(keys[i], std::move(outcome.answers[i]));
      hits += values[i] ? 1 : 0;
    }
    counters_.add(Counters::hits, hits);
    counters_.add(Counters::misses, keys.size() - hits);
  }

  std::size_t set_some(std::span<const std::string_view> keys, const detail::EncodedValues& forms, const Ttl& ttl,
                       const detail::Deadline& deadline) {
    const Store::Outcome outcome = store_.exchange(keys, Store::Repeat::never, deadline,
                                                   [&](Commands& commands, const Token& token, std::size_t index) {
                                                     add_set(commands, token, forms[index], ttl);
                                                   });
    std::size_t stored = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) stored += outcome.answers[i].succeeded && fits(forms[i]) ? 1 : 0;
    counters_.add(Counters::sets, stored);
    outcome.throw_if_error();
    return stored;
  }

  std::size_t erase_some(std::span<const std::string_view> keys, const detail::Deadline& deadline) {
    const Store::Outcome outcome =
        store_.exchange(keys, Store::Repeat::never, deadline,
                        [](Commands& commands, const Token& token, std::size_t) { commands.erase(token); });
    const auto erased = static_cast<std::size_t>(std::count_if(outcome.answers.begin(), outcome.answers.end(),
                                                               [](const Answer& each) { return each.succeeded; }));
    counters_.add(Counters::deletes, erased);
    outcome.throw_if_error();
    return erased;
  }

  /// What is too large to be stored is erased instead.
  void add_set(Commands& commands, const Token& token, std::string_view form, const Ttl& ttl) const {
    fits(form) ? commands.set(token, form, lifetime(ttl)) : commands.erase(token);
  }

  Ttl lifetime(const Ttl& ttl) const { return ttl ? ttl : options().default_ttl; }
  bool fits(std::string_view form) const noexcept { return form.size() <= options().max_value_bytes; }

  /// Result: the value, or empty if there is none that could be read. What else its envelope has goes to `rest`.
  std::optional<Value> value_of(std::string_view key, Answer answer, Envelope::Content* rest = nullptr) {
    if (!answer.value) return std::nullopt;
    return values_.decode(key, std::move(*answer.value), store_.identity_of(key), rest);
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
