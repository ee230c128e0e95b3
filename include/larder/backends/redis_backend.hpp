/// \file redis_backend.hpp
/// RedisBackend: a cache in a Redis server, or in a cluster of them. Needs the component `redis` (hiredis, OpenSSL).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/backends/detail/envelope.hpp>
#include <larder/backends/detail/redis/redis_store.hpp>
#include <larder/backends/detail/request_counters.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
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
      : store_(std::move(options)), codec_(std::move(codec)) {}

  const RedisOptions& options() const noexcept { return store_.options(); }

 private:
  /// A key as it is spelt in the store; valid while the key is.
  using KeyText = decltype(KeyCodec<Key>::encode(std::declval<key_view>()));

  static KeyText text_of(key_view key) { return KeyCodec<Key>::encode(key); }

  std::optional<Value> do_get(key_view key) override {
    return counting_errors([&] {
      const KeyText text = checked(text_of(key));
      std::optional<Value> value = value_of(text, store_.get(text));
      Counters::add(value ? counters_.hits : counters_.misses);
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
    return counting_errors([&] { return store_.touch(checked(text_of(key)), ttl); });
  }

  bool do_erase(key_view key) override {
    return counting_errors([&] {
      const KeyText text = checked(text_of(key));
      const std::string_view one = text;
      return erase_texts({&one, 1}, store_.deadline()) != 0;
    });
  }

  bool do_exists(key_view key) override {
    return counting_errors([&] { return store_.exists(checked(text_of(key))); });
  }

  std::size_t do_clear() override {
    return counting_errors([&] { return store_.clear(); });
  }

  CacheStats do_stats() const override { return counters_.snapshot(); }
  void do_reset_stats() override { counters_.reset(); }

  std::optional<entry_type> do_get_entry(key_view key) override {
    return counting_errors([&]() -> std::optional<entry_type> {
      const KeyText text = checked(text_of(key));
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
      if (stored.ttl) entry->expires_at = later(now, *stored.ttl);
      return entry;
    });
  }

  std::vector<Key> do_keys(std::string_view pattern) override {
    constexpr bool has_text = std::convertible_to<const Key&, std::string_view>;
    if (!has_text && pattern != "*") {
      throw NotSupportedError("keys that are not strings cannot be listed by a pattern other than '*'");
    }
    return counting_errors([&] {
      std::vector<Key> keys;
      for (std::string& text : store_.keys(pattern)) {
        if constexpr (std::same_as<Key, std::string>) {
          keys.push_back(std::move(text));
        } else if (auto key = KeyCodec<Key>::decode(text)) {
          keys.push_back(std::move(*key));
        }
      }
      return keys;
    });
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    counting_errors([&] {
      const Texts texts(keys, [](const key_item& key) -> const key_item& { return key; });
      const auto deadline = store_.deadline(keys.size());
      for (std::size_t begin = 0; begin < keys.size(); begin += detail::RedisStore::batch_keys) {
        const auto some = texts.some(begin);
        auto stored = store_.get_many(some, deadline);
        std::size_t hits = 0;
        for (std::size_t i = 0; i < some.size(); ++i) {
          values[begin + i] = value_of(some[i], std::move(stored[i]));
          hits += values[begin + i] ? 1 : 0;
        }
        Counters::add(counters_.hits, hits);
        Counters::add(counters_.misses, some.size() - hits);
      }
    });
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    return counting_errors([&] {
      const Texts texts(items, [](const item& each) -> const key_item& { return each.first; });
      const auto deadline = store_.deadline(items.size());
      detail::RedisCommands commands;
      std::vector<std::string_view> declined;
      std::size_t stored = 0;
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string_view key = texts.all()[i];
        with_stored_form(items[i].second, {}, [&](std::string_view form) {
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
      const Texts texts(keys, [](const key_item& key) -> const key_item& { return key; });
      const auto deadline = store_.deadline(keys.size());
      std::size_t erased = 0;
      for (std::size_t begin = 0; begin < keys.size(); begin += detail::RedisStore::batch_keys) {
        erased += erase_texts(texts.some(begin), deadline);
      }
      return erased;
    });
  }

  /// What a batch's keys are in the store, checked before anything is done.
  class Texts {
   public:
    template <class Elements, class KeyOf>
    Texts(const Elements& elements, const KeyOf& key_of) {
      if constexpr (std::same_as<KeyText, std::string_view>) {
        views_.reserve(elements.size());
        for (const auto& each : elements) views_.push_back(checked(text_of(key_of(each))));
      } else {
        for (const auto& each : elements) kept_.push_back(checked(text_of(key_of(each))));
        views_.assign(kept_.begin(), kept_.end());
      }
    }
    std::span<const std::string_view> all() const noexcept { return views_; }
    std::span<const std::string_view> some(std::size_t begin) const noexcept {
      return all().subspan(begin, std::min(views_.size() - begin, detail::RedisStore::batch_keys));
    }

   private:
    std::vector<std::string> kept_;
    std::vector<std::string_view> views_;
  };

  /// Result: the value, or empty if there is none that could be read. What else its envelope has goes to `rest`.
  std::optional<Value> value_of(std::string_view key, detail::StoredText stored, Envelope::Content* rest = nullptr) {
    if (stored.is_foreign) return report(key, "a value of another type than a string");
    if (!stored.bytes) return std::nullopt;
    std::string reason;
    if (Envelope::is_one(*stored.bytes)) {
      auto content = Envelope::open(*stored.bytes, reason);
      if (!content) return report(key, reason);
      *stored.bytes = std::move(content->value);
      if (rest != nullptr) *rest = std::move(*content);
    }
    try {
      std::optional<Value> value = codec_.decode(std::move(*stored.bytes));
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

  std::nullopt_t report(std::string_view key, std::string_view reason) {
    Counters::add(counters_.undecodable);
    if (options().on_undecodable) {
      try {
        options().on_undecodable(key, reason);
      } catch (...) {  // the hook's own affair
      }
    }
    return std::nullopt;
  }

  /// Calls `use` with the bytes that are to be stored for a value.
  template <class Use>
  void with_stored_form(const Value& value, const Metadata& metadata, const Use& use) const {
    const auto& encoded = codec_.encode(value);
    const std::string_view bytes(encoded);
    if (Envelope::is_needed(bytes, metadata)) {
      use(std::string_view(Envelope::seal(bytes, metadata, Envelope::Time::clock::now())));
    } else {
      use(bytes);
    }
  }

  bool fits(std::string_view form) const noexcept { return form.size() <= options().max_reply_bytes; }

  bool store(key_view key, const Value& value, const Ttl& ttl, const Metadata& metadata,
             detail::RedisStore::Condition condition) {
    return counting_errors([&] {
      const KeyText text = checked(text_of(key));
      bool stored = false;
      with_stored_form(value, metadata, [&](std::string_view form) {
        if (fits(form)) {
          stored = store_.set(text, form, ttl, condition);
        } else if (condition == detail::RedisStore::Condition::none) {
          const std::string_view one = text;
          store_.erase({&one, 1}, store_.deadline());
        }
      });
      if (stored) Counters::add(counters_.sets);
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
    Counters::add(counters_.sets, stored);
    for (const auto& reply : replies) detail::throw_if_error(reply);
    return stored;
  }

  std::size_t erase_texts(std::span<const std::string_view> texts, const detail::Deadline& deadline) {
    const std::size_t erased = store_.erase(texts, deadline);
    Counters::add(counters_.deletes, erased);
    return erased;
  }

  /// Redis takes no text of more than 512 MiB.
  template <class Text>
  static Text checked(Text text) {
    constexpr std::size_t most = (std::size_t{512} << 20) - 4096;
    if (std::string_view(text).size() > most) {
      throw InvalidArgumentError("a key of " + std::to_string(std::string_view(text).size()) + " bytes; Redis takes " +
                                 std::to_string(most) + " at most");
    }
    return text;
  }

  static typename entry_type::Clock::time_point later(typename entry_type::Clock::time_point now,
                                                      std::chrono::milliseconds by) {
    using Time = typename entry_type::Clock::time_point;
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(Time::max() - now);
    return by < most ? now + by : Time::max();
  }

  template <class Call>
  std::invoke_result_t<const Call&> counting_errors(const Call& call) {
    try {
      return call();
    } catch (const CacheError&) {
      Counters::add(counters_.errors);
      throw;
    }
  }

  detail::RedisStore store_;
  const Codec codec_;
  Counters counters_;
};

}  // namespace larder
