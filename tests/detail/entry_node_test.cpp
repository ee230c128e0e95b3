/// \file entry_node_test.cpp
#include <larder/detail/entry_node.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/value_size.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/counting_value.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/throwing_types.hpp"

using larder::Bytes;
using larder::Metadata;
using larder::detail::EntryNode;
using larder::detail::NodeRecipe;

namespace {

using TextNode = EntryNode<std::string, Bytes, false>;

static_assert(TextNode::key_inline && TextNode::bytes_inline);
static_assert(EntryNode<int, Bytes, false>::bytes_inline && !EntryNode<int, Bytes, false>::key_inline);
// A Bytes cannot free a block whose key has something to destroy.
static_assert(!EntryNode<std::vector<int>, Bytes, false>::bytes_inline);
static_assert(!EntryNode<std::string, std::string, false>::bytes_inline);

constexpr std::uint32_t some_hash = 0xfeedbeef;

template <class Key, class Value, bool Weighed>
struct Maker {
  using Node = EntryNode<Key, Value, Weighed>;

  static typename Node::Owner make(larder::KeyView<Key> key, Value&& value, bool expires = false,
                                   Metadata metadata = {}, std::size_t weight = 0) {
    // Where it can see through the layout, g++ 12 warns of writes to tails that are not there (-Warray-bounds).
    const volatile bool hidden = expires;
    const NodeRecipe<Key> recipe{key, some_hash, larder::value_size(value), weight, hidden};
    return Node::create(recipe, std::move(value), std::move(metadata));
  }
};

using Text = Maker<std::string, Bytes, false>;

struct alignas(64) Wide {
  int number;
  friend bool operator==(const Wide&, const Wide&) = default;
};

template <class Alignment>
bool is_aligned_for(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % alignof(Alignment) == 0;
}

/// How many bytes after the node's beginning something ends.
template <class Node>
std::size_t end_in(const Node& node, std::string_view text) {
  return static_cast<std::size_t>(text.data() + text.size() - reinterpret_cast<const char*>(&node));
}

/// A value on both sides of each limit.
std::vector<std::size_t> value_sizes() { return {0, 1, 7, 8, 100, 1023, 1024, 1025, 5000, 100000}; }

}  // namespace

TEST_CASE("a node keeps key, value, hash and size in every layout", "[entry_node]") {
  const bool expires = GENERATE(false, true);
  const bool with_metadata = GENERATE(false, true);
  const Metadata metadata = with_metadata ? Metadata{{"name", "text"}, {"other", ""}} : Metadata();
  for (const std::size_t size : value_sizes()) {
    for (const std::string& key : {std::string(), std::string("k\0k", 3), std::string(300, 'k')}) {
      CAPTURE(expires, with_metadata, size, key.size());
      const std::string value(size, 'v');
      const auto node = Text::make(key, value, expires, metadata);
      CHECK(node->key() == key);
      CHECK(node->copy_value() == value);
      CHECK(node->size() == size);
      CHECK(node->weight() == size);
      CHECK(node->hash == some_hash);
      CHECK(node->expires() == expires);
      CHECK((node->metadata() != nullptr) == with_metadata);
      if (with_metadata) CHECK(*node->metadata() == metadata);
    }
  }
}

TEST_CASE("with_value shows the value in place and passes on what the function returns", "[entry_node]") {
  for (const std::size_t size : value_sizes()) {
    const auto node = Text::make("key", std::string(size, 'v'));
    const char* shown = nullptr;
    CHECK(node->with_value([&shown](const Bytes& value) {
      shown = value.data();
      return value.size();
    }) == size);
    if (size > 0) CHECK(node->copy_value().data() == shown);
    CHECK(node->block.references == 1);
  }
}

TEST_CASE("a copy of what with_value shows outlives the node", "[entry_node]") {
  for (const std::size_t size : value_sizes()) {
    auto node = Text::make("key", std::string(size, 'v'));
    Bytes copy = node->with_value([](const Bytes& value) { return value; });
    node.reset();
    CHECK(copy == std::string(size, 'v'));
  }
}

TEST_CASE("the timer of a node leads back to it", "[entry_node]") {
  const auto node = Text::make("key", "value", true, {{"name", "text"}});
  node->timer().deadline = 123456789;
  CHECK(node->timer().deadline == 123456789);
  CHECK(&TextNode::of(node->timer()) == node.get());
  CHECK(is_aligned_for<larder::detail::Timer>(&node->timer()));
  CHECK(node->key() == "key");
  CHECK(node->copy_value() == "value");
}

