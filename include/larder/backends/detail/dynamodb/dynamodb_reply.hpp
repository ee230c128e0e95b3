/// \file dynamodb_reply.hpp
/// DynamoDbReply: what DynamoDB answers, read from JSON without building a tree of it.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <larder/backends/detail/base64.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// An item, or a key, as far as it has the attributes that we know.
struct DynamoDbItem {
  std::optional<Bytes> key{};
  std::optional<Bytes> value{};
  std::optional<std::int64_t> created_at{};
  std::optional<std::int64_t> expires_at{};

  bool is_expired(std::int64_t now) const noexcept { return expires_at && *expires_at <= now; }
};

struct DynamoDbReply {
  /// `Item`, `Attributes`, `Items` or `Responses`, whichever there is.
  std::vector<DynamoDbItem> items{};
  /// `UnprocessedKeys` or `UnprocessedItems`.
  std::vector<DynamoDbItem> unprocessed{};
  /// `LastEvaluatedKey`: there is more behind it.
  std::optional<DynamoDbItem> last_key{};
  std::string table_status{};
  /// An error's `__type`, without what is before a `#`, and its message.
  std::string error{};
  std::string message{};
  /// What the server said to an earlier attempt, which it may have carried out all the same: then this is the reply to a
  /// repetition, which finds nothing to do any more.
  std::optional<ServerError> doubt{};

  /// \throws ProtocolError if it is no JSON object, or too deep, or an attribute of ours is not what it must be.
  static DynamoDbReply parse(std::string_view json);
};

/// Takes what nlohmann-json reads, piece by piece.
class DynamoDbReplyReader {
 public:
  using Json = nlohmann::json;

  explicit DynamoDbReplyReader(DynamoDbReply& reply) : reply_(reply) {}

  bool start_object(std::size_t) {
    enter();
    if (item_depth_ == 0) {
      item_ = item_list();
      if (item_ != nullptr) item_depth_ = depth();
    }
    return true;
  }
  bool end_object() { return leave(); }
  bool start_array(std::size_t) {
    if (depth() == 0) throw ProtocolError("a reply that is no JSON object");
    enter();
    return true;
  }
  bool end_array() { return leave(); }
  bool key(std::string& name) {
    names_.back() = std::move(name);
    return true;
  }

  bool string(std::string& text) {
    if (item_depth_ != 0) return attribute(text);
    if (depth() == 1 && name(0) == "__type") {
      reply_.error = text.substr(text.rfind('#') + 1);
    } else if (depth() == 1 && (name(0) == "message" || name(0) == "Message")) {
      reply_.message = std::move(text);
    } else if (depth() == 2 && (name(0) == "Table" || name(0) == "TableDescription") && name(1) == "TableStatus") {
      reply_.table_status = std::move(text);
    }
    return scalar();
  }
  bool null() { return scalar(); }
  bool boolean(bool) { return scalar(); }
  bool number_integer(Json::number_integer_t) { return scalar(); }
  bool number_unsigned(Json::number_unsigned_t) { return scalar(); }
  bool number_float(Json::number_float_t, const std::string&) { return scalar(); }
  bool binary(Json::binary_t&) { return scalar(); }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    throw ProtocolError("a reply that is no JSON, from byte " + std::to_string(position) + " on");
  }

 private:
  /// No reply is deeper than the half of it.
  static constexpr std::size_t most_depth = 32;

  std::size_t depth() const noexcept { return names_.size(); }
  /// The name that is being read at a depth; empty within an array.
  const std::string& name(std::size_t at) const noexcept { return names_[at]; }

  void enter() {
    if (depth() == most_depth) throw ProtocolError("a reply that is too deep");
    names_.emplace_back();
  }
  bool leave() {
    if (depth() == item_depth_) item_depth_ = 0;
    names_.pop_back();
    return true;
  }
  bool scalar() const {
    if (depth() == 0) throw ProtocolError("a reply that is no JSON object");
    if (item_depth_ != 0 && depth() <= item_depth_ + 1 && is_ours()) wrong_attribute();
    return true;
  }

  /// Result: the item that the object which has just begun is, or null if it is none. `names_` ends in one for the
  /// object itself.
  DynamoDbItem* item_list() {
    const std::size_t above = depth() - 1;
    const auto is = [&](std::initializer_list<std::string_view> path) {
      if (above != path.size()) return false;
      std::size_t i = 0;
      for (const std::string_view each : path) {
        if (each != "*" && each != name(i)) return false;
        ++i;
      }
      return true;
    };
    if (is({"Item"}) || is({"Attributes"}) || is({"Items", ""}) || is({"Responses", "*", ""})) {
      return &reply_.items.emplace_back();
    }
    if (is({"LastEvaluatedKey"})) return &reply_.last_key.emplace();
    if (is({"UnprocessedKeys", "*", "Keys", ""}) || is({"UnprocessedItems", "*", "", "PutRequest", "Item"}) ||
        is({"UnprocessedItems", "*", "", "DeleteRequest", "Key"})) {
      return &reply_.unprocessed.emplace_back();
    }
    return nullptr;
  }

  /// Whether the name at the item's own depth is an attribute that we know.
  bool is_ours() const noexcept {
    const std::string& attribute = name(item_depth_ - 1);
    return attribute == "k" || attribute == "v" || attribute == "created_at" || attribute == "expires_at_ms";
  }

  /// `{"k": {"B": "..."}}`: one level below the item, the type's name. Values of other types are another program's.
  bool attribute(const std::string& text) {
    if (depth() == item_depth_ && is_ours()) wrong_attribute();
    if (depth() != item_depth_ + 1) return true;
    const std::string& attribute = name(item_depth_ - 1);
    const std::string& type = name(item_depth_);
    if (attribute == "k" && type == "B") {
      item_->key = bytes(text);
    } else if (attribute == "v" && type == "B") {
      item_->value = bytes(text);
    } else if (attribute == "created_at" && type == "N") {
      item_->created_at = number(text);
    } else if (attribute == "expires_at_ms" && type == "N") {
      item_->expires_at = number(text);
    }
    return true;
  }

  [[noreturn]] static void wrong_attribute() { throw ProtocolError("an attribute that is not what it must be"); }
  static Bytes bytes(std::string_view text) {
    auto bytes = from_base64(text);
    if (!bytes) wrong_attribute();
    return std::move(*bytes);
  }
  /// Another program's may have a fraction, or be too large to be counted: then the number is as near as can be.
  static std::optional<std::int64_t> number(std::string_view text) noexcept {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) return text.starts_with('-') ? INT64_MIN : INT64_MAX;
    if (error != std::errc()) return std::nullopt;
    return value;
  }

  DynamoDbReply& reply_;
  std::vector<std::string> names_;  // of where the reader is, the outermost first
  std::size_t item_depth_ = 0;      // of the item that is being read; 0 if none is
  DynamoDbItem* item_ = nullptr;
};

inline DynamoDbReply DynamoDbReply::parse(std::string_view json) {
  DynamoDbReply reply;
  DynamoDbReplyReader reader(reply);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  return reply;
}

}  // namespace larder::detail
