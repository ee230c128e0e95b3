/// \file removed_entries_test.cpp
#include <larder/detail/removed_entries.hpp>

#include <string>

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
      text.append(1, name_of(node)).append(" ").append(to_string(node->removal_cause()));
    }
    return text;
  }
};

}  // namespace

TEST_CASE("nothing has left at first", "[removed_entries]") {
  Nodes n;
  CHECK(n.removed.empty());
  CHECK(n.removed.pop() == nullptr);
  CHECK(n.removed.pop() == nullptr);
}

TEST_CASE("entries are taken out in the order in which they left, each with its cause", "[removed_entries]") {
  Nodes n;
  n.removed.push(n.b, RemovalCause::erased);
  n.removed.push(n.a, RemovalCause::expired);
  n.removed.push(n.c, RemovalCause::evicted);
  CHECK_FALSE(n.removed.empty());
  CHECK(n.pop_all() == "b erased, a expired, c evicted");
  CHECK(n.removed.empty());
}

TEST_CASE("entries may leave while others are taken out", "[removed_entries]") {
  Nodes n;
  n.removed.push(n.a, RemovalCause::erased);
  n.removed.push(n.b, RemovalCause::erased);
  CHECK(n.removed.pop() == &n.a);
  n.removed.push(n.c, RemovalCause::replaced);
  CHECK(n.removed.pop() == &n.b);
  CHECK(n.removed.pop() == &n.c);
  n.removed.push(n.d, RemovalCause::cleared);  // it was empty in between
  n.removed.push(n.e, RemovalCause::evicted);
  CHECK(n.pop_all() == "d cleared, e evicted");
}

TEST_CASE("those of another list come behind one's own, and leave it empty", "[removed_entries]") {
  Nodes n;
  RemovedEntries other;
  n.removed.push(n.e, RemovalCause::expired);
  other.push(n.a, RemovalCause::evicted);
  other.push(n.b, RemovalCause::erased);
  n.removed.take(other);
  CHECK(other.empty());
  n.removed.push(n.d, RemovalCause::erased);
  CHECK(n.pop_all() == "e expired, a evicted, b erased, d erased");

  SECTION("also into an empty one") {
    other.push(n.c, RemovalCause::cleared);
    n.removed.take(other);
    CHECK(n.pop_all() == "c cleared");
  }
  SECTION("an empty one adds nothing") {
    n.removed.take(other);
    CHECK(n.removed.empty());
  }
}

TEST_CASE("the first of another list can come alone", "[removed_entries]") {
  Nodes n;
  RemovedEntries other;
  other.push(n.a, RemovalCause::evicted);
  other.push(n.b, RemovalCause::erased);
  n.removed.push(n.e, RemovalCause::expired);
  n.removed.take_first(other);
  CHECK(n.pop_all() == "e expired, a evicted");
  n.removed.take_first(other);
  CHECK(other.empty());
  n.removed.take_first(other);  // there is none
  CHECK(n.pop_all() == "b erased");
}

TEST_CASE("for_each sees them in the order in which they left, and takes none out", "[removed_entries]") {
  Nodes n;
  n.removed.push(n.c, RemovalCause::erased);
  n.removed.push(n.a, RemovalCause::erased);
  std::string names;
  n.removed.for_each([&](const NodeHead& node) { names.push_back(n.name_of(&node)); });
  CHECK(names == "ca");
  CHECK(n.pop_all() == "c erased, a erased");
}

TEST_CASE("a node knows whether it was removed", "[removed_entries]") {
  Nodes n;
  CHECK_FALSE(n.a.is_removed());
  n.removed.push(n.a, RemovalCause::erased);
  CHECK(n.a.is_removed());
}

TEST_CASE("a superseded node is removed for a cause of nobody's", "[removed_entries]") {
  Nodes n;
  n.removed.push_superseded(n.a);
  n.removed.push(n.b, RemovalCause::erased);
  CHECK(n.a.is_removed());
  CHECK(n.a.is_superseded());
  CHECK(n.removed.pop() == &n.a);
  CHECK(n.pop_all() == "b erased");
}
