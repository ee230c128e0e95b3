/// \file cluster_slots_fuzz.cpp
/// Any table of slots, and any redirection: ranges within the slots and apart from each other, or a ProtocolError.
#include <larder/backends/detail/redis/redis_slots.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/input.hpp"

using larder::detail::Endpoint;
using larder::detail::redis_slots;
using larder::detail::Reply;
using larder_tests::FuzzInput;
using larder_tests::require;

namespace {

const Endpoint asked{.host = "asked", .port = 7000};

/// Any reply, most often what could be part of a table.
Reply any_reply(FuzzInput& input, std::size_t depth) {
  Reply reply;
  switch (input.below(8)) {
    case 0: reply.type = Reply::Type::nil; break;
    case 1: reply.type = Reply::Type::bulk, reply.text = larder::Bytes(input.text(input.below(12))); break;
    case 2: reply.type = Reply::Type::integer, reply.integer = static_cast<long long>(input.below(1 << 16)); break;
    case 3: reply.type = Reply::Type::integer, reply.integer = -static_cast<long long>(input.byte()) << 40; break;
    case 4: reply.type = Reply::Type::error, reply.text = larder::Bytes(input.text(input.below(12))); break;
    default:
      reply.type = Reply::Type::array;
      for (std::size_t i = input.below(6); i > 0 && depth < 5; --i) {
        reply.elements.push_back(any_reply(input, depth + 1));
      }
  }
  return reply;
}

Reply integer(std::size_t number) { return {.type = Reply::Type::integer, .integer = static_cast<long long>(number)}; }

/// One that is likely to be right, but where the input says otherwise.
Reply any_table(FuzzInput& input) {
  Reply table{.type = Reply::Type::array};
  while (!input.is_empty()) {
    if (input.byte() == 255) {
      table.elements.push_back(any_reply(input, 0));
      continue;
    }
    Reply range{.type = Reply::Type::array};
    const std::size_t first = input.below(redis_slots);
    range.elements = {integer(first), integer(first + input.below(300))};
    for (std::size_t i = 1 + input.below(4); i > 0; --i) {
      Reply node{.type = Reply::Type::array};
      node.elements.push_back({.type = Reply::Type::bulk, .text = larder::Bytes(input.text(input.below(10)))});
      node.elements.push_back(integer(input.below(1 << 16)));
      range.elements.push_back(std::move(node));
    }
    table.elements.push_back(std::move(range));
  }
  return table;
}

void parse_table(const Reply& table) {
  std::vector<bool> taken(redis_slots);
  std::size_t replicas = 0;
  for (const auto& range : larder::detail::parse_cluster_slots(table, asked)) {
    require(range.first <= range.last && range.last < redis_slots, "a range has slots");
    for (std::size_t slot = range.first; slot <= range.last; ++slot) {
      require(!taken[slot], "no slot is at two masters");
      taken[slot] = true;
    }
    require(!range.master.host.empty() && range.master.port != 0, "a master is somewhere");
    for (const auto& replica : range.replicas) require(!replica.host.empty() && replica.port != 0, "so is a replica");
    replicas += range.replicas.size();
  }
  require(replicas < redis_slots, "replicas are limited");
}

void parse_redirect(std::string_view text) {
  const Reply reply{.type = Reply::Type::error, .text = larder::Bytes(text)};
  const auto redirect = larder::detail::Redirect::from(reply, asked);
  if (!redirect) return;
  require(text.starts_with(redirect->is_for_good ? "MOVED " : "ASK "), "a redirection says so");
  require(redirect->slot < redis_slots && !redirect->endpoint.host.empty() && redirect->endpoint.port != 0,
          "a redirection goes somewhere");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  try {
    switch (input.below(4)) {
      case 0: parse_table(any_reply(input, 0)); break;
      case 1: parse_redirect(input.rest()); break;
      case 2: parse_redirect("MOVED " + std::string(input.rest())); break;
      default: parse_table(any_table(input));
    }
  } catch (const larder::ProtocolError&) {
  }
  return 0;
}
