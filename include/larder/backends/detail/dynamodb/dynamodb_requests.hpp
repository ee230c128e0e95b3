/// \file dynamodb_requests.hpp
/// What a DynamoDbBackend says to DynamoDB, as JSON.
///
/// An item has these attributes:
///
///     k              B  the key, see `DynamoDbKeys`
///     v              B  the value, or an envelope with it
///     created_at     N  milliseconds since 1970
///     expires_at_ms  N  the same; absent where the entry does not expire
///     ttl            N  seconds since 1970, rounded up, for DynamoDB's own removal of what has expired
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <larder/backends/detail/base64.hpp>

namespace larder::detail {

/// How keys are spelt in the table: `prefix` + key. An attribute must have a byte, so without a prefix, what consists
/// of NULs alone has one more of them.
class DynamoDbKeys {
 public:
  static constexpr std::size_t longest = 2048;

  explicit DynamoDbKeys(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string encode(std::string_view key) const {
    std::string text(prefix_);
    text.append(key);
    if (prefix_.empty() && is_nuls(key)) text.push_back('\0');
    return text;
  }
  /// Result: the key, if it is one of ours.
  std::optional<std::string_view> decode(std::string_view text) const noexcept {
    if (!text.starts_with(prefix_)) return std::nullopt;
    text.remove_prefix(prefix_.size());
    if (prefix_.empty() && is_nuls(text)) text.remove_suffix(std::min<std::size_t>(text.size(), 1));
    return text;
  }

 private:
  static bool is_nuls(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '\0'; });
  }

  std::string prefix_;
};

/// What an item has beside its key.
struct DynamoDbEntry {
  std::string_view value{};
  std::int64_t created_at = 0;               ///< ms since 1970
  std::optional<std::int64_t> expires_at{};  ///< the same

  static constexpr std::size_t largest_item = 409'600;

  /// How DynamoDB counts, numbers at their largest.
  std::size_t item_size(std::string_view key) const noexcept {
    constexpr std::string_view names = "kvcreated_atexpires_at_msttl";
    constexpr std::size_t number = 12;
    return names.size() + key.size() + value.size() + 3 * number;
  }
};

/// Writes requests for one table, whose name needs no escaping.
class DynamoDbRequests {
 public:
  DynamoDbRequests(std::string table, bool consistent_reads)
      : table_(std::move(table)), consistent_(consistent_reads ? R"(,"ConsistentRead":true)" : "") {}

  std::string get(std::string_view key) const { return head() + R"(,"Key":)" + key_of(key) + consistent_ + "}"; }
  /// Without the value.
  std::string look(std::string_view key) const {
    return head() + R"(,"Key":)" + key_of(key) + consistent_ + projection + "}";
  }

  enum class Condition : bool { none, absent };

  /// `now` is what time it is, for the condition.
  std::string put(std::string_view key, const DynamoDbEntry& entry, Condition condition, std::int64_t now) const {
    std::string text = head() + R"(,"Item":)";
    append_item(text, key, entry);
    if (condition == Condition::absent) {
      text += R"(,"ConditionExpression":"attribute_not_exists(k) OR expires_at_ms <= :now",)"
              R"("ExpressionAttributeValues":{":now":)" +
              number(now) + "}";
    }
    return text += "}";
  }

  /// What was there is in the response.
  std::string erase(std::string_view key) const {
    return head() + R"(,"Key":)" + key_of(key) + R"(,"ReturnValues":"ALL_OLD"})";
  }

