/// \file lru_test.cpp
#include <larder/eviction/lru.hpp>

#include <string>
#include <type_traits>

#include "tests/support/catch.hpp"
#include "tests/support/named_nodes.hpp"

using larder::Lru;
using larder::detail::NodeHead;

// The ring leads through the object itself.
static_assert(!std::is_copy_constructible_v<Lru> && !std::is_copy_assignable_v<Lru>);

namespace {

struct Nodes : larder_tests::NamedNodes {
  Lru lru;

  char victim(const NodeHead* spared = nullptr) { return name_of(lru.victim(spared)); }

  /// The names in the order in which they would be evicted. All of them leave.
  std::string evict_all() {
    std::string order;
    while (NodeHead* node = lru.victim(nullptr)) {
      order.push_back(name_of(node));
      lru.erase(*node);
    }
    return order;
  }

  void insert_abc() {
    lru.insert(a);
    lru.insert(b);
    lru.insert(c);
  }
};

}  // namespace

TEST_CASE("an empty Lru has no victim", "[lru]") {
  Nodes n;
  CHECK(n.victim() == '-');
  CHECK(n.victim(&n.a) == '-');
}

TEST_CASE("the entry that came first is the first victim", "[lru]") {
  Nodes n;
  n.insert_abc();
  CHECK(n.victim() == 'a');
  CHECK(n.evict_all() == "abc");
}

TEST_CASE("asking for the victim removes nothing", "[lru]") {
  Nodes n;
  n.insert_abc();
  CHECK(n.victim() == 'a');
  CHECK(n.victim() == 'a');
  CHECK(n.evict_all() == "abc");
}

TEST_CASE("a touched entry becomes the newest, wherever it was", "[lru]") {
  Nodes n;
  n.insert_abc();
  SECTION("the oldest") {
    n.lru.touch(n.a);
    CHECK(n.evict_all() == "bca");
  }
  SECTION("one in between") {
    n.lru.touch(n.b);
    CHECK(n.evict_all() == "acb");
  }
  SECTION("the newest") {
    n.lru.touch(n.c);
    CHECK(n.evict_all() == "abc");
  }
  SECTION("each in turn") {
    n.lru.touch(n.b);
    n.lru.touch(n.a);
    n.lru.touch(n.b);
    CHECK(n.evict_all() == "cab");
  }
}

TEST_CASE("touching the only entry leaves it there", "[lru]") {
  Nodes n;
  n.lru.insert(n.a);
  n.lru.touch(n.a);
  CHECK(n.evict_all() == "a");
}

TEST_CASE("a replacement is the newest, and the replaced entry is gone", "[lru]") {
  Nodes n;
  n.insert_abc();
  SECTION("of the oldest") {
    n.lru.replace(n.a, n.d);
    CHECK(n.evict_all() == "bcd");
  }
  SECTION("of one in between") {
    n.lru.replace(n.b, n.d);
    CHECK(n.evict_all() == "acd");
  }
  SECTION("of the newest") {
    n.lru.replace(n.c, n.d);
    CHECK(n.evict_all() == "abd");
  }
}

TEST_CASE("the only entry can be replaced", "[lru]") {
  Nodes n;
  n.lru.insert(n.a);
  n.lru.replace(n.a, n.b);
  CHECK(n.evict_all() == "b");
}

TEST_CASE("an erased entry is gone, and the others keep their order", "[lru]") {
  Nodes n;
  n.insert_abc();
  SECTION("the oldest") {
    n.lru.erase(n.a);
    CHECK(n.evict_all() == "bc");
  }
  SECTION("one in between") {
    n.lru.erase(n.b);
    CHECK(n.evict_all() == "ac");
  }
  SECTION("the newest") {
    n.lru.erase(n.c);
    CHECK(n.evict_all() == "ab");
  }
}

TEST_CASE("an erased entry can come again", "[lru]") {
  Nodes n;
  n.insert_abc();
  n.lru.erase(n.a);
  n.lru.insert(n.a);
  CHECK(n.evict_all() == "bca");
}

TEST_CASE("the spared entry is never the victim", "[lru]") {
  Nodes n;
  n.insert_abc();
  CHECK(n.victim(&n.a) == 'b');
  CHECK(n.victim(&n.b) == 'a');
  CHECK(n.victim(&n.d) == 'a');
}

TEST_CASE("there is no victim where the spared entry is the only one", "[lru]") {
  Nodes n;
  n.lru.insert(n.a);
  CHECK(n.victim(&n.a) == '-');
  CHECK(n.victim() == 'a');
}

TEST_CASE("release_all hands out a chain from the oldest to the newest, and forgets it", "[lru]") {
  Nodes n;
  n.insert_abc();
  n.lru.touch(n.a);
  NodeHead* const chain = n.lru.release_all();
  CHECK(n.victim() == '-');
  n.lru.insert(n.d);  // the chain must not notice
  n.lru.insert(n.e);
  std::string order;
  for (const NodeHead* node = chain; node != nullptr; node = node->newer) order.push_back(n.name_of(node));
  CHECK(order == "bca");
  CHECK(n.evict_all() == "de");
}

TEST_CASE("release_all of an empty Lru is an empty chain", "[lru]") {
  Nodes n;
  CHECK(n.lru.release_all() == nullptr);
  n.lru.insert(n.a);
  CHECK(n.evict_all() == "a");
}
