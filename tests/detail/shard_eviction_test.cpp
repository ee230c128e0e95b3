/// \file shard_eviction_test.cpp
#include <larder/detail/shard_eviction.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include <larder/detail/node_head.hpp>
#include <larder/mutex.hpp>

#include "tests/support/catch.hpp"

namespace {

using larder::EvictionEntry;
using larder::EvictionId;
using larder::detail::ShardEviction;

struct Node : larder::detail::NodeHead {
  explicit Node(EvictionId number, std::size_t its_weight = 1) : weigh(its_weight) { id = number; }
  std::size_t weight() const noexcept { return weigh; }

  std::size_t weigh;
};

/// What the policies of these tests were told since the last time.
std::string& log() {
  static std::string text;
  return text;
}
std::string take_log() { return std::exchange(log(), {}); }
void tell(const char* what, EvictionId id) { log() += what + std::to_string(id) + ' '; }

struct Logged {
  void reserve(std::size_t) {}
  void insert(const EvictionEntry& entry) noexcept { tell("+", entry.id); }
  void erase(const EvictionEntry& entry) noexcept { tell("-", entry.id); }
  template <class Entries>
  EvictionId victim(const larder::EvictionNeed& need, const Entries&) noexcept {
    return need.spared;
  }
  void clear() noexcept { log() += "clear "; }
};
struct OneByOne : Logged {
  void touch(const EvictionEntry& entry) noexcept { tell("", entry.id); }
  void replace(const EvictionEntry& old, const EvictionEntry& fresh) noexcept {
    log() += std::to_string(old.weight) + '>' + std::to_string(fresh.weight) + ' ';
  }
  template <class Entries>
  bool admit(const EvictionEntry& entry, const Entries&) noexcept {
    tell("?", entry.id);
    return entry.weight < 10;
  }
};
struct Many : Logged {
  void touch(const EvictionEntry& entry) noexcept { tell("", entry.id); }
  void touch_all(std::span<const EvictionId> ids) noexcept {
    log() += '[';
    for (const EvictionId id : ids) tell("", id);
    log() += ']';
  }
  EvictionId after(EvictionId id) const noexcept { return id < 2 ? id + 1 : larder::no_entry; }
  void prefetch(EvictionId) const noexcept {}
};
struct Marking : Logged {
  static constexpr unsigned most_uses = 2;
};

template <class Policy>
struct Parts {
  using Eviction = ShardEviction<Node, Policy, larder::NullMutex>;

  void read(Node& node) {
    const std::lock_guard lock(own);
    Eviction::count_shared_hit(node, own);
  }

  Eviction eviction;
  typename Eviction::Stripe own;
  Node a{1};
  Node b{2};
};

}  // namespace

TEST_CASE("a policy is told one by one of what readers have noted, in their order", "[shard_eviction]") {
  Parts<OneByOne> p;
  p.read(p.b);
  p.read(p.a);
  CHECK(take_log().empty());
  p.eviction.settle(p.own);
  CHECK(take_log() == "2 1 ");
  p.eviction.settle(p.own);
  CHECK(take_log().empty());
  CHECK(p.own.hits() == 2);
}

TEST_CASE("a writer tells of its own reads first", "[shard_eviction]") {
  Parts<OneByOne> p;
  Node c(3);
  SECTION("before a new entry is asked for") {
    p.read(p.a);
    CHECK(p.eviction.admits(c, 0, p.own));
    CHECK(take_log() == "1 ?3 ");
  }
  SECTION("before a new entry") {
    p.read(p.a);
    p.eviction.insert(c, p.own);
    CHECK(take_log() == "1 +3 ");
  }
  SECTION("before a use") {
    p.read(p.a);
    p.eviction.use(p.b, p.own);
    CHECK(take_log() == "1 2 ");
  }
}

