/// \file hash_index_test.cpp
/// The random runs print their seed when they fail: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/detail/hash_index.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::detail::HashIndex;
using larder_tests::Random;

namespace {

struct Node {
  std::uint32_t hash;
  int name = 0;
};

using Index = HashIndex<Node>;

static_assert(!std::is_copy_constructible_v<Index> && !std::is_copy_assignable_v<Index>);

void add(Index& index, Node& node) {
  index.reserve_one();
  index.insert(node);
}

/// Both kinds of look-up must agree where nobody writes, and be certain.
bool holds(const Index& index, const Node& node) {
  const auto is_it = [&node](const Node& other) { return &other == &node; };
  const Node* found = index.find(node.hash, is_it);
  const auto [shared_found, certain] = index.find_shared(node.hash, is_it);
  if (shared_found != found || !certain) FAIL("find and find_shared do not agree");
  return found == &node;
}

/// What for_each calls on, sorted by address.
std::vector<const Node*> visited(const Index& index) {
  std::vector<const Node*> nodes;
  index.for_each([&nodes](const Node& node) { nodes.push_back(&node); });
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

/// The buckets of the first table that has at least so many: each has a quarter more than the one before, rounded up.
constexpr std::size_t table_of(std::size_t at_least) {
  std::size_t buckets = 1;
  while (buckets < at_least) buckets += (buckets + 3) / 4;
  return buckets;
}

constexpr std::size_t full_with(std::size_t buckets) { return buckets * 11 / 2; }

/// Nodes of all hashes, of which so many are in the index.
struct Filled {
  explicit Filled(std::size_t count, std::size_t capacity = 20000) {
    Random random(count);
    for (std::size_t i = 0; i < capacity; ++i) nodes.push_back({static_cast<std::uint32_t>(random.next()), 0});
    while (index.size() < count) add(index, nodes[index.size()]);
  }

  /// With one node more than `full` the index grows, and each from there on moves four buckets.
  static constexpr std::size_t buckets = table_of(1000);
  static constexpr std::size_t full = full_with(buckets);
  static constexpr std::size_t growing = full + 200;
  static constexpr std::size_t grown = full + (buckets + 3) / 4;

  std::deque<Node> nodes;
  Index index;
};

/// Nodes that were asked for their hash since the last time.
class TouchCount {
 public:
  /// A hash that notices when it is read.
  class Hash {
   public:
    Hash(std::uint32_t hash) : hash_(hash) {}  // NOLINT(google-explicit-constructor)
    operator std::uint32_t() const noexcept {  // NOLINT(google-explicit-constructor)
      if (seen_ != epoch) ++touched;
      seen_ = epoch;
      return hash_;
    }

   private:
    std::uint32_t hash_;
    mutable std::uint64_t seen_ = 0;
  };

  static std::size_t take() noexcept {
    ++epoch;
    return std::exchange(touched, 0);
  }

 private:
  static inline std::uint64_t epoch = 1;
  static inline std::size_t touched = 0;
};

struct WatchedNode {
  TouchCount::Hash hash;
};

/// How the hashes of a random run are chosen.
struct AllDifferent {
  static constexpr std::size_t most = 6000;
  static std::uint32_t hash(Random& random) { return static_cast<std::uint32_t>(random.next()); }
};
struct OneHash {
  static constexpr std::size_t most = 300;
  static std::uint32_t hash(Random&) { return 0x12345678; }
};
struct FewHashes {
  static constexpr std::size_t most = 500;
  static std::uint32_t hash(Random& random) { return static_cast<std::uint32_t>(random.below(20) * 0x10000001); }
};
struct OneBucket {
  static constexpr std::size_t most = 400;
  static std::uint32_t hash(Random& random) { return static_cast<std::uint32_t>(random.below(1 << 12) | 0x30000000); }
};
struct LastBuckets {  // whose overflow goes on at the first one
  static constexpr std::size_t most = 400;
  static std::uint32_t hash(Random& random) { return static_cast<std::uint32_t>(random.next() | 0xffff0000); }
};
struct OneTag {
  static constexpr std::size_t most = 3000;
  static std::uint32_t hash(Random& random) { return static_cast<std::uint32_t>(random.below(1 << 25) << 7 | 5); }
};

/// An index and a std::multimap that hold the same nodes.
template <class Hashes>
class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : seed_(seed), random_(seed) {}

  void run(std::size_t operations) {
    for (std::size_t step = 0; step < operations; ++step) {
      // Now the index grows, now it shrinks: what is erased and replaced while it grows is of all kinds.
      const bool growing = step / Hashes::most % 3 != 2;
      switch (random_.below(8)) {
        case 0:
        case 1:
        case 2: growing ? insert() : erase(); break;
        case 3: insert(); break;
        case 4: erase(); break;
        case 5: replace(); break;
        case 6: find_one(); break;
        case 7: find_none(); break;
      }
      expect(index_.size() == model_.size(), "size");
      if (random_.one_in(500)) compare_all();
      if (random_.one_in(1000)) index_.free_retired();
      if (random_.one_in(5000)) clear();
    }
    compare_all();
  }

 private:
  Node& new_node(std::uint32_t hash) {
    Node& node = free_.empty() ? nodes_.emplace_back() : *free_.back();
    if (!free_.empty()) free_.pop_back();
    node = {hash, 0};
    return node;
  }

  void insert() {
    if (model_.size() >= Hashes::most) return erase();
    Node& node = new_node(Hashes::hash(random_));
    add(index_, node);
    model_.emplace(node.hash, &node);
  }

  auto any() {
    auto position = model_.lower_bound(Hashes::hash(random_));
    if (position == model_.end()) position = model_.begin();
    for (std::size_t skipped = random_.below(5); skipped > 0 && std::next(position) != model_.end(); --skipped) {
      ++position;
    }
    return position;
  }

  void erase() {
    if (model_.empty()) return;
    const auto position = any();
    index_.erase(*position->second);
    expect(!holds(index_, *position->second), "an erased node is gone");
    free_.push_back(position->second);
    model_.erase(position);
  }

  void replace() {
    if (model_.empty()) return;
    const auto position = any();
    Node& fresh = new_node(position->first);
    index_.replace(*position->second, fresh);
    expect(!holds(index_, *position->second) && holds(index_, fresh), "a node and its replacement");
    free_.push_back(std::exchange(position->second, &fresh));
  }

  void find_one() {
    if (!model_.empty()) expect(holds(index_, *any()->second), "a node that is there");
  }

  /// Asks for a hash and matches nothing: each node with that hash is shown.
  void find_none() {
    const std::uint32_t hash = Hashes::hash(random_);
    std::vector<const Node*> shown;
    const auto matches_none = [&shown, hash](const Node& node) {
      if (node.hash == hash) shown.push_back(&node);
      return false;
    };
    if (random_.one_in(2)) {
      expect(index_.find(hash, matches_none) == nullptr, "no node matches");
    } else {
      const auto [found, certain] = index_.find_shared(hash, matches_none);
      expect(found == nullptr && certain, "certainly no node matches");
    }
    std::vector<const Node*> expected;
    for (auto [position, end] = model_.equal_range(hash); position != end; ++position) {
      expected.push_back(position->second);
    }
    std::sort(shown.begin(), shown.end());
    shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
    std::sort(expected.begin(), expected.end());
    expect(shown == expected, "the nodes of one hash");
  }

  void compare_all() {
    std::vector<const Node*> expected;
    for (const auto& [hash, node] : model_) {
      expect(holds(index_, *node), "every node is found");
      expected.push_back(node);
    }
    std::sort(expected.begin(), expected.end());
    expect(visited(index_) == expected, "for_each");
  }

  void clear() {
    index_.clear();
    for (const auto& [hash, node] : model_) free_.push_back(node);
    model_.clear();
  }

  void expect(bool as_it_should_be, const char* what) const {
    if (!as_it_should_be) FAIL("LARDER_SEED=" << seed_ << ", with " << model_.size() << " nodes: " << what);
  }

  std::uint64_t seed_;
  Random random_;
  Index index_;
  std::multimap<std::uint32_t, Node*> model_;
  std::deque<Node> nodes_;
  std::vector<Node*> free_;
};

/// An index that one thread writes, as fast as it can, while others look for keys and keep account of what they see.
/// Each key's nodes have versions, of which one at most is in the index at a time.
class SharedRun {
 public:
  struct Node {
    std::uint32_t hash;
    std::size_t key;
    std::uint64_t version;
  };