TEST_CASE("a value of up to 1024 bytes lies in its node, and a longer one is shared with the caller", "[entry_node]") {
  for (const std::size_t size : value_sizes()) {
    CAPTURE(size);
    const Bytes value(std::string(size, 'v'));
    const auto node = Text::make("key", Bytes(value));
    const bool is_shared = size > 1024;
    if (size > 0) CHECK((node->copy_value().data() == value.data()) == is_shared);
    CHECK(TextNode::node_bytes("key", value, false, false) < sizeof(TextNode) + 3 + 1025);
  }
}

TEST_CASE("a node ends with its key and value, where node_bytes says", "[entry_node]") {
  const bool expires = GENERATE(false, true);
  const bool with_metadata = GENERATE(false, true);
  const Metadata metadata = with_metadata ? Metadata{{"name", "text"}} : Metadata();
  for (const std::size_t size : value_sizes()) {
    CAPTURE(expires, with_metadata, size);
    const Bytes value(std::string(size, 'v'));
    const auto node = Text::make("some key", Bytes(value), expires, metadata);
    const std::size_t bytes = TextNode::node_bytes("some key", value, expires, with_metadata);
    const Bytes copy = node->copy_value();
    CHECK(end_in(*node, size == 0 || size > 1024 ? node->key() : copy.view()) == bytes);
  }
}

TEST_CASE("a deadline and metadata take room only in the nodes that have them", "[entry_node]") {
  const auto bytes = [](bool expires, bool metadata) {
    return TextNode::node_bytes("key", Bytes("value"), expires, metadata);
  };
  CHECK(bytes(false, false) == sizeof(TextNode) + 3 + 5);
  const std::size_t alignment = (8 - sizeof(TextNode) % 8) % 8;
  CHECK(bytes(true, false) == bytes(false, false) + alignment + sizeof(larder::detail::Timer));
  constexpr std::size_t pointer = 8;  // with 32 bits, it is padded
  CHECK(bytes(false, true) == bytes(false, false) + alignment + pointer);
  CHECK(bytes(true, true) == bytes(true, false) + pointer);
}

TEST_CASE("a value that was copied out lives on after its node was retired", "[entry_node]") {
  for (const std::size_t size : value_sizes()) {
    auto node = Text::make("key", std::string(size, 'v'), true, {{"name", "text"}});
    const Bytes copy = node->copy_value();
    const Bytes part = copy.substr(size / 2);
    node.reset();
    CHECK(copy == std::string(size, 'v'));
    CHECK(part == std::string(size - size / 2, 'v'));
  }
}

TEST_CASE("an empty value that was copied out keeps no memory of its node", "[entry_node]") {
  const auto node = Text::make("key", "");
  const Bytes copy = node->copy_value();
  CHECK(node->block.references == 1);
}

TEST_CASE("a pinned node stays readable after it was retired, until it is unpinned", "[entry_node]") {
  SECTION("with inline bytes") {
    auto node = Text::make("key", "value", true);
    const TextNode::Pin pinned = node->pin();
    node.reset();
    CHECK(pinned->key() == "key");
    CHECK(pinned->copy_value() == "value");
  }
  SECTION("with any other value") {
    using Node = EntryNode<std::string, larder_tests::CountingValue, false>;
    const int alive = larder_tests::CountingValue::counts().alive;
    auto node = Maker<std::string, larder_tests::CountingValue, false>::make("key", larder_tests::CountingValue(7),
                                                                             false, {{"name", "text"}});
    Node::Pin pinned = node->pin();
    node.reset();
    CHECK(pinned->copy_value().number() == 7);
    CHECK(pinned->metadata()->size() == 1);
    CHECK(larder_tests::CountingValue::counts().alive == alive + 1);
    pinned.reset();
    CHECK(larder_tests::CountingValue::counts().alive == alive);
  }
}

TEST_CASE("a value is moved into its node, never copied", "[entry_node]") {
  larder_tests::CountingValue value(7);
  larder_tests::CountingValue::restart();
  const auto node = Maker<int, larder_tests::CountingValue, false>::make(1, std::move(value));
  CHECK(larder_tests::CountingValue::counts().copies == 0);
  CHECK(node->with_value([](const larder_tests::CountingValue& inside) { return inside.number(); }) == 7);
}

TEST_CASE("keys and values of any type are kept", "[entry_node]") {
  using Pair = std::pair<std::string, int>;
  const auto node = Maker<Pair, std::vector<std::string>, false>::make({"a key too long for its object itself", 1},
                                                                       {"a", "b"}, true, {{"name", "text"}});
  CHECK(node->key() == Pair("a key too long for its object itself", 1));
  CHECK(node->copy_value() == std::vector<std::string>{"a", "b"});
  CHECK(node->size() == sizeof(std::vector<std::string>));
  CHECK(&EntryNode<Pair, std::vector<std::string>, false>::of(node->timer()) == node.get());
}

