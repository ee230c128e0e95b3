/// \file redis_store.hpp
/// RedisStore: the commands by which a cache is kept in Redis, for keys and values that are bytes already.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/redis/redis_cluster.hpp>
#include <larder/backends/detail/redis/redis_commands.hpp>
#include <larder/backends/detail/redis/redis_node.hpp>
#include <larder/backends/detail/redis/redis_transport.hpp>
#include <larder/backends/detail/redis/resp.hpp>
#include <larder/backends/redis_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/glob.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

/// What is stored under a key.
struct StoredText {
  std::optional<Bytes> bytes{};
  /// Something is there, but no text: another program's list, say.
  bool is_foreign = false;
};

/// Result: the error, if it is one. \throws ServerError.
inline void throw_if_error(const Reply& reply) {
  if (reply.is(Reply::Type::error)) throw server_error(reply, "server");
}

/// Thread-safe. Functions throw ConnectionError, TimeoutError, ProtocolError and ServerError.
class RedisStore {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Shape = ExpectedReply::Shape;

  /// So many keys at most are in one exchange, lest the server be busy with us for too long.
  static constexpr std::size_t batch_keys = 1000;
  /// And roughly so many bytes are sent in one.
  static constexpr std::size_t batch_bytes = std::size_t{1} << 20;

  explicit RedisStore(RedisOptions options) : settings_(std::move(options)) {
    if (settings_.options.cluster) {
      transport_ = std::make_unique<RedisCluster>(settings_);
    } else {
      transport_ = std::make_unique<SingleRedis>(settings_);
    }
  }

  const RedisOptions& options() const noexcept { return settings_.options; }

  /// How long a call about so many keys may take.
  Deadline deadline(std::size_t keys = 1) const { return Deadline::for_keys(keys, options().timeout); }

  StoredText get(std::string_view key) {
    const Deadline end = deadline();
    RedisCommands commands;
    commands.begin(2, {Shape::text_or_nil}).word("GET").key(prefix(), key);
    return stored(std::move(exchange(commands, Repeat::once, end)[0]));
  }

  /// Result: what is stored under each of at most `batch_keys` keys. Where the server has one command for all, a
  /// foreign thing looks like nothing at all.
  std::vector<StoredText> get_many(std::span<const std::string_view> keys, const Deadline& deadline) {
    if (!transport_->takes_many_keys()) return get_each(keys, deadline);
    RedisCommands commands;
    commands.begin(1 + keys.size(), {Shape::texts, keys.size()}).word("MGET");
    for (const std::string_view key : keys) commands.key(prefix(), key);
    try {
      Reply reply = std::move(exchange(commands, Repeat::once, deadline)[0]);
      throw_if_error(reply);
      return stored(std::move(reply.elements));
    } catch (const ReplyTooLarge&) {
      return get_each(keys, deadline);  // all together are too much for one reply, but not one by one
    }
  }

  /// What is stored, and how long it has still to live; that is empty if it does not expire.
  struct StoredEntry {
    StoredText text;
    std::optional<Milliseconds> ttl;
  };

  /// Both at one instant.
  StoredEntry get_entry(std::string_view key) {
    const Deadline end = deadline();
    RedisCommands commands;
    commands.begin(4, {Shape::entry})
        .word("EVAL")
        .word("return {redis.call('GET',KEYS[1]),redis.call('PTTL',KEYS[1])}")
        .word("1")
        .key(prefix(), key);
    return stored_entry(std::move(exchange(commands, Repeat::once, end)[0]));
  }

  /// The same for at most `batch_keys` keys, but first what is stored and right after it the times, in one exchange: a
  /// script for each would take many times as long. Who replaces an entry in between lends the old text the new time,
  /// and it is out of date with either; what goes in between was not there.
  std::vector<StoredEntry> get_entries(std::span<const std::string_view> keys, const Deadline& deadline) {
    if (keys.size() == 1 || !transport_->takes_many_keys()) return get_entries(keys, deadline, false);
    try {
      return get_entries(keys, deadline, true);
    } catch (const ReplyTooLarge&) {
      return get_entries(keys, deadline, false);  // all together are too much for one reply, but not one by one
    }
  }

  enum class Condition : unsigned char { none, absent };

  /// Adds the command that stores a text; its reply is `OK`, or nil where the condition does not hold.
  void add_set(RedisCommands& commands, std::string_view key, std::string_view text, const Ttl& ttl,
               Condition condition = Condition::none) const {
    const bool absent = condition == Condition::absent;
    const auto lifetime = ttl ? ttl : options().default_ttl;
    commands.begin(3 + (absent ? 1U : 0U) + (lifetime ? 2U : 0U), {absent ? Shape::ok_or_nil : Shape::ok})
        .word("SET")
        .key(prefix(), key)
        .word(text);
    if (absent) commands.word("NX");
    if (lifetime) commands.word("PX").number(clamped(*lifetime));
  }