  /// \pre Keys come first that are always there, then those that come and go, then those that never come.
  SharedRun(std::size_t always, std::size_t sometimes, std::size_t never) : keys_(always + sometimes + never) {
    Random random(7);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      // Some keys share a hash with others.
      keys_[i].hash =
          static_cast<std::uint32_t>(i % 4 == 0 ? random.below(keys_.size() / 8 + 1) * 0x9e3779b1u : random.next());
    }
    for (std::size_t key = 0; key < always; ++key) insert(key);
  }

  void insert(std::size_t key) {
    Key& it = keys_[key];
    it.node = &new_node(key);
    index_.reserve_one();
    index_.insert(*it.node);
    it.present.store(it.node->version);
  }

  void erase(std::size_t key) {
    Key& it = keys_[key];
    it.leaving.store(it.node->version);
    index_.erase(*it.node);
    leave(*std::exchange(it.node, nullptr));
  }

  void replace(std::size_t key) {
    Key& it = keys_[key];
    Node& fresh = new_node(key);
    index_.replace(*it.node, fresh);
    leave(*std::exchange(it.node, &fresh));
    it.present.store(fresh.version);
  }

  bool contains(std::size_t key) const { return keys_[key].node != nullptr; }

  /// As a reader. Result: whether what the index says is so of any moment during the call.
  bool look_up(std::size_t key) {
    const Key& it = keys_[key];
    const std::uint64_t gone = it.gone.load();
    const std::uint64_t present = it.present.load();
    index_.prefetch_bucket(it.hash);
    index_.prefetch_node(it.hash);
    const auto [node, certain] = index_.find_shared(it.hash, [key](const Node& other) { return other.key == key; });
    if (node != nullptr) {
      hits_.fetch_add(1, std::memory_order_relaxed);
      return certain && node->version > gone && node->version <= it.coming.load();
    }
    return !certain || it.leaving.load() >= present;
  }

