/// \file named_nodes.hpp
/// Five bare nodes with names, for tests of what works on nodes whatever entries they are.
#pragma once

#include <array>

#include <larder/detail/node_head.hpp>

namespace larder_tests {

struct NamedNodes {
  using NodeHead = larder::detail::NodeHead;

  std::array<NodeHead, 5> nodes;
  NodeHead& a = nodes[0];
  NodeHead& b = nodes[1];
  NodeHead& c = nodes[2];
  NodeHead& d = nodes[3];
  NodeHead& e = nodes[4];

  char name_of(const NodeHead* node) const { return node == nullptr ? '-' : static_cast<char>('a' + (node - &a)); }
};

}  // namespace larder_tests
