/// \file redis_backend.hpp
/// RedisBackend: a cache in a Redis server, or in a cluster of them. Needs the component `redis` (hiredis, OpenSSL).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/backends/detail/envelope.hpp>
#include <larder/backends/detail/key_texts.hpp>
#include <larder/backends/detail/redis/redis_store.hpp>
#include <larder/backends/detail/stored_values.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
#include <larder/detail/request_counters.hpp>
#include <larder/fwd.hpp>

namespace larder {

/// A cache in Redis, shared by all who name the same server, database and prefix.
///
/// - A key is stored as `prefix` + key; a value as its codec encodes it, raw, so that other clients can read it. One
///   with metadata is stored in an envelope (backends/detail/envelope.hpp), which also remembers `created_at`; so is a
///   raw value that looks like one. Of the others `created_at` is unknown, and the clock's epoch.
/// - Expiry is the server's, in milliseconds by its clock.
/// - `set` declines a value that no reply of `max_reply_bytes` could bring back.
/// - A value that cannot be decoded, and a key of another type than a string, are misses that count as `undecodable`
///   (`get_many` at a single server cannot tell the latter from nothing).
/// - `keys` and `clear` visit the whole database in small steps, and touch only what begins with the prefix; what is
///   stored while they run they may see or not, and so it is with what a cluster moves from one node to another. On an
///   empty prefix `clear` removes everything in the database.
/// - Evictions are the server's business and are not counted, nor are gauges known. `get_entry` is a script of one line
///   (EVAL), since it asks for two things at one instant; Redis counts it as a use.
/// - Threads: any number, of which `pool_size` talk to a server at once; more wait for their turn.
/// - A call is over at its deadline (`RedisOptions::timeout`), whatever the server does. It throws ConnectionError,
///   TimeoutError, ProtocolError, or ServerError with Redis's own code (`OOM`, `READONLY`, `NOAUTH`, `LOADING`, `BUSY`,
///   `CLUSTERDOWN` ...; `MAXCLIENTS` where the server has too many clients). Reads are repeated once where a connection
///   broke; a write that failed may have taken effect. A connection that may be out of step is never used again.
/// - Complexity: one exchange with the server; a batch one for each 1,000 keys (at a cluster: with each node).
///
/// It can be neither copied nor moved.
template <class Key, class Value, class Codec>
class RedisBackend final : public CacheBackend<Key, Value> {
  static_assert(CodecFor<Codec, Value>,
                "larder: this codec does not encode and decode this type of values (see larder/codec.hpp)");

  using Base = CacheBackend<Key, Value>;
  using Counters = detail::RequestCounters;
  using Envelope = detail::Envelope;

 public:
  using options_type = RedisOptions;
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  static constexpr BackendCapabilities capabilities{
      .key_patterns = std::convertible_to<const Key&, std::string_view>,
      .creation_times = false,
      .removal_counters = false,
      .exact_size_accounting = false,
      .error_hook = true,
  };

  /// Connects to nobody yet. \throws InvalidArgumentError if the options make no sense or a file of `tls` cannot be
  /// used.
  explicit RedisBackend(RedisOptions options = {}, Codec codec = {})
      : store_(std::move(options)), values_(std::move(codec), store_.options().on_undecodable, counters_) {}

  const RedisOptions& options() const noexcept { return store_.options(); }

 private:
  using KeyText = detail::KeyText<Key>;

  std::optional<Value> do_get(key_view key) override {
    return counting_errors([&] {
      const KeyText text = checked(KeyCodec<Key>::encode(key));
      std::optional<Value> value = value_of(text, store_.get(text));
      counters_.add(value ? Counters::hits : Counters::misses);
      return value;
    });
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return store(key, value, ttl, metadata, detail::RedisStore::Condition::none);
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return store(key, value, ttl, metadata, detail::RedisStore::Condition::absent);
  }

  bool do_touch(key_view key, Ttl ttl) override {
    return counting_errors([&] { return store_.touch(checked(KeyCodec<Key>::encode(key)), ttl); });
  }

