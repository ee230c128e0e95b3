/// \file dynamodb_store.hpp
/// DynamoDbStore: how a cache is kept in a DynamoDB table, for keys and values that are bytes already.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/dynamodb/dynamodb_client.hpp>
#include <larder/backends/detail/dynamodb/dynamodb_reply.hpp>
#include <larder/backends/detail/dynamodb/dynamodb_requests.hpp>
#include <larder/backends/detail/stored_values.hpp>
#include <larder/backends/dynamodb_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/glob.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

/// Expiry is by this machine's clock, and looked at in every operation: DynamoDB itself removes what has expired only
/// days later. Thread-safe. Functions throw ConnectionError, TimeoutError, ProtocolError and ServerError.
class DynamoDbStore {
 public:
  using Clock = std::chrono::system_clock;
  using Milliseconds = std::chrono::milliseconds;
  using Condition = DynamoDbRequests::Condition;
  using Repeat = DynamoDbClient::Repeat;

  static constexpr std::size_t read_batch = 100;
  static constexpr std::size_t write_batch = 25;
  /// DynamoDB takes 16 MB in a request; less than that is as fast.
  static constexpr std::size_t write_batch_bytes = std::size_t{4} << 20;

  explicit DynamoDbStore(DynamoDbOptions options)
      : options_(validated(std::move(options))),
        keys_(options_.prefix),
        requests_(options_.table, options_.consistent_reads),
        client_(options_),
        table_is_known_(!options_.create_table) {}

  const DynamoDbOptions& options() const noexcept { return options_; }

  /// How long a call about so many keys may take.
  Deadline deadline(std::size_t keys = 1) const { return Deadline::for_keys(keys, options().timeout); }

  /// Result: a key as it is spelt in the table. \throws InvalidArgumentError if it is too long for that.
  std::string name_of(std::string_view key) const {
    std::string name = keys_.encode(key);
    if (name.size() > DynamoDbKeys::longest) {
      throw InvalidArgumentError("a key of " + std::to_string(name.size()) +
                                 " bytes, prefix included; DynamoDB takes " + std::to_string(DynamoDbKeys::longest) +
                                 " at most");
    }
    return name;
  }

  /// Whether an item can hold it.
  bool fits(std::string_view name, std::string_view form) const noexcept {
    return form.size() <= options().max_value_bytes &&
           DynamoDbEntry{.value = form}.item_size(name) <= DynamoDbEntry::largest_item;
  }

  /// Result: what is there, unless it has expired.
  std::optional<DynamoDbItem> get(const std::string& name) {
    return live_item(call("GetItem", requests_.get(name), Repeat::once, deadline()), name);
  }

  bool exists(const std::string& name) {
    return live_item(call("GetItem", requests_.look(name), Repeat::once, deadline()), name).has_value();
  }

  /// Result: whether it was stored. What an item cannot hold is declined, and the old value is gone then, unless there
  /// is a condition.
  bool put(const std::string& name, std::string_view form, const Ttl& ttl, Condition condition) {
    const Deadline end = deadline();
    if (fits(name, form)) {
      const auto now = Clock::now();
      try {
        return unless_refused([&] {
          call("PutItem", requests_.put(name, entry(form, ttl, now), condition, count(now)), Repeat::never, end);
        });
      } catch (const ServerError& error) {
        const bool is_too_large = error.code() == "ValidationException" &&
                                  std::string_view(error.what()).find("Item size") != std::string_view::npos;
        if (!is_too_large) throw;
      }
    }
    if (condition == Condition::none) call("DeleteItem", requests_.erase(name), Repeat::never, end);
    return false;
  }

  bool touch(const std::string& name, const Ttl& ttl) {
    const auto now = Clock::now();
    return unless_refused(
        [&] { call("UpdateItem", requests_.touch(name, expiry(ttl, now), count(now)), Repeat::never, deadline()); });
  }

  /// Result: whether there was something that had not expired. \throws ServerError also where that is not known.
  bool erase(const std::string& name) {
    const DynamoDbReply reply = call("DeleteItem", requests_.erase(name), Repeat::never, deadline());
    if (reply.items.empty() && reply.doubt) throw *reply.doubt;
    return !reply.items.empty() && !reply.items[0].is_expired(count(Clock::now()));
  }

  /// Items by their names.
  using Found = std::unordered_map<std::string_view, DynamoDbItem>;

