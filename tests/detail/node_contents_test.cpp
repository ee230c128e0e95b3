/// \file node_contents_test.cpp
#include <larder/detail/node_contents.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include <larder/detail/entry_node.hpp>
#include <larder/detail/timeline.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"

using larder::Bytes;
using larder::Metadata;
using larder::testing::ManualClock;
using namespace std::chrono_literals;

namespace {

using Node = larder::detail::EntryNode<std::string, Bytes, false>;
using Timeline = larder::detail::Timeline<ManualClock>;

/// What found a node, so long after the beginning.
struct Access {
  std::chrono::nanoseconds since;

  std::chrono::nanoseconds elapsed() const { return since; }
};

Node::Owner make_node(bool expires, Metadata metadata = {}) {
  // Where it can see through the layout, g++ 12 warns of writes to tails that are not there (-Warray-bounds).
  const volatile bool hidden = expires;
  auto node = Node::create({"key", 7, 5, 5, hidden}, "value", std::move(metadata));
  if (expires) node->timer().deadline = 1000;
  return node;
}

}  // namespace

TEST_CASE("a node without metadata is shown with empty ones", "[node_contents]") {
  CHECK(larder::detail::metadata_of<Bytes>(*make_node(false)).empty());
  const auto node = make_node(false, {{"name", "text"}});
  CHECK(larder::detail::metadata_of<Bytes>(*node) == Metadata{{"name", "text"}});
}

TEST_CASE("the time left is that from the access on, rounded down, and none for what never expires",
          "[node_contents]") {
  const auto node = make_node(true);
  CHECK(larder::detail::ttl_of<Timeline>(*node, Access{0ms}) == 1000ms);
  CHECK(larder::detail::ttl_of<Timeline>(*node, Access{400ms + 1ns}) == 599ms);
  CHECK(larder::detail::ttl_of<Timeline>(*node, Access{2s}) == 0ms);
  CHECK_FALSE(larder::detail::ttl_of<Timeline>(*make_node(false), Access{0ms}));
}

TEST_CASE("an entry is a copy of all that its node has", "[node_contents]") {
  const ManualClock clock;
  const Timeline timeline(clock);
  const auto node = make_node(true, {{"name", "text"}});
  const auto entry = larder::detail::entry_of<std::string, Bytes>(*node, timeline);
  CHECK(entry.key == "key");
  CHECK(entry.value == Bytes("value"));
  CHECK(entry.size_bytes == 5);
  CHECK(entry.metadata == Metadata{{"name", "text"}});
  CHECK(entry.created_at == node->created_at.get());
  REQUIRE(entry.expires_at);
  const auto left = *entry.expires_at - std::chrono::system_clock::now();
  CHECK(left <= 1000ms);
  CHECK(left > 0ms);
  const auto lasting = make_node(false);
  CHECK_FALSE((larder::detail::entry_of<std::string, Bytes>(*lasting, timeline).expires_at));
}