  /// Result: whether it was stored.
  bool set(std::string_view key, std::string_view text, const Ttl& ttl, Condition condition) {
    const Deadline end = deadline();
    RedisCommands commands;
    add_set(commands, key, text, ttl, condition);
    const Reply reply = std::move(exchange(commands, Repeat::never, end)[0]);
    throw_if_error(reply);
    return reply.is(Reply::Type::status);
  }

  /// Result: whether there is something under a key.
  bool exists(std::string_view key) {
    const Deadline end = deadline();
    RedisCommands commands;
    commands.begin(2, {Shape::integer}).word("EXISTS").key(prefix(), key);
    return number(exchange(commands, Repeat::once, end)[0]) != 0;
  }

  /// Gives an entry a new lifetime. Result: whether there is one.
  bool touch(std::string_view key, const Ttl& ttl) {
    const Deadline end = deadline();
    const auto lifetime = ttl ? ttl : options().default_ttl;
    RedisCommands commands;
    if (lifetime) {
      commands.begin(3, {Shape::integer}).word("PEXPIRE").key(prefix(), key).number(clamped(*lifetime));
    } else {
      commands.begin(2, {Shape::integer}).word("PERSIST").key(prefix(), key);
      commands.begin(2, {Shape::integer}).word("EXISTS").key(prefix(), key);
    }
    const auto replies = exchange(commands, Repeat::never, end);
    throw_if_error(replies.front());
    return number(replies.back()) != 0;
  }

  /// Result: how many of at most `batch_keys` keys there were; they are not there any more.
  std::size_t erase(std::span<const std::string_view> keys, const Deadline& deadline) {
    return unlink(keys, prefix(), deadline);
  }

  /// Result: whether this text was stored under a key; then it is not any more. One atomic step.
  bool erase_if_equal(std::string_view key, std::string_view text) {
    const Deadline end = deadline();
    RedisCommands commands;
    commands.begin(5, {Shape::integer})
        .word("EVAL")
        .word("if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('DEL',KEYS[1]) else return 0 end")
        .word("1")
        .key(prefix(), key)
        .word(text);
    return number(exchange(commands, Repeat::never, end)[0]) != 0;
  }

  /// Result: the keys that match, without the prefix, each once.
  std::vector<std::string> keys(std::string_view pattern) {
    std::unordered_set<std::string> found;
    const std::string match = server_pattern(pattern);
    scan(match, [&](const std::vector<Reply>& page, const Deadline&) {
      for (const Reply& each : page) {
        std::string_view key = each.text;
        if (!key.starts_with(prefix())) continue;
        key.remove_prefix(prefix().size());
        if (glob_match(pattern, key)) found.emplace(key);
      }
    });
    std::vector<std::string> keys;
    keys.reserve(found.size());
    while (!found.empty()) keys.push_back(std::move(found.extract(found.begin()).value()));
    return keys;
  }

  /// Result: how many entries went.
  std::size_t clear() {
    std::size_t count = 0;
    std::vector<std::string_view> own;
    scan(server_pattern("*"), [&](const std::vector<Reply>& page, const Deadline& deadline) {
      own.clear();
      for (const Reply& each : page) {
        if (each.text.view().starts_with(prefix())) own.push_back(each.text);
      }
      for (std::span<const std::string_view> left = own; !left.empty();) {
        const auto some = left.first(std::min(left.size(), batch_keys));
        count += unlink(some, {}, deadline);
        left = left.subspan(some.size());
      }
    });
    return count;
  }

  std::vector<Reply> exchange(const RedisCommands& commands, Repeat repeat, const Deadline& deadline) {
    return transport_->exchange(commands, repeat, deadline);
  }

 private:
  std::string_view prefix() const noexcept { return options().prefix; }

  /// Redis adds the time of day to a lifetime, and refuses what it cannot count then.
  static long long clamped(Milliseconds lifetime) noexcept {
    constexpr Milliseconds most = std::chrono::hours(24) * 365 * 100'000;
    return static_cast<long long>(std::min(lifetime, most).count());
  }

  static StoredText stored(Reply reply) {
    if (reply.is(Reply::Type::error) && reply.text.view().starts_with("WRONGTYPE")) return {.is_foreign = true};
    throw_if_error(reply);
    if (reply.is(Reply::Type::nil)) return {};
    return {.bytes = std::move(reply.text)};
  }

  static StoredEntry stored_entry(Reply reply) {
    // A script's errors come with the script's name, so the code may stand further behind.
    const std::string_view text = reply.text;
    if (reply.is(Reply::Type::error) && text.find("WRONGTYPE") != std::string_view::npos) {
      return {.text = {.bytes = std::nullopt, .is_foreign = true}, .ttl = std::nullopt};
    }
    throw_if_error(reply);
    StoredEntry entry{.text = stored(std::move(reply.elements[0])), .ttl = std::nullopt};
    if (const auto left = reply.elements[1].integer; left >= 0) entry.ttl = Milliseconds(left);
    return entry;
  }