  /// Calls `use(found)` for each hundred of different names with those of them that are there and have not expired.
  template <class Use>
  void get_many(std::span<const std::string> names, DynamoDbRequests::Parts parts, const Deadline& deadline,
                const Use& use) {
    for (std::size_t begin = 0; begin < names.size(); begin += read_batch) {
      const auto some = names.subspan(begin, std::min(read_batch, names.size() - begin));
      Found found;
      const std::unordered_set<std::string_view> asked(some.begin(), some.end());
      std::vector<std::string> left(some.begin(), some.end());
      DynamoDbRetries retries(options_, deadline);
      for (;;) {
        DynamoDbReply reply = call("BatchGetItem", requests_.get_batch(left, parts), Repeat::once, deadline);
        const auto now = count(Clock::now());
        for (DynamoDbItem& item : reply.items) {
          const auto name = asked.find(name_in(item));
          if (name == asked.end()) wrong_item();
          if (!item.is_expired(now)) found.insert_or_assign(*name, std::move(item));
        }
        if (!goes_on(left, reply, retries, "UnprocessedKeys")) break;
      }
      use(found);
    }
  }

  /// One item to store, or to erase where there is no form.
  struct Write {
    const std::string* name;
    std::optional<std::string_view> form{};
  };

  /// All of them, in requests of different names, 25 at most. Calls `note(done)` with how many more are done.
  template <class Note>
  void write_many(std::span<const Write> writes, const Ttl& ttl, const Deadline& deadline, const Note& note) {
    std::size_t begin = 0;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < writes.size(); ++i) {
      bytes += writes[i].name->size() + (writes[i].form ? writes[i].form->size() : 0);
      if (i + 1 < writes.size() && i + 1 - begin < write_batch && bytes < write_batch_bytes) continue;
      write_some(writes.subspan(begin, i + 1 - begin), ttl, deadline);
      note(i + 1 - begin);
      begin = i + 1;
      bytes = 0;
    }
  }

  /// Result: the keys that match, without the prefix.
  std::vector<std::string> keys(std::string_view pattern) {
    std::vector<std::string> found;
    scan([&](std::span<const DynamoDbItem> page, const Deadline&) {
      const auto now = count(Clock::now());
      for (const DynamoDbItem& item : page) {
        const auto key = keys_.decode(name_in(item));
        if (key && !item.is_expired(now) && glob_match(pattern, *key)) found.emplace_back(*key);
      }
    });
    return found;
  }

  /// Result: how many entries went that had not expired.
  std::size_t clear() {
    std::size_t live = 0;
    scan([&](std::span<const DynamoDbItem> page, const Deadline& deadline) {
      std::vector<std::string> names;
      const auto now = count(Clock::now());
      for (const DynamoDbItem& item : page) {
        if (!name_in(item).starts_with(options().prefix)) continue;
        names.emplace_back(name_in(item));
        live += item.is_expired(now) ? 0 : 1;
      }
      std::vector<Write> erasures;
      for (const std::string& name : names) erasures.push_back({.name = &name});
      write_many(erasures, {}, deadline, [](std::size_t) {});
    });
    return live;
  }

  static Clock::time_point time_of(std::int64_t milliseconds) noexcept {
    const auto most = std::chrono::duration_cast<Milliseconds>(Clock::time_point::max().time_since_epoch()).count();
    return Clock::time_point(
        std::chrono::duration_cast<Clock::duration>(Milliseconds(std::clamp<std::int64_t>(milliseconds, -most, most))));
  }

 private:
  static DynamoDbOptions validated(DynamoDbOptions options) {
    options.validate();
    return options;
  }

  /// Milliseconds since 1970.
  static std::int64_t count(Clock::time_point time) {
    return std::chrono::floor<Milliseconds>(time.time_since_epoch()).count();
  }
  std::optional<std::int64_t> expiry(const Ttl& ttl, Clock::time_point now) const {
    const auto& lifetime = ttl ? ttl : options().default_ttl;
    if (!lifetime) return std::nullopt;
    return std::chrono::ceil<Milliseconds>(later(now, *lifetime).time_since_epoch()).count();
  }
  DynamoDbEntry entry(std::string_view form, const Ttl& ttl, Clock::time_point now) const {
    return {.value = form, .created_at = count(now), .expires_at = expiry(ttl, now)};
  }

  DynamoDbReply call(std::string_view operation, std::string_view body, Repeat repeat, const Deadline& deadline) {
    if (!table_is_known_.load(std::memory_order_acquire)) create_table(deadline);
    return client_.call(operation, body, repeat, deadline);
  }

  [[noreturn]] void wrong_item() const { throw ProtocolError(client_.name() + "an item that nobody asked for"); }
  std::string_view name_in(const DynamoDbItem& item) const {
    if (!item.key) wrong_item();
    return *item.key;
  }

  std::optional<DynamoDbItem> live_item(DynamoDbReply reply, std::string_view name) const {
    if (reply.items.empty()) return std::nullopt;
    if (reply.items.size() > 1 || name_in(reply.items[0]) != name) wrong_item();
    if (reply.items[0].is_expired(count(Clock::now()))) return std::nullopt;
    return std::move(reply.items[0]);
  }

  /// Result: false where a condition does not hold.
  template <class Call>
  static bool unless_refused(const Call& call) {
    try {
      call();
      return true;
    } catch (const ServerError& error) {
      if (error.code() != "ConditionalCheckFailedException") throw;
      return false;
    }
  }

  /// After a batch: whether there is still something to do, which is in `left` then.
  bool goes_on(std::vector<std::string>& left, const DynamoDbReply& reply, DynamoDbRetries& retries, const char* what) {
    if (reply.unprocessed.empty()) return false;
    const std::unordered_set<std::string_view> sent(left.begin(), left.end());
    std::vector<std::string> again;
    for (const DynamoDbItem& item : reply.unprocessed) {
      if (!sent.contains(name_in(item))) wrong_item();
      again.emplace_back(name_in(item));
    }
    std::sort(again.begin(), again.end());
    if (std::adjacent_find(again.begin(), again.end()) != again.end()) wrong_item();
    if (again.size() < left.size()) retries.note_progress();
    left = std::move(again);
    if (!retries.wait()) {
      throw ServerError(what, client_.name() + std::to_string(left.size()) + " items of a batch were left over (" +
                                  what + "), however often they were sent");
    }
    return true;
  }

  void write_some(std::span<const Write> writes, const Ttl& ttl, const Deadline& deadline) {
    std::unordered_map<std::string_view, const Write*> by_name;
    std::vector<std::string> left;
    for (const Write& each : writes) {
      by_name.emplace(*each.name, &each);
      left.push_back(*each.name);
    }
    const auto now = Clock::now();
    DynamoDbRetries retries(options_, deadline);
    for (;;) {
      DynamoDbRequests::WriteBatch batch(requests_);
      for (const std::string& name : left) {
        const auto& form = by_name.at(name)->form;
        form ? batch.put(name, entry(*form, ttl, now)) : batch.erase(name);
      }
      const DynamoDbReply reply = call("BatchWriteItem", batch.text(), Repeat::never, deadline);
      if (!goes_on(left, reply, retries, "UnprocessedItems")) return;
    }
  }

  /// Calls `visit(items, deadline)` for one page of this cache's keys after the other.
  template <class Visit>
  void scan(const Visit& visit) {
    const Deadline end = Deadline::in(options().scan_timeout);
    std::optional<Bytes> last;
    do {
      const auto last_name = last ? std::optional(std::string_view(*last)) : std::nullopt;
      DynamoDbReply page = call("Scan", requests_.scan(options().prefix, last_name), Repeat::once, end);
      visit(std::span<const DynamoDbItem>(page.items), end);
      if (page.last_key && !page.last_key->key) wrong_item();
      if (page.last_key && last && *page.last_key->key == *last) {
        throw ProtocolError(client_.name() + "a page of keys that comes again and again");
      }
      last = page.last_key ? std::move(page.last_key->key) : std::nullopt;
    } while (last);
  }

  /// Creates the table unless there is one, and waits until it can be used.
  void create_table(const Deadline& deadline) {
    const std::lock_guard lock(creating_);
    for (bool is_created = false; !table_is_known_.load(std::memory_order_relaxed);) {
      const std::string status = table_status(deadline);
      if (status == "ACTIVE" || status == "UPDATING") {
        if (is_created) expire_items(deadline);
        table_is_known_.store(true, std::memory_order_release);
        return;
      }
      if (status.empty()) {
        call_unless("CreateTable", requests_.create_table(), "ResourceInUseException", deadline);
        is_created = true;
        continue;
      }
      if (deadline.has_passed()) throw TimeoutError(client_.name() + "the table is not ready yet (" + status + ")");
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(Milliseconds(100), deadline.remaining()));
    }
  }

  /// Result: what state the table is in; empty if there is none.
  std::string table_status(const Deadline& deadline) {
    try {
      return client_.call("DescribeTable", requests_.describe_table(), Repeat::once, deadline).table_status;
    } catch (const ServerError& error) {
      if (error.code() != "ResourceNotFoundException") throw;
      return {};
    }
  }

  /// A server that cannot remove expired items by itself is no reason to do without it.
  void expire_items(const Deadline& deadline) {
    try {
      client_.call("UpdateTimeToLive", requests_.expire_items(), Repeat::never, deadline);
    } catch (const ServerError&) {
    }
  }

  void call_unless(std::string_view operation, std::string_view body, std::string_view code, const Deadline& deadline) {
    try {
      client_.call(operation, body, Repeat::never, deadline);
    } catch (const ServerError& error) {
      if (error.code() != code) throw;
    }
  }

  const DynamoDbOptions options_;
  const DynamoDbKeys keys_;
  const DynamoDbRequests requests_;
  DynamoDbClient client_;
  std::mutex creating_;
  std::atomic<bool> table_is_known_;
};

}  // namespace larder::detail