  /// Runs `write(random)` again and again while `readers` threads look up any keys.
  template <class Write>
  void run(std::size_t readers, std::size_t writes, Write&& write) {
    std::atomic<bool> finished{false};
    std::atomic<std::size_t> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < readers; ++i) {
      threads.emplace_back([this, i, &finished, &wrong] {
        Random random(100 + i);
        for (std::size_t looks = 0; looks < 1000 || !finished.load(); ++looks) {
          if (!look_up(random.below(keys_.size()))) ++wrong;
        }
      });
    }
    Random random(8);
    for (std::size_t i = 0; i < writes; ++i) write(random);
    finished = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(hits_ > 0);
  }

  HashIndex<Node>& index() { return index_; }
  const Node* node(std::size_t key) const { return keys_[key].node; }

 private:
  /// Versions begin with 1. To a look-up, one that was present when it began, and was not leaving when it ended, has
  /// been there all the time, or has been replaced; one that was gone before it began cannot be seen, nor one that was
  /// not coming before it ended.
  struct Key {
    std::uint32_t hash = 0;
    Node* node = nullptr;
    std::atomic<std::uint64_t> coming{0};
    std::atomic<std::uint64_t> present{0};
    std::atomic<std::uint64_t> leaving{0};
    std::atomic<std::uint64_t> gone{0};
  };

  Node& new_node(std::size_t key) {
    const std::uint64_t version = keys_[key].coming.load() + 1;
    Node& node = nodes_.emplace_back(Node{keys_[key].hash, key, version});
    keys_[key].coming.store(version);
    return node;
  }

  /// The owner of a node that is out may use the bytes of its hash at once.
  void leave(Node& node) {
    node.hash = 0xdeadbeef;
    keys_[node.key].gone.store(node.version);
  }

  std::vector<Key> keys_;
  std::deque<Node> nodes_;
  HashIndex<Node> index_;
  std::atomic<std::size_t> hits_{0};
};

}  // namespace

