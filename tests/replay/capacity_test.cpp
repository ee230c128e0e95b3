/// \file capacity_test.cpp
#include "benchmarks/hit_ratio/capacity.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

using namespace larder::replay;
using Catch::Matchers::ContainsSubstring;
using Unit = Capacity::Unit;

namespace {

std::uint64_t part(std::string_view percentage, std::uint64_t footprint) {
  return absolute(parse_capacity(percentage), footprint);
}

}  // namespace

TEST_CASE("a capacity is a percentage, a number of entries, or bytes", "[replay]") {
  CHECK(parse_capacity("1%") == Capacity{Unit::millionths_of_a_percent, 1'000'000});
  CHECK(parse_capacity("0.000001%") == Capacity{Unit::millionths_of_a_percent, 1});
  CHECK(parse_capacity("100%") == Capacity{Unit::millionths_of_a_percent, 100'000'000});
  CHECK(parse_capacity("5000") == Capacity{Unit::entries, 5000});
  CHECK(parse_capacity("4096B") == Capacity{Unit::bytes, 4096});
  CHECK(parse_capacity("512KiB") == Capacity{Unit::bytes, 512 << 10});
  CHECK(parse_capacity("64MiB") == Capacity{Unit::bytes, 64 << 20});
  CHECK(parse_capacity("1GiB") == Capacity{Unit::bytes, 1 << 30});
  CHECK(parse_capacity("3TiB") == Capacity{Unit::bytes, std::uint64_t{3} << 40});
}

TEST_CASE("what is no capacity is refused, and quoted", "[replay]") {
  for (const char* text : {"", "-1", "1.5", "1.5MiB", "64MB", "64 MiB", "64mib", "MiB", " 1", "lots"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_capacity(text), ContainsSubstring("'" + std::string(text) + "' is not a capacity"));
  }
  for (const char* text : {"%", "x%", "-1%", "1e1%", ".5%", "0.0000001%"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_capacity(text), ContainsSubstring("'" + std::string(text) + "' is not a percentage"));
  }
  CHECK_THROWS_WITH(parse_capacity("0%"), ContainsSubstring("more than 0 and at most 100"));
  CHECK_THROWS_WITH(parse_capacity("100.1%"), ContainsSubstring("more than 0 and at most 100"));
  CHECK_THROWS_WITH(parse_capacity("99999999999999999999%"), ContainsSubstring("more than 0 and at most 100"));
  CHECK_THROWS_WITH(parse_capacity("0"), ContainsSubstring("no capacity at all"));
  CHECK_THROWS_WITH(parse_capacity("0MiB"), ContainsSubstring("no capacity at all"));
  CHECK_THROWS_WITH(parse_capacity("99999999999999999999"), ContainsSubstring("too large"));
  CHECK_THROWS_WITH(parse_capacity("99999999999GiB"), ContainsSubstring("too large"));
  CHECK_THROWS_AS(parse_capacities("1%,"), UsageError);
  CHECK_THROWS_AS(parse_capacities(",1%"), UsageError);
}

TEST_CASE("a percentage of the footprint is rounded down, to one at least", "[replay]") {
  CHECK(part("0.1%", 76349) == 76);
  CHECK(part("1%", 13756) == 137);
  CHECK(part("25%", 13756) == 3439);
  CHECK(part("29%", 100) == 29);
  CHECK(part("100%", 100) == 100);
  CHECK(part("0.1%", 3) == 1);
  CHECK(part("0.1%", 0) == 1);
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  CHECK(part("100%", most) == most);
  CHECK(part("50%", most) == most / 2);
  CHECK(absolute({Unit::bytes, 12}, 3) == 12);
}
