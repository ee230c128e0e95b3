/// \file shard_test.cpp
/// The parts of a shard that a cache shows only in passing.
#include <larder/detail/shard.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <larder/detail/entry_node.hpp>
#include <larder/eviction/lru.hpp>
#include <larder/mutex.hpp>

#include "tests/support/catch.hpp"

using larder::RemovalCause;
using larder::detail::NodeHead;
using larder::detail::RemovedEntries;

namespace {

using Node = larder::detail::EntryNode<std::string, larder::Bytes, false>;

Node* make_node(std::string_view key, std::uint32_t hash, std::string_view value, bool expires) {
  // Where it can see through the layout, g++ 12 warns of writes to tails that are not there (-Warray-bounds).
  const volatile bool hidden = expires;
  return Node::create({key, hash, value.size(), value.size(), hidden}, value, {}).release();
}

void retire_all(RemovedEntries& removed) {
  while (NodeHead* head = removed.pop()) Node::retire(static_cast<Node*>(head));
}

/// A shard with room for so many entries.
template <class Mutex>
struct Filled {
  using Shard = larder::detail::Shard<Node, larder::Lru, Mutex>;

  explicit Filled(std::size_t entries = 1000) { shard.set_limits({100000, entries}); }
  ~Filled() {
    typename Shard::Index index;
    shard.release_all(index, removed);
    index.for_each([this](Node& node) { removed.push(node, RemovalCause::cleared); });
    retire_all(removed);
  }

  /// Stores an entry of its own hash. What has left is in `removed`.
  Node& add(std::uint32_t number, std::string_view value = "value", bool expires = false) {
    Node* node = make_node(std::to_string(number), number * 0x9e3779b1u, value, expires);
    if (expires) node->timer().deadline = number;
    shard.make_room();
    shard.store(*node, nullptr, 0, removed, shard.own_stripe());
    return *node;
  }

  std::size_t count_removed() const {
    std::size_t count = 0;
    removed.for_each([&count](const NodeHead&) { ++count; });
    return count;
  }

  Shard shard;
  RemovedEntries removed;
};

using Shared = Filled<larder::SpinMutex>;

}  // namespace

TEST_CASE("a shard that one thread uses lets removed entries go at once", "[shard]") {
  Filled<larder::NullMutex> f;
  Node& node = f.add(1);
  f.shard.remove(node, RemovalCause::erased, f.removed);
  f.shard.let_go(f.removed, false);
  CHECK(f.count_removed() == 1);
}

TEST_CASE("removed entries linger until there are some, and then leave one by one", "[shard]") {
  Shared f;
  std::size_t lingering = 0;
  const auto remove_one = [&f] {
    f.shard.remove(f.add(1), RemovalCause::erased, f.removed);
    f.shard.let_go(f.removed, false);
  };
  while (f.count_removed() == 0) {
    remove_one();
    ++lingering;
    REQUIRE(lingering < 100);
  }
  CHECK(lingering > 8);
  std::size_t most = 0;
  for (std::size_t removed = lingering; removed < 1000; ++removed) {
    const std::size_t before = f.count_removed();
    remove_one();
    most = std::max(most, f.count_removed() - before);
    REQUIRE(removed - f.count_removed() < 2 * lingering);
  }
  CHECK(most == 1);
}

TEST_CASE("removed entries that may linger go with those that may not", "[shard]") {
  Shared f;
  const std::string large(5000, 'v');
  for (int round = 1; round <= 100; ++round) {
    for (const bool is_large : {false, false, false, true}) {
      f.shard.remove(is_large ? f.add(1, large) : f.add(1), RemovalCause::erased, f.removed);
      f.shard.let_go(f.removed, false);
    }
  }
  CHECK(f.count_removed() > 400 - 64);
}

TEST_CASE("entries do not linger where somebody could tell", "[shard]") {
  Shared f;
  SECTION("a listener") {
    f.shard.remove(f.add(1), RemovalCause::erased, f.removed);
    f.shard.let_go(f.removed, true);
  }
  SECTION("a value that takes much memory") {
    f.shard.remove(f.add(1, std::string(5000, 'v')), RemovalCause::erased, f.removed);
    f.shard.let_go(f.removed, false);
  }
  CHECK(f.count_removed() == 1);
}

TEST_CASE("an entry that a reader may be looking at is let go once the reader has left", "[shard][threads]") {
  Shared f;
  Node& node = f.add(1);
  f.shard.remove(node, RemovalCause::erased, f.removed);
  std::atomic<bool> reads = false;
  std::atomic<bool> has_left = false;
  std::thread reader([&] {
    auto& stripe = f.shard.own_stripe();
    const std::lock_guard lock(stripe);
    reads = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    has_left = true;
  });
  while (!reads) std::this_thread::yield();
  f.shard.let_go(f.removed, true);
  CHECK(has_left);
  reader.join();
}

TEST_CASE("what a reader has noted is promoted before an entry is evicted, unless it has left", "[shard]") {
  Shared f(3);
  Node& first = f.add(1);
  Node& second = f.add(2);
  Node& third = f.add(3);
  auto& stripe = f.shard.own_stripe();
  {
    const std::lock_guard lock(stripe);
    stripe.count_hit(first);
    stripe.count_hit(second);
  }
  f.shard.remove(second, RemovalCause::erased, f.removed);
  f.add(4);
  f.add(5);  // evicts the third: the first was used after it
  CHECK(third.is_removed());
  CHECK_FALSE(first.is_removed());
}

TEST_CASE("a shard knows from when on something may be due", "[shard]") {
  Shared f;
  CHECK(f.shard.next_due() == larder::detail::TimerWheel::no_deadline);
  f.add(70, "value", true);
  f.add(50, "value", true);
  f.add(60, "value", true);
  CHECK(f.shard.next_due() == 50);
  f.shard.expire_all(55, f.removed);
  CHECK(f.count_removed() == 1);
  CHECK(f.shard.next_due() > 55);
  CHECK(f.shard.next_due() <= 60);
  f.shard.expire_all(1000, f.removed);
  CHECK(f.count_removed() == 3);
  CHECK(f.shard.next_due() == larder::detail::TimerWheel::no_deadline);
}

TEST_CASE("no two shards' locks share a cache line", "[shard]") {
  using Shard = Shared::Shard;
  STATIC_REQUIRE(alignof(Shard) >= 64);
  STATIC_REQUIRE(sizeof(Shard) % 64 == 0);
}
