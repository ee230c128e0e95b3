/// \file dynamodb_json_fuzz.cpp
/// Any text as a reply of DynamoDB: read as nlohmann-json's own tree has it, or a ProtocolError.
#include <larder/backends/detail/dynamodb/dynamodb_reply.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/input.hpp"

using larder_tests::require;
using Json = nlohmann::json;

namespace {

/// The attribute of an item, as the tree has it; null if it is not bytes.
const Json* attribute(const Json& item, const char* name) {
  const auto found = item.find(name);
  if (found == item.end() || !found->is_object()) return nullptr;
  const auto bytes = found->find("B");
  return bytes == found->end() ? nullptr : &*bytes;
}

void compare(const larder::detail::DynamoDbReply& reply, const Json& tree) {
  if (tree.contains("Item") && tree["Item"].is_object() && tree.size() == 1) {
    require(reply.items.size() == 1, "an item is one");
    const Json* value = attribute(tree["Item"], "v");
    require((value != nullptr) == reply.items[0].value.has_value(), "an item's value is there");
    if (value != nullptr) {
      require(larder::detail::base64(std::string_view(*reply.items[0].value)) == value->get<std::string>(),
              "an item's value is what was said");
    }
  }
  if (tree.contains("__type") && tree["__type"].is_string()) {
    require(tree["__type"].get<std::string>().ends_with(reply.error), "an error's type is what was said");
  }
}

/// Whether a name is there twice, which a tree does not show.
bool has_duplicates(std::string_view text, const Json& tree) {
  std::size_t colons = 0;
  static_cast<void>(Json::parse(text, [&](int, Json::parse_event_t event, Json&) {
    colons += event == Json::parse_event_t::key ? 1 : 0;
    return true;
  }));
  std::size_t names = 0;
  const auto count = [&](const auto& self, const Json& node) -> void {
    if (node.is_object()) names += node.size();
    if (node.is_structured()) {
      for (const Json& each : node) self(self, each);
    }
  };
  count(count, tree);
  return colons != names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  larder::detail::DynamoDbReply reply;
  try {
    reply = larder::detail::DynamoDbReply::parse(text);
  } catch (const larder::ProtocolError&) {
    return 0;
  }
  const Json tree = Json::parse(text, nullptr, false);
  require(tree.is_object(), "what is read is a JSON object");
  if (!has_duplicates(text, tree)) compare(reply, tree);
  return 0;
}
