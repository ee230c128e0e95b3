/// \file options_test.cpp
/// The command line of replay: what it says, and how a mistake is answered.
#include "benchmarks/hit_ratio/options.hpp"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"

using namespace larder::replay;
using Catch::Matchers::ContainsSubstring;
using Unit = Capacity::Unit;

namespace {

Options parse(std::initializer_list<std::string_view> arguments) {
  return parse_options(std::span(arguments.begin(), arguments.size()));
}

std::uint64_t part(std::string_view percentage, std::uint64_t footprint) {
  return absolute(parse_capacity(percentage), footprint);
}

}  // namespace

TEST_CASE("replay needs no more than the name of a trace", "[replay]") {
  const Options options = parse({"some.trace"});
  CHECK(options.file == "some.trace");
  CHECK(options.capacities == parse_capacities("0.1%,1%,5%,10%,25%"));
  CHECK_FALSE(options.mode);
  CHECK(options.rate == 1000);
  CHECK(options.promotion_interval == 1);
  CHECK_FALSE(options.whole_lines);
  CHECK(options.json.empty());
  CHECK(options.svg.empty());
}

TEST_CASE("replay takes each option, in any order, with a blank or a '='", "[replay]") {
  const Options options = parse(
      {"--rate", "25", "--json=out.json", "-", "--whole-lines", "--mode", "entries", "--capacity=5,10", "--svg", "-"});
  CHECK(options.file == "-");
  CHECK(options.rate == 25);
  CHECK(options.json == "out.json");
  CHECK(options.svg == "-");
  CHECK(options.whole_lines);
  CHECK(options.mode == Mode::entries);
  CHECK(options.capacities == std::vector<Capacity>{{Unit::entries, 5}, {Unit::entries, 10}});
  CHECK(parse({"--help", "--nonsense"}).help);
  CHECK(parse({"-h"}).help);
  CHECK(parse({"--", "--odd-name"}).file == "--odd-name");
}

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

TEST_CASE("a capacity contrary to the mode is a usage error", "[replay]") {
  CHECK_THROWS_WITH(parse({"-", "--mode", "bytes", "--capacity", "1%,5000"}), ContainsSubstring("5000 entries"));
  CHECK_THROWS_WITH(parse({"-", "--mode", "entries", "--capacity", "1KiB"}), ContainsSubstring("1024 bytes"));
  CHECK_THROWS_WITH(parse({"-", "--capacity", "5,1KiB"}), ContainsSubstring("one of them at a time"));
  CHECK_THROWS_WITH(parse({"-", "--whole-lines", "--mode", "bytes"}), ContainsSubstring("--whole-lines"));
  CHECK(parse({"-", "--mode", "bytes", "--capacity", "1KiB,10%"}).capacities.size() == 2);
}

TEST_CASE("a mistake on replay's command line is named", "[replay]") {
  CHECK_THROWS_WITH(parse({}), ContainsSubstring("which trace?"));
  CHECK_THROWS_WITH(parse({""}), ContainsSubstring("empty"));
  CHECK_THROWS_WITH(parse({"a", "b"}), ContainsSubstring("'b' is the second"));
  CHECK_THROWS_WITH(parse({"-", "--fast"}), ContainsSubstring("no option '--fast'"));
  CHECK_THROWS_WITH(parse({"-", "--whole-lines=yes"}), ContainsSubstring("no option"));
  CHECK_THROWS_WITH(parse({"-", "--json"}), ContainsSubstring("--json needs a value"));
  CHECK_THROWS_WITH(parse({"-", "--svg="}), ContainsSubstring("--svg needs a value"));
  CHECK_THROWS_WITH(parse({"-", "--mode", "objects"}), ContainsSubstring("'objects' is no mode"));
  for (const char* rate : {"0", "-1", "fast", "1.5", "1000000001"}) {
    INFO(rate);
    CHECK_THROWS_WITH(parse({"-", "--rate", rate}), ContainsSubstring("is no rate"));
  }
  for (const char* interval : {"0", "-1", "often", "1.5", "1000000001"}) {
    INFO(interval);
    CHECK_THROWS_WITH(parse({"-", "--promotion-interval", interval}), ContainsSubstring("is no promotion interval"));
  }
  CHECK_THROWS_WITH(parse({"-", "--json", "-", "--svg", "-"}), ContainsSubstring("both"));
}

TEST_CASE("the help names every option", "[replay]") {
  for (const std::string_view option : detail::options_with_value) CHECK(help_text.find(option) != std::string::npos);
  CHECK(help_text.find("--whole-lines") != std::string_view::npos);
}