TEST_CASE("Bytes under keys that are not strings are kept, inline where the key needs no destructor", "[entry_node]") {
  for (const std::size_t size : value_sizes()) {
    CAPTURE(size);
    const std::string text(size, 'v');
    auto plain = Maker<std::uint64_t, Bytes, false>::make(42, text, true, {{"name", "text"}});
    auto complex = Maker<std::vector<int>, Bytes, false>::make({1, 2}, text, true, {{"name", "text"}});
    CHECK(plain->key() == 42);
    CHECK(complex->key() == std::vector<int>{1, 2});
    CHECK(plain->size() == size);
    CHECK(complex->size() == size);
    const Bytes of_plain = plain->copy_value();
    const Bytes of_complex = complex->copy_value();
    plain.reset();
    complex.reset();
    CHECK(of_plain == text);
    CHECK(of_complex == text);
  }
}

TEST_CASE("a weighed node keeps a weight of its own", "[entry_node]") {
  const auto bytes = Maker<std::string, Bytes, true>::make("key", "value", false, {}, 1000);
  CHECK(bytes->weight() == 1000);
  CHECK(bytes->size() == 5);
  const auto number = Maker<int, int, true>::make(1, 2, true, {}, 1000);
  CHECK(number->weight() == 1000);
  CHECK(number->size() == sizeof(int));
}

TEST_CASE("a node that keeps no weight weighs its size, and needs no room for it", "[entry_node]") {
  CHECK(Maker<int, int, false>::make(1, 2, false, {}, 1000)->weight() == sizeof(int));
  STATIC_REQUIRE(sizeof(EntryNode<std::string, Bytes, true>) > sizeof(EntryNode<std::string, Bytes, false>));
}

TEST_CASE("over-aligned keys and values lie where they must, with a timer and metadata behind them", "[entry_node]") {
  for (int i = 0; i < 20; ++i) {
    const auto value = Maker<std::string, Wide, false>::make("key", Wide{i}, true, {{"name", "text"}});
    const auto key = Maker<Wide, Bytes, true>::make(Wide{i}, "value", true, {{"name", "text"}}, 9);
    CHECK(value->with_value([](const Wide& inside) { return is_aligned_for<Wide>(&inside); }));
    CHECK(is_aligned_for<Wide>(&key->key()));
    CHECK(value->copy_value() == Wide{i});
    CHECK(key->key() == Wide{i});
    CHECK(key->copy_value() == "value");
    CHECK(&EntryNode<std::string, Wide, false>::of(value->timer()) == value.get());
    CHECK(&EntryNode<Wide, Bytes, true>::of(key->timer()) == key.get());
    CHECK(value->metadata()->at("name") == "text");
    CHECK(value->key() == "key");
  }
}

TEST_CASE("a node knows when it was made", "[entry_node]") {
  const auto before = std::chrono::system_clock::now();
  const auto node = Text::make("key", "value");
  CHECK(node->created_at.get() >= before);
  CHECK(node->created_at.get() <= std::chrono::system_clock::now());
}

TEST_CASE("a key beyond 4 GiB is refused before anything is allocated or moved", "[entry_node]") {
  if constexpr (sizeof(std::size_t) > 4) {
    // Nobody reads a character of it.
    const char character = 'k';
    const std::string_view key(&character, std::size_t{std::numeric_limits<std::uint32_t>::max()} + 1);
    Bytes value("value");
    const std::string message = larder_tests::message_of<larder::InvalidArgumentError>([&] {
      TextNode::create({key, some_hash, 5, 5, false}, std::move(value), {});
    });
    CHECK(larder_tests::contains(message, "4294967296 bytes"));
    CHECK(value == "value");  // NOLINT(bugprone-use-after-move)
  }
}

TEST_CASE("a copy or a move that throws leaves nothing behind", "[entry_node]") {
  using larder_tests::Fuse;
  using larder_tests::ThrowingKey;
  using larder_tests::ThrowingValue;
  const int values = ThrowingValue::alive();
  const int keys = ThrowingKey::alive();
  int thrown = 0;
  for (int risk = 1; risk <= 2; ++risk) {
    const ThrowingKey key(1);
    ThrowingValue value(2);
    Fuse::light(risk);
    try {
      EntryNode<ThrowingKey, ThrowingValue, false>::create({key, some_hash, 10, 10, true}, std::move(value),
                                                           {{"name", "text"}});
    } catch (const larder_tests::Thrown&) {
      ++thrown;
    }
    Fuse::put_out();
  }
  CHECK(thrown == 2);
  CHECK(ThrowingValue::alive() == values);
  CHECK(ThrowingKey::alive() == keys);
}