  static std::vector<StoredText> stored(std::vector<Reply> replies) {
    std::vector<StoredText> texts;
    texts.reserve(replies.size());
    for (Reply& reply : replies) texts.push_back(stored(std::move(reply)));
    return texts;
  }

  std::vector<StoredText> get_each(std::span<const std::string_view> keys, const Deadline& deadline) {
    RedisCommands commands;
    for (const std::string_view key : keys) commands.begin(2, {Shape::text_or_nil}).word("GET").key(prefix(), key);
    return stored(exchange(commands, Repeat::once, deadline));
  }

  /// By one command for what is stored under all keys, or one for each.
  std::vector<StoredEntry> get_entries(std::span<const std::string_view> keys, const Deadline& deadline, bool by_one) {
    RedisCommands commands;
    if (by_one) commands.begin(1 + keys.size(), {Shape::texts, keys.size()}).word("MGET");
    for (const std::string_view key : keys) {
      if (!by_one) commands.begin(2, {Shape::text_or_nil}).word("GET");
      commands.key(prefix(), key);
    }
    for (const std::string_view key : keys) commands.begin(2, {Shape::integer}).word("PTTL").key(prefix(), key);
    auto replies = exchange(commands, Repeat::once, deadline);
    if (by_one) throw_if_error(replies[0]);
    const std::span<Reply> texts = by_one ? std::span<Reply>(replies[0].elements) : std::span<Reply>(replies);
    const std::span<Reply> times = std::span<Reply>(replies).subspan(by_one ? 1 : keys.size());
    std::vector<StoredEntry> entries(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      throw_if_error(times[i]);
      constexpr long long gone = -2;
      if (times[i].integer == gone) continue;
      entries[i].text = stored(std::move(texts[i]));
      if (times[i].integer >= 0) entries[i].ttl = Milliseconds(times[i].integer);
    }
    return entries;
  }

  static std::size_t number(const Reply& reply) {
    throw_if_error(reply);
    return static_cast<std::size_t>(std::max(reply.integer, 0LL));
  }

  /// Removes texts without making the server wait for their memory.
  std::size_t unlink(std::span<const std::string_view> keys, std::string_view prefix, const Deadline& deadline) {
    RedisCommands commands;
    if (transport_->takes_many_keys()) {
      commands.begin(1 + keys.size(), {Shape::integer}).word("UNLINK");
      for (const std::string_view key : keys) commands.key(prefix, key);
    } else {
      for (const std::string_view key : keys) commands.begin(2, {Shape::integer}).word("UNLINK").key(prefix, key);
    }
    std::size_t count = 0;
    const auto replies = exchange(commands, Repeat::never, deadline);
    for (const Reply& reply : replies) count += number(reply);
    return count;
  }

  /// Result: a pattern for the server that matches all keys of ours that match `pattern`, and perhaps more.
  std::string server_pattern(std::string_view pattern) const {
    std::string match;
    for (const char character : prefix()) {
      if (std::string_view("*?[]\\^").find(character) != std::string_view::npos) match.push_back('\\');
      match.push_back(character);
    }
    if (may_be_left_to_the_server(pattern)) return match.append(pattern);
    const std::size_t literal = std::min(pattern.find_first_of("*?[\\"), pattern.size());
    return match.append(pattern.substr(0, literal)).append("*");
  }

  /// Servers of before 7.0.9 take exponential time for many stars, which would be everybody's time. For them all, the
  /// bytes beyond ASCII come before the others in a range, and `**` does not match an empty key.
  static bool may_be_left_to_the_server(std::string_view pattern) noexcept {
    const bool has_class = pattern.find('[') != std::string_view::npos;
    const bool is_ascii = std::none_of(pattern.begin(), pattern.end(), [](char c) { return (c & 0x80) != 0; });
    return std::count(pattern.begin(), pattern.end(), '*') <= 2 && pattern.find("**") == std::string_view::npos &&
           (is_ascii || !has_class);
  }

  /// Calls `visit(texts, deadline)` with the keys that match on every server, page by page. A key may come twice.
  template <class Visit>
  void scan(const std::string& match, const Visit& visit) {
    const Deadline end = Deadline::in(options().scan_timeout);
    for (const auto& node : transport_->nodes(end.at_most(options().timeout))) {
      std::string cursor = "0";
      do {
        RedisCommands commands;
        commands.add({"SCAN", cursor, "MATCH", match, "COUNT", "1000"}, {Shape::page});
        if (end.has_passed()) time_out();
        Reply page = std::move(node->exchange(commands, Repeat::once, end.at_most(options().timeout))[0]);
        throw_if_error(page);
        visit(page.elements[1].elements, end.at_most(options().timeout));
        cursor = page.elements[0].text.str();
      } while (cursor != "0");
    }
  }

  [[noreturn]] void time_out() const {
    throw TimeoutError("redis: not all keys were visited within " + std::to_string(options().scan_timeout.count()) +
                       " ms (scan_timeout)");
  }

  const RedisSettings settings_;
  std::unique_ptr<RedisTransport> transport_;
};

}  // namespace larder::detail
