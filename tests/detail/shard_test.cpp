/// \file shard_test.cpp
/// The parts of a shard that a cache shows only in passing.
#include <larder/detail/shard.hpp>

#include <string>

#include <larder/detail/entry_node.hpp>
#include <larder/eviction/lru.hpp>
#include <larder/mutex.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/named_nodes.hpp"

using larder::RemovalCause;
using larder::detail::NodeHead;
using larder::detail::RemovedEntries;

namespace {

struct Nodes : larder_tests::NamedNodes {
  RemovedEntries removed;

  /// Names and causes in the order in which the nodes left. All of them are taken out.
  std::string pop_all() {
    std::string text;
    while (const NodeHead* node = removed.pop()) {
      if (!text.empty()) text += ", ";
      text.append(1, name_of(node)).append(" ").append(to_string(RemovedEntries::cause_of(*node)));
    }
    return text;
  }
};

using Node = larder::detail::EntryNode<std::string, larder::Bytes, false>;
using Shard = larder::detail::Shard<Node, larder::Lru, larder::NullMutex>;

Node* make_node(const char* key) {
  // Where it can see through the layout, g++ 12 warns of writes to tails that are not there (-Warray-bounds).
  const volatile bool expires = false;
  return Node::create({key, 7, 5, 5, expires}, "value", {}).release();
}

void retire_all(RemovedEntries& removed) {
  while (NodeHead* head = removed.pop()) Node::retire(static_cast<Node*>(head));
}

}  // namespace

TEST_CASE("nothing has left at first", "[shard]") {
  Nodes n;
  CHECK(n.removed.pop() == nullptr);
  CHECK(n.removed.pop() == nullptr);
}

TEST_CASE("entries are taken out in the order in which they left, each with its cause", "[shard]") {
  Nodes n;
  n.removed.push(n.b, RemovalCause::erased);
  n.removed.push(n.a, RemovalCause::expired);
  n.removed.push(n.c, RemovalCause::evicted);
  CHECK(n.pop_all() == "b erased, a expired, c evicted");
}

TEST_CASE("entries may leave while others are taken out", "[shard]") {
  Nodes n;
  n.removed.push(n.a, RemovalCause::erased);
  n.removed.push(n.b, RemovalCause::erased);
  CHECK(n.removed.pop() == &n.a);
  n.removed.push(n.c, RemovalCause::replaced);
  CHECK(n.removed.pop() == &n.b);
  CHECK(n.removed.pop() == &n.c);
  n.removed.push(n.d, RemovalCause::cleared);  // it was empty in between
  n.removed.push(n.a, RemovalCause::evicted);
  CHECK(n.pop_all() == "d cleared, a evicted");
}

TEST_CASE("a chain joins those that have left already, in its order", "[shard]") {
  Nodes n;
  n.removed.push(n.e, RemovalCause::expired);
  n.a.newer = &n.b;
  n.b.newer = &n.c;
  n.c.newer = nullptr;
  n.removed.push_all(&n.a, RemovalCause::cleared);
  n.removed.push(n.d, RemovalCause::erased);
  CHECK(n.pop_all() == "e expired, a cleared, b cleared, c cleared, d erased");
}

TEST_CASE("an empty chain adds nothing", "[shard]") {
  Nodes n;
  n.removed.push_all(nullptr, RemovalCause::cleared);
  CHECK(n.removed.pop() == nullptr);
}

TEST_CASE("a shard holds an entry until it leaves, and never one that only looks like it", "[shard]") {
  Shard shard;
  RemovedEntries removed;
  shard.set_limits({100, 100});
  Node* const first = make_node("key");
  Node* const second = make_node("key");
  shard.make_room_in_index();
  shard.store(*first, nullptr, 0, removed);
  CHECK(shard.holds(*first));
  CHECK_FALSE(shard.holds(*second));
  shard.store(*second, first, 0, removed);
  CHECK_FALSE(shard.holds(*first));
  CHECK(shard.holds(*second));
  shard.remove(*second, RemovalCause::erased, removed);
  CHECK_FALSE(shard.holds(*second));
  retire_all(removed);
}

TEST_CASE("no two shards' locks share a cache line", "[shard]") {
  STATIC_REQUIRE(alignof(Shard) >= 64);
  STATIC_REQUIRE(sizeof(Shard) % 64 == 0);
}
