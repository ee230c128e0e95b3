/// \file capabilities_table_test.cpp
/// The table of backends and their capabilities in README.md is what the backends declare.
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>
#include <larder/in_memory_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"

namespace {

using larder::BackendCapabilities;

const std::array<BackendCapabilities, 4> columns{
    larder::InMemoryBackend<>::capabilities, larder::RedisBackend<>::capabilities,
    larder::MemcachedBackend<>::capabilities, larder::DynamoDbBackend<>::capabilities};

using Cell = std::function<std::string(const BackendCapabilities&)>;

std::string row(const std::string& name, const Cell& cell) {
  std::string text = "| " + name + " |";
  for (const BackendCapabilities& column : columns) text += " " + cell(column) + " |";
  return text + "\n";
}

Cell flag(bool BackendCapabilities::*member, const std::string& otherwise = "no") {
  return [member, otherwise](const BackendCapabilities& each) { return each.*member ? "yes" : otherwise; };
}

std::string bytes(std::size_t count) {
  if (count == BackendCapabilities::unlimited) return "any size";
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits + " bytes";
}

std::string table() {
  const auto of_keys = [](const BackendCapabilities& each) {
    if (!each.enumerable_keys) return "no";
    return each.key_patterns ? "by any pattern" : "all";
  };
  const auto granularity = [](const BackendCapabilities& each) {
    const auto milliseconds = each.ttl_granularity.count();
    return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s" : std::to_string(milliseconds) + " ms";
  };
  using Capabilities = BackendCapabilities;
  return "| | `InMemoryBackend` | `RedisBackend` | `MemcachedBackend` | `DynamoDbBackend` |\n"
         "| --- | --- | --- | --- | --- |\n" +
         row("`keys`", of_keys) + row("`set_if_absent`", flag(&Capabilities::conditional_set)) +
         row("`touch`", flag(&Capabilities::touch)) + row("metadata", flag(&Capabilities::metadata)) +
         row("`created_at`", flag(&Capabilities::creation_times, "with metadata")) +
         row("TTLs in steps of", granularity) +
         row("keys of at most", [](const Capabilities& each) { return bytes(each.largest_key); }) +
         row("values of at most", [](const Capabilities& each) { return bytes(each.largest_value); }) +
         row("`clear` keeps to its own", flag(&Capabilities::own_namespace_clear)) +
         row("`clear` counts", flag(&Capabilities::clear_count, "returns 0")) +
         row("evictions counted", flag(&Capabilities::removal_counters)) +
         row("entries and bytes counted", flag(&Capabilities::exact_size_accounting)) +
         row("a limit of its own", flag(&Capabilities::size_limit, "the server's")) +
         row("removal listener", flag(&Capabilities::removal_listener)) +
         row("undecodable values are told", flag(&Capabilities::error_hook, "there are none"));
}

}  // namespace

TEST_CASE("README: the table of backends is what they declare") {
  std::ifstream file(LARDER_README_FILE);
  std::stringstream readme;
  readme << file.rdbuf();
  const bool is_there = readme.str().find(table()) != std::string::npos;
  INFO("this should be in README.md:\n" << table());
  CHECK(is_there);
}
