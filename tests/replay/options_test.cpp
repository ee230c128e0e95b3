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

}  // namespace

TEST_CASE("replay needs no more than the name of a trace", "[replay]") {
  const Options options = parse({"some.trace"});
  CHECK(options.file == "some.trace");
  CHECK(options.capacities == parse_capacities("0.1%,1%,5%,10%,25%"));
  CHECK_FALSE(options.mode);
  CHECK(options.rate == 1000);
  CHECK(options.promotion_interval == 1);
  CHECK(options.policies == std::vector<Policy>{Policy::lru});
  CHECK_FALSE(options.format);
  CHECK_FALSE(options.columns);
  CHECK_FALSE(options.plot);
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

TEST_CASE("policies are taken in their order, each once, or all", "[replay]") {
  CHECK(parse({"-", "--policy", "s3fifo,lru,s3fifo"}).policies == std::vector{Policy::s3_fifo, Policy::lru});
  CHECK(parse({"-", "--policy=belady"}).policies == std::vector{Policy::belady});
  CHECK(parse({"-", "--policy=all"}).policies ==
        std::vector{Policy::lru, Policy::clock, Policy::s3_fifo, Policy::w_tiny_lfu, Policy::gdsf});
  for (const char* list : {"mru", "lru,", ",lru", "LRU", "all,lru"}) {
    INFO(list);
    CHECK_THROWS_WITH(parse({"-", "--policy", list}), ContainsSubstring("no policy"));
  }
}

TEST_CASE("the optimum is shown beside several policies, where entries are counted", "[replay]") {
  using Policies = std::vector<Policy>;
  CHECK(policies_in(Mode::entries, {Policy::lru}) == Policies{Policy::lru});
  CHECK(policies_in(Mode::entries, {Policy::lru, Policy::gdsf}) == Policies{Policy::lru, Policy::gdsf, Policy::belady});
  CHECK(policies_in(Mode::entries, {Policy::belady, Policy::lru}) == Policies{Policy::belady, Policy::lru});
  CHECK(policies_in(Mode::bytes, {Policy::lru, Policy::gdsf}) == Policies{Policy::lru, Policy::gdsf});
  CHECK_THROWS_AS(policies_in(Mode::bytes, {Policy::belady}), UsageError);
}

TEST_CASE("format, columns and plot are taken, where they can be meant", "[replay]") {
  CHECK(parse({"-", "--format", "oracle"}).format == TraceFormat::oracle);
  CHECK(parse({"-", "--columns", "key=id,size=bytes"}).columns->key == "id");
  CHECK(parse({"-", "--plot", "byte-hits", "--svg", "x"}).plot == Plot::byte_hits);
  CHECK_THROWS_WITH(parse({"-", "--format", "json"}), ContainsSubstring("no format"));
  CHECK_THROWS_WITH(parse({"-", "--format", "text", "--columns", "key=id"}), ContainsSubstring("csv alone"));
  CHECK_THROWS_WITH(parse({"-", "--format", "csv", "--whole-lines"}), ContainsSubstring("--whole-lines"));
  CHECK_THROWS_WITH(parse({"-", "--plot", "hits"}), ContainsSubstring("no --svg"));
  CHECK_THROWS_WITH(parse({"-", "--plot", "misses", "--svg", "x"}), ContainsSubstring("no ratio to plot"));
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