TEST_CASE("an empty index finds nothing, visits nothing, and prefetches harmlessly", "[hash_index]") {
  Index index;
  CHECK(index.size() == 0);
  CHECK(index.find(1, [](const Node&) { return true; }) == nullptr);
  CHECK(index.find_shared(1, [](const Node&) { return true; }).node == nullptr);
  CHECK(index.find_shared(1, [](const Node&) { return true; }).certain);
  CHECK(visited(index).empty());
  CHECK_FALSE(index.has_retired());
  index.prefetch_bucket(1);
  index.prefetch_node(1);
  index.free_retired();
  index.clear();
  CHECK(index.size() == 0);
}

TEST_CASE("a node is found by its hash and the predicate", "[hash_index]") {
  Index index;
  Node first{7, 1};
  Node second{7, 2};
  Node other{8, 1};
  add(index, first);
  add(index, second);
  add(index, other);
  CHECK(index.find(7, [](const Node& node) { return node.name == 1; }) == &first);
  CHECK(index.find(7, [](const Node& node) { return node.name == 2; }) == &second);
  CHECK(index.find(7, [](const Node& node) { return node.name == 3; }) == nullptr);
  CHECK(index.find(9, [](const Node&) { return true; }) == nullptr);
}

TEST_CASE("the predicate sees only nodes whose tag agrees", "[hash_index]") {
  Index index;
  Node same_tag{0x80000003u};
  Node other_tag{0x80000014u};
  Node wanted{3};
  for (Node* node : {&same_tag, &other_tag, &wanted}) add(index, *node);
  std::vector<const Node*> shown;
  index.find(3, [&shown](const Node& node) {
    shown.push_back(&node);
    return false;
  });
  // The first one is asked about twice where it is not the one.
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  CHECK(shown == std::vector<const Node*>{&same_tag, &wanted});
}

TEST_CASE("hashes of any bits are found, zero and all ones among them", "[hash_index]") {
  Index index;
  std::deque<Node> nodes = {{0}, {0xffffffffu}, {0x80000000u}, {0x7fffffffu}, {0x01ffffffu}, {0xfe000000u}};
  for (Node& node : nodes) add(index, node);
  for (const Node& node : nodes) CHECK(holds(index, node));
}

TEST_CASE("every node is found throughout the growth of the index", "[hash_index]") {
  Filled f(0, 1500);
  for (std::size_t count = 0; count < f.nodes.size(); ++count) {
    add(f.index, f.nodes[count]);
    REQUIRE(f.index.size() == count + 1);
    for (std::size_t i = 0; i <= count; ++i) {
      if (!holds(f.index, f.nodes[i])) FAIL("node " << i << " of " << count + 1 << " is lost");
    }
  }
}

TEST_CASE("no insertion touches more than a few nodes, however many there are", "[hash_index]") {
  std::deque<WatchedNode> nodes;
  HashIndex<WatchedNode> index;
  Random random(3);
  std::size_t most = 0;
  for (std::size_t i = 0; i < larder_tests::scaled(50000); ++i) {
    WatchedNode& node = nodes.emplace_back(WatchedNode{static_cast<std::uint32_t>(random.next())});
    TouchCount::take();
    index.reserve_one();
    index.insert(node);
    most = std::max(most, TouchCount::take());
  }
  CHECK(most > 2);   // the new one and, while the index grows, some of the old ones
  CHECK(most <= 1 + 4 * 7);  // and those of four buckets
}