  bool do_erase(key_view key) override {
    return counting_errors([&] {
      const KeyText text = checked(KeyCodec<Key>::encode(key));
      const std::string_view one = text;
      return erase_texts({&one, 1}, store_.deadline()) != 0;
    });
  }

  bool do_exists(key_view key) override {
    return counting_errors([&] { return store_.exists(checked(KeyCodec<Key>::encode(key))); });
  }

  std::size_t do_clear() override {
    return counting_errors([&] { return store_.clear(); });
  }

  CacheStats do_stats() const override { return counters_.snapshot(); }
  void do_reset_stats() override { counters_.reset(); }

  std::optional<entry_type> do_get_entry(key_view key) override {
    return counting_errors([&]() -> std::optional<entry_type> {
      const KeyText text = checked(KeyCodec<Key>::encode(key));
      auto stored = store_.get_entry(text);
      const auto now = entry_type::Clock::now();
      Envelope::Content content;
      auto value = value_of(text, std::move(stored.text), &content);
      if (!value) return std::nullopt;
      std::optional<entry_type> entry(entry_type{.key = Key(key),
                                                 .value = std::move(*value),
                                                 .created_at = content.created_at,
                                                 .expires_at = {},
                                                 .metadata = std::move(content.metadata)});
      if (stored.ttl) entry->expires_at = detail::later(now, *stored.ttl);
      return entry;
    });
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    return counting_errors([&] {
             const KeyText text = checked(KeyCodec<Key>::encode(key));
             const std::string_view one = text;
             return visit_some({&one, 1}, store_.deadline(),
                               [&](std::size_t, const EntryView<Value>& entry) { visit(entry); });
           }) != 0;
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    return counting_errors([&] {
      const Texts texts = texts_of(keys);
      const auto deadline = store_.deadline(keys.size());
      std::size_t found = 0;
      for (std::size_t begin = 0; begin < keys.size(); begin += detail::RedisStore::batch_keys) {
        found +=
            visit_some(texts.some(begin, detail::RedisStore::batch_keys), deadline,
                       [&](std::size_t position, const EntryView<Value>& entry) { visit(begin + position, entry); });
      }
      return found;
    });
  }

  bool do_can_list_keys() const noexcept override { return true; }

  std::vector<Key> do_keys(std::string_view pattern) override {
    detail::require_pattern_for<Key>(pattern);
    return counting_errors([&] { return detail::keys_of<Key>(store_.keys(pattern)); });
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    counting_errors([&] {
      const Texts texts = texts_of(keys);
      const auto deadline = store_.deadline(keys.size());
      for (std::size_t begin = 0; begin < keys.size(); begin += detail::RedisStore::batch_keys) {
        const auto some = texts.some(begin, detail::RedisStore::batch_keys);
        auto stored = store_.get_many(some, deadline);
        std::size_t hits = 0;
        for (std::size_t i = 0; i < some.size(); ++i) {
          values[begin + i] = value_of(some[i], std::move(stored[i]));
          hits += values[begin + i] ? 1 : 0;
        }
        counters_.add(Counters::hits, hits);
        counters_.add(Counters::misses, some.size() - hits);
      }
    });
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    return counting_errors([&] {
      const Texts texts = texts_of(items);
      const auto deadline = store_.deadline(items.size());
      detail::RedisCommands commands;
      std::vector<std::string_view> declined;
      std::size_t stored = 0;
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string_view key = texts.all()[i];
        values_.encode(items[i].second, {}, {}, [&](std::string_view form) {
          if (!fits(form)) return declined.push_back(key);
          store_.add_set(commands, key, form, ttl);
        });
        const bool full = commands.size() == detail::RedisStore::batch_keys ||
                          commands.bytes().size() >= detail::RedisStore::batch_bytes || !declined.empty();
        if (!full && i + 1 < items.size()) continue;
        stored += set_some(commands, deadline);
        // In their turn, since the same key may come again.
        if (!declined.empty()) store_.erase(declined, deadline);
        declined.clear();
      }
      return stored;
    });
  }

