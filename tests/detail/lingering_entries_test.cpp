/// \file lingering_entries_test.cpp
#include <larder/detail/lingering_entries.hpp>

#include <array>
#include <cstddef>

#include "tests/support/catch.hpp"

using larder::RemovalCause;
using larder::detail::NodeHead;
using larder::detail::RemovedEntries;

namespace {

struct Node : NodeHead {
  bool lingers = true;
  bool can_linger() const noexcept { return lingers; }
};

struct Lingering {
  std::array<Node, 100> nodes;
  std::size_t next = 0;
  larder::detail::LingeringEntries<Node> entries;
  RemovedEntries removed;

  bool take_over(bool lingers = true) {
    nodes[next].lingers = lingers;
    removed.push(nodes[next++], RemovalCause::erased);
    return entries.take_over(removed);
  }

  /// Takes them out.
  std::size_t count_removed() {
    std::size_t count = 0;
    while (removed.pop() != nullptr) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("entries linger until there are many, and what nobody reads leaves one for each", "[lingering]") {
  Lingering f;
  while (f.take_over()) CHECK(f.count_removed() == 0);
  CHECK(f.next > 8);
  CHECK(f.count_removed() == 1);
  f.entries.forget_readers();
  CHECK(f.take_over());
  CHECK(f.count_removed() == 1);
  f.entries.release(f.removed);
  CHECK(f.count_removed() == f.next - 2);
}

TEST_CASE("what cannot linger stays with who removed it", "[lingering]") {
  Lingering f;
  CHECK(f.take_over());
  CHECK_FALSE(f.take_over(false));
  CHECK(f.count_removed() == 1);
  f.entries.release(f.removed);
  CHECK(f.count_removed() == 1);
}