TEST_CASE("look-ups ask no node for its hash", "[hash_index]") {
  std::deque<WatchedNode> nodes;
  HashIndex<WatchedNode> index;
  Random random(4);
  for (std::size_t i = 0; i < Filled::growing; ++i) {
    index.reserve_one();
    index.insert(nodes.emplace_back(WatchedNode{static_cast<std::uint32_t>(random.next())}));
  }
  const std::uint32_t hash = nodes.front().hash;
  TouchCount::take();
  for (const bool matching : {false, true}) {
    const auto matches = [matching](const WatchedNode&) { return matching; };
    CHECK((index.find(hash, matches) != nullptr) == matching);
    CHECK((index.find_shared(hash, matches).node != nullptr) == matching);
    index.prefetch_node(hash);
  }
  CHECK(TouchCount::take() == 0);
}

TEST_CASE("a table that has been outgrown waits to be freed", "[hash_index]") {
  Filled f(Filled::full);
  f.index.free_retired();
  CHECK_FALSE(f.index.has_retired());
  while (f.index.size() < Filled::grown - 1) add(f.index, f.nodes[f.index.size()]);
  CHECK_FALSE(f.index.has_retired());  // it still has a bucket to move
  add(f.index, f.nodes[f.index.size()]);
  CHECK(f.index.has_retired());
  f.index.free_retired();
  CHECK_FALSE(f.index.has_retired());
  for (std::size_t i = 0; i < f.nodes.size(); ++i) {
    if (holds(f.index, f.nodes[i]) != (i < Filled::grown)) FAIL("node " << i);
  }
}

TEST_CASE("any number of outgrown tables can wait", "[hash_index]") {
  Filled f(Filled::grown);
  Index other;
  other.swap(f.index);
  CHECK_FALSE(f.index.has_retired());
  CHECK(other.has_retired());
  other.free_retired();
  CHECK_FALSE(other.has_retired());
  CHECK(visited(other).size() == Filled::grown);
}

TEST_CASE("growth goes on while entries come and go", "[hash_index]") {
  Filled f(Filled::full + 1);
  f.index.free_retired();
  for (std::size_t i = 0; i < Filled::buckets; ++i) {
    f.index.erase(f.nodes[i]);
    add(f.index, f.nodes[i]);
  }
  CHECK(f.index.has_retired());
  CHECK(visited(f.index).size() == Filled::full + 1);
}

TEST_CASE("nodes stay found while the memory of a large table is given back piece by piece", "[hash_index]") {
  // From 65,536 buckets or more, at least four megabytes, of which half go, in eight pieces or more.
  constexpr std::size_t buckets = table_of(65536);
  constexpr std::size_t full = full_with(buckets);
  constexpr std::size_t moved = full + buckets / 8;
  Filled f(full, moved + 10);
  std::size_t wrong = 0;
  while (f.index.size() < moved) {
    add(f.index, f.nodes[f.index.size()]);
    if (f.index.size() % 2048 != 0) continue;
    for (std::size_t i = 0; i < f.nodes.size(); ++i)
      wrong += holds(f.index, f.nodes[i]) == (i < f.index.size()) ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(visited(f.index).size() == moved);
}

TEST_CASE("nodes can be erased while the index grows", "[hash_index]") {
  Filled f(Filled::growing);
  for (std::size_t i = 0; i < Filled::growing; i += 2) f.index.erase(f.nodes[i]);
  CHECK(f.index.size() == Filled::growing / 2);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < Filled::growing; ++i) wrong += holds(f.index, f.nodes[i]) == (i % 2 == 0) ? 1 : 0;
  CHECK(wrong == 0);
}