  std::size_t do_erase_many(std::span<const key_item> keys) override {
    return counting_errors([&] {
      const Texts texts = texts_of(keys);
      const auto deadline = store_.deadline(keys.size());
      std::size_t erased = 0;
      for (std::size_t begin = 0; begin < keys.size(); begin += detail::RedisStore::batch_keys) {
        erased += erase_texts(texts.some(begin, detail::RedisStore::batch_keys), deadline);
      }
      return erased;
    });
  }

  using Texts = detail::KeyTexts<Key>;

  /// Result: how many were found.
  template <class Visit>
  std::size_t visit_some(std::span<const std::string_view> texts, const detail::Deadline& deadline,
                         const Visit& visit) {
    auto stored = store_.get_entries(texts, deadline);
    std::size_t hits = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Envelope::Content content;
      const auto value = value_of(texts[i], std::move(stored[i].text), &content);
      if (!value) continue;
      ++hits;
      visit(i, EntryView<Value>{*value, content.metadata, stored[i].ttl});
    }
    counters_.add(Counters::hits, hits);
    counters_.add(Counters::misses, texts.size() - hits);
    return hits;
  }

  static const key_item& key_of(const key_item& key) noexcept { return key; }
  static const key_item& key_of(const item& each) noexcept { return each.first; }
  template <class Elements>
  static Texts texts_of(const Elements& elements) {
    return Texts(
        elements, [](const auto& each) -> const key_item& { return key_of(each); }, &check);
  }

  /// Result: the value, or empty if there is none that could be read. What else its envelope has goes to `rest`.
  std::optional<Value> value_of(std::string_view key, detail::StoredText stored, Envelope::Content* rest = nullptr) {
    if (stored.is_foreign) return values_.report(key, "a value of another type than a string");
    if (!stored.bytes) return std::nullopt;
    return values_.decode(key, std::move(*stored.bytes), {}, rest);
  }

  bool fits(std::string_view form) const noexcept { return form.size() <= options().max_reply_bytes; }

  bool store(key_view key, const Value& value, const Ttl& ttl, const Metadata& metadata,
             detail::RedisStore::Condition condition) {
    return counting_errors([&] {
      const KeyText text = checked(KeyCodec<Key>::encode(key));
      bool stored = false;
      values_.encode(value, metadata, {}, [&](std::string_view form) {
        if (fits(form)) {
          stored = store_.set(text, form, ttl, condition);
        } else if (condition == detail::RedisStore::Condition::none) {
          const std::string_view one = text;
          store_.erase({&one, 1}, store_.deadline());
        }
      });
      if (stored) counters_.add(Counters::sets);
      return stored;
    });
  }

  /// Result: how many of the commands stored something; they are none any more.
  std::size_t set_some(detail::RedisCommands& commands, const detail::Deadline& deadline) {
    if (commands.empty()) return 0;
    const auto replies = store_.exchange(commands, detail::Repeat::never, deadline);
    commands.clear();
    const auto stored = static_cast<std::size_t>(std::count_if(
        replies.begin(), replies.end(), [](const auto& reply) { return reply.is(detail::Reply::Type::status); }));
    counters_.add(Counters::sets, stored);
    for (const auto& reply : replies) detail::throw_if_error(reply);
    return stored;
  }

  std::size_t erase_texts(std::span<const std::string_view> texts, const detail::Deadline& deadline) {
    const std::size_t erased = store_.erase(texts, deadline);
    counters_.add(Counters::deletes, erased);
    return erased;
  }

  /// Redis takes no text of more than 512 MiB.
  static void check(std::string_view text) {
    constexpr std::size_t most = (std::size_t{512} << 20) - 4096;
    if (text.size() > most) {
      throw InvalidArgumentError("a key of " + std::to_string(text.size()) + " bytes; Redis takes " +
                                 std::to_string(most) + " at most");
    }
  }
  static KeyText checked(KeyText text) {
    check(text);
    return text;
  }

  template <class Call>
  std::invoke_result_t<const Call&> counting_errors(const Call& call) {
    return counters_.counting_errors(call);
  }

  detail::RedisStore store_;
  Counters counters_;
  detail::StoredValues<Value, Codec> values_;
};

}  // namespace larder