TEST_CASE("a policy that takes many is told of them at once", "[shard_eviction]") {
  Parts<Many> p;
  Node c(3);
  p.eviction.insert(p.a, p.own);
  p.eviction.use(p.a, p.own);
  CHECK(take_log() == "+1 1 ");  // at once, since nothing is noted
  p.read(p.b);
  p.eviction.use(p.a, p.own);
  p.eviction.insert(c, p.own);
  CHECK(take_log() == "+3 ");
  p.eviction.settle(p.own);
  CHECK(take_log() == "[2 1 3 ]");
}

TEST_CASE("a full stripe is worked off before a writer notes more", "[shard_eviction]") {
  Parts<Many> p;
  for (std::uint32_t i = 0; i < decltype(p.own)::most_pending; ++i) p.read(p.a);
  p.eviction.use(p.b, p.own);
  CHECK(take_log().starts_with("[1 1 "));
  p.eviction.settle(p.own);
  CHECK(take_log() == "[2 ]");
}

TEST_CASE("nobody is told of the use of an entry that has left since", "[shard_eviction]") {
  SECTION("one by one") {
    Parts<OneByOne> p;
    p.read(p.a);
    p.read(p.b);
    p.a.set_removal(larder::RemovalCause::erased);
    p.eviction.settle(p.own);
    CHECK(take_log() == "2 ");
  }
  SECTION("many at once") {
    Parts<Many> p;
    p.read(p.a);
    p.read(p.b);
    p.a.set_removal(larder::RemovalCause::erased);
    p.eviction.settle(p.own);
    CHECK(take_log() == "[2 ]");
  }
}

TEST_CASE("uses are marked in the entry, up to the most that the policy counts, and nobody is told",
          "[shard_eviction]") {
  Parts<Marking> p;
  p.read(p.a);
  CHECK(p.a.uses() == 1);
  p.eviction.use(p.a, p.own);
  p.read(p.a);
  CHECK(p.a.uses() == 2);
  CHECK(p.own.hits() == 2);
  CHECK(p.own.pending_count() == 0);
  CHECK(take_log().empty());
}

TEST_CASE("an entry in another node keeps its mark", "[shard_eviction]") {
  Parts<Marking> p;
  p.read(p.a);
  Node fresh(1);
  p.eviction.replace(p.a, fresh);
  CHECK(fresh.uses() == 1);
}

TEST_CASE("a policy that wants to know is told of another weight", "[shard_eviction]") {
  Parts<OneByOne> p;
  Node fresh(1, 5);
  p.eviction.replace(p.a, fresh);
  CHECK(take_log() == "1>5 ");
}

TEST_CASE("only a policy that may turn entries away is asked", "[shard_eviction]") {
  static_assert(Parts<OneByOne>::Eviction::may_turn_away);
  static_assert(!Parts<Many>::Eviction::may_turn_away && !Parts<Marking>::Eviction::may_turn_away);
  Parts<OneByOne> p;
  const Node heavy(3, 10);
  CHECK_FALSE(p.eviction.admits(heavy, 0, p.own));
  take_log();
}

TEST_CASE("who is likely to be next is told where the policy knows", "[shard_eviction]") {
  std::string steps;
  const auto note_step = [&steps](int step, EvictionId id) {
    steps += std::to_string(step) + ':' + std::to_string(id) + ' ';
  };
  Parts<Many>().eviction.for_each_after(1, note_step);
  CHECK(steps == "1:2 ");
  Parts<Marking>().eviction.for_each_after(1, note_step);
  CHECK(steps == "1:2 ");
}

TEST_CASE("the rest is passed on", "[shard_eviction]") {
  Parts<Marking> p;
  p.eviction.set_limits({1, 1});  // which this policy does not want to know
  p.eviction.reserve(5);
  p.eviction.insert(p.a, p.own);
  CHECK(p.eviction.victim({7, false, 1, 1}, 0) == 7);
  p.eviction.erase(p.a);
  p.eviction.clear();
  CHECK(take_log() == "+1 -1 clear ");
}