TEST_CASE("erased nodes stay away when the growth goes on", "[hash_index]") {
  Filled f(Filled::growing);
  for (std::size_t i = 0; i < Filled::growing; i += 2) f.index.erase(f.nodes[i]);
  for (std::size_t i = Filled::growing; i < f.nodes.size(); ++i) add(f.index, f.nodes[i]);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < f.nodes.size(); ++i) {
    wrong += holds(f.index, f.nodes[i]) == (i < Filled::growing && i % 2 == 0) ? 1 : 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("nodes can be replaced while the index grows", "[hash_index]") {
  Filled f(Filled::growing);
  std::deque<Node> replacements;
  for (std::size_t i = 0; i < Filled::growing; ++i) {
    replacements.push_back({f.nodes[i].hash, 1});
    f.index.replace(f.nodes[i], replacements.back());
  }
  CHECK(f.index.size() == Filled::growing);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < Filled::growing; ++i) {
    wrong += holds(f.index, f.nodes[i]) || !holds(f.index, replacements[i]) ? 1 : 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("for_each visits each node once, also while the index grows", "[hash_index]") {
  const std::size_t count =
      GENERATE(1u, 5u, 6u, 7u, 100u, Filled::full, Filled::full + 1, Filled::growing, Filled::grown - 1, Filled::grown);
  CAPTURE(count);
  Filled f(count);
  std::vector<const Node*> expected;
  for (std::size_t i = 0; i < count; ++i) expected.push_back(&f.nodes[i]);
  std::sort(expected.begin(), expected.end());
  CHECK(visited(f.index) == expected);
}

TEST_CASE("a cleared index is empty and can be filled again", "[hash_index]") {
  const std::size_t count = GENERATE(1u, 100u, Filled::growing);
  CAPTURE(count);
  Filled f(count);
  f.index.clear();
  CHECK(f.index.size() == 0);
  CHECK(visited(f.index).empty());
  CHECK_FALSE(holds(f.index, f.nodes[0]));
  for (std::size_t i = 0; i < count; ++i) add(f.index, f.nodes[i]);
  CHECK(visited(f.index).size() == count);
}

TEST_CASE("swap exchanges the contents of two indices, also while one grows", "[hash_index]") {
  Filled growing(Filled::growing);
  Filled small(10);
  growing.index.swap(small.index);
  CHECK(growing.index.size() == 10);
  CHECK(small.index.size() == Filled::growing);
  CHECK(holds(growing.index, small.nodes[9]));
  CHECK(visited(growing.index).size() == 10);
  CHECK(visited(small.index).size() == Filled::growing);
  for (std::size_t i = Filled::growing; i < growing.nodes.size(); ++i) add(small.index, growing.nodes[i]);
  std::size_t lost = 0;
  for (const Node& node : growing.nodes) lost += holds(small.index, node) ? 0 : 1;
  CHECK(lost == 0);
}

TEST_CASE("swap of two indices that grow lets either go on where it was", "[hash_index]") {
  Filled ahead(Filled::full + 400);
  Filled behind(Filled::full + 10);
  ahead.index.swap(behind.index);
  for (std::size_t i = Filled::full + 400; i < ahead.nodes.size(); ++i) add(behind.index, ahead.nodes[i]);
  for (std::size_t i = Filled::full + 10; i < behind.nodes.size(); ++i) add(ahead.index, behind.nodes[i]);
  std::size_t lost = 0;
  for (const Node& node : ahead.nodes) lost += holds(behind.index, node) ? 0 : 1;
  for (const Node& node : behind.nodes) lost += holds(ahead.index, node) ? 0 : 1;
  CHECK(lost == 0);
}

TEST_CASE("swap with an empty index empties the other", "[hash_index]") {
  Filled f(Filled::growing);
  Index other;
  other.swap(f.index);
  CHECK(f.index.size() == 0);
  CHECK(visited(f.index).empty());
  CHECK(visited(other).size() == Filled::growing);
}

TEST_CASE("a predicate that throws changes nothing", "[hash_index]") {
  struct Thrown {};
  const std::size_t count = GENERATE(100u, Filled::growing);
  CAPTURE(count);
  Filled f(count);
  const auto before = visited(f.index);
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE_THROWS_AS(f.index.find(f.nodes[i].hash, [](const Node&) -> bool { throw Thrown(); }), Thrown);
  }
  CHECK(f.index.size() == count);
  CHECK(visited(f.index) == before);
}

TEST_CASE("prefetching finds its way in any state", "[hash_index]") {
  const std::size_t count = GENERATE(1u, 100u, Filled::growing);
  Filled f(count);
  for (const Node& node : f.nodes) {
    f.index.prefetch_bucket(node.hash);
    f.index.prefetch_node(node.hash);
  }
  CHECK(visited(f.index).size() == count);
}

TEST_CASE("a node can pass by a full bucket and leave any number of times", "[hash_index]") {
  std::deque<Node> nodes;
  Index index;
  for (int i = 0; i < 10; ++i) add(index, nodes.emplace_back(Node{5}));
  Node guest{5};
  for (int i = 0; i < 1000; ++i) {
    add(index, guest);
    REQUIRE(holds(index, guest));
    index.erase(guest);
    REQUIRE_FALSE(holds(index, guest));
  }
  for (const Node& node : nodes) CHECK(holds(index, node));
}

TEST_CASE("nodes are found after more of them have passed by a bucket than it can count", "[hash_index]") {
  std::deque<Node> nodes;
  Index index;
  for (int i = 0; i < 600; ++i) add(index, nodes.emplace_back(Node{5}));
  while (!nodes.empty()) {
    REQUIRE(holds(index, nodes.back()));
    index.erase(nodes.front());
    nodes.pop_front();
  }
  CHECK(index.size() == 0);
}

TEMPLATE_TEST_CASE("random operations do what a multimap would do", "[hash_index]", AllDifferent, OneHash, FewHashes,
                   OneBucket, LastBuckets, OneTag) {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  const std::size_t seeds = given == 0 ? 3 : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    ModelRun<TestType> run(given == 0 ? seed : given);
    run.run(larder_tests::scaled(20000));
  }
}