  /// Gives an entry that is there, and has not expired, another expiry.
  std::string touch(std::string_view key, std::optional<std::int64_t> expires_at, std::int64_t now) const {
    std::string text = head() + R"(,"Key":)" + key_of(key);
    text += R"json(,"ConditionExpression":"attribute_exists(k) AND )json"
            R"json((attribute_not_exists(expires_at_ms) OR expires_at_ms > :now)")json"
            R"(,"ExpressionAttributeNames":{"#ttl":"ttl"},"UpdateExpression":")";
    text += expires_at ? R"(SET expires_at_ms = :at, #ttl = :ttl")" : R"(REMOVE expires_at_ms, #ttl")";
    text += R"(,"ExpressionAttributeValues":{":now":)" + number(now);
    if (expires_at) text += R"(,":at":)" + number(*expires_at) + R"(,":ttl":)" + number(seconds(*expires_at));
    return text += "}}";
  }

  enum class Parts : bool { all, without_value };

  /// Of keys that are all different, 100 at most.
  std::string get_batch(std::span<const std::string> keys, Parts parts) const {
    std::string text = R"({"RequestItems":{")" + table_ + R"(":{"Keys":[)";
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i > 0) text += ',';
      append_key(text, keys[i]);
    }
    text += ']';
    text += consistent_;
    if (parts == Parts::without_value) text += projection;
    return text += "}}}";
  }

  /// A request that stores and erases several items, whose keys must all be different, 25 at most.
  class WriteBatch {
   public:
    explicit WriteBatch(const DynamoDbRequests& requests) : requests_(requests) {}
    void put(std::string_view key, const DynamoDbEntry& entry) {
      begin();
      body_ += R"({"PutRequest":{"Item":)";
      append_item(body_, key, entry);
      body_ += "}}";
    }
    void erase(std::string_view key) {
      begin();
      body_ += R"({"DeleteRequest":{"Key":)";
      append_key(body_, key);
      body_ += "}}";
    }
    std::size_t size() const noexcept { return size_; }
    std::size_t bytes() const noexcept { return body_.size(); }
    std::string text() const { return R"({"RequestItems":{")" + requests_.table_ + R"(":[)" + body_ + "]}}"; }

   private:
    void begin() {
      if (size_++ > 0) body_ += ',';
    }
    const DynamoDbRequests& requests_;
    std::string body_;
    std::size_t size_ = 0;
  };

  /// The keys that begin with a prefix, from behind `last_key` on if there is one.
  std::string scan(std::string_view prefix, std::optional<std::string_view> last_key) const {
    std::string text = head() + consistent_ + projection;
    if (!prefix.empty()) {
      text += R"json(,"FilterExpression":"begins_with(k, :prefix)")json"
              R"(,"ExpressionAttributeValues":{":prefix":{"B":")";
      append_base64(text, prefix);
      text += R"("}})";
    }
    if (last_key) text += R"(,"ExclusiveStartKey":)" + key_of(*last_key);
    return text += "}";
  }

  std::string describe_table() const { return head() + "}"; }
  std::string create_table() const {
    return head() + R"(,"BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"k",)"
                    R"("AttributeType":"B"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}]})";
  }
  std::string expire_items() const {
    return head() + R"(,"TimeToLiveSpecification":{"AttributeName":"ttl","Enabled":true}})";
  }

 private:
  static constexpr const char* projection = R"(,"ProjectionExpression":"k, expires_at_ms")";

  std::string head() const { return R"({"TableName":")" + table_ + R"(")"; }

  static std::int64_t seconds(std::int64_t milliseconds) noexcept {
    return milliseconds / 1000 + (milliseconds % 1000 > 0);
  }
  static std::string number(std::int64_t value) { return R"({"N":")" + std::to_string(value) + R"("})"; }

  static void append_key(std::string& text, std::string_view key) {
    text += R"({"k":{"B":")";
    append_base64(text, key);
    text += R"("}})";
  }
  static std::string key_of(std::string_view key) {
    std::string text;
    append_key(text, key);
    return text;
  }

  static void append_item(std::string& text, std::string_view key, const DynamoDbEntry& entry) {
    text += R"({"k":{"B":")";
    append_base64(text, key);
    text += R"("},"v":{"B":")";
    append_base64(text, entry.value);
    text += R"("},"created_at":)" + number(entry.created_at);
    if (entry.expires_at) {
      text += R"(,"expires_at_ms":)" + number(*entry.expires_at) + R"(,"ttl":)" + number(seconds(*entry.expires_at));
    }
    text += '}';
  }

  const std::string table_;
  const std::string consistent_;
};

}  // namespace larder::detail