TEST_CASE("readers see an entry from when it has come until it goes", "[hash_index][threads]") {
  // Few keys, so that slots are soon used again.
  SharedRun shared(20, 60, 20);
  shared.run(2, larder_tests::scaled(2000000), [&shared](Random& random) {
    if (random.one_in(2)) return shared.replace(random.below(20));
    const std::size_t key = 20 + random.below(60);
    if (!shared.contains(key)) return shared.insert(key);
    random.one_in(3) ? shared.replace(key) : shared.erase(key);
  });
}

TEST_CASE("readers miss nothing while the index grows", "[hash_index][threads]") {
  const std::size_t most = larder_tests::scaled(200000);
  SharedRun shared(most / 20, most, most / 20);
  std::size_t next = most / 20;
  shared.run(2, most, [&](Random& random) {
    shared.insert(next);
    ++next;
    shared.replace(random.below(most / 20));
    // Erased while the index grows, too; but it must go on to grow.
    const std::size_t key = most / 20 + random.below(2 * most);
    if (key < next && shared.contains(key)) shared.erase(key);
  });
}

TEST_CASE("an index can be taken away from its readers", "[hash_index][threads]") {
  SharedRun shared(500, 0, 0);
  HashIndex<SharedRun::Node> taken;
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  std::atomic<int> reading{0};
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const SharedRun::Node* node = shared.node(i);
      const std::uint32_t hash = node->hash;
      const auto look = [&] {
        return shared.index().find_shared(hash, [node](const auto& other) { return &other == node; });
      };
      ++reading;
      while (true) {
        const auto [found, certain] = look();
        if (found == nullptr && certain) break;
        if (found != nullptr && found != node) ++wrong;
      }
      for (int again = 0; again < 1000; ++again) {
        if (look().node != nullptr) ++wrong;  // it has gone for good
      }
    });
  }
  while (reading < 2) std::this_thread::yield();
  shared.index().swap(taken);
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(taken.size() == 500);
  CHECK(shared.index().size() == 0);
}
