/// \file include_scanner_options_test.cpp
/// The command line of include_scanner: what it says, and how a mistake is answered.
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "examples/include_scanner/options.hpp"
#include "examples/include_scanner/report.hpp"
#include "tests/support/catch.hpp"

using namespace include_scanner;
using Catch::Matchers::ContainsSubstring;

namespace {

Options parse(std::initializer_list<std::string_view> arguments) {
  return parse_options(std::span(arguments.begin(), arguments.size()));
}

}  // namespace

TEST_CASE("each option is read, in any order", "[include_scanner]") {
  const std::string folder = std::filesystem::temp_directory_path().string();
  const Options options =
      parse({"--cache", "8MiB", folder, "--sample", "0", "--include-dir", folder, "--include-dir", folder, "--stream"});
  CHECK(options.folder == folder);
  CHECK(options.cache_bytes == 8 << 20);
  CHECK(options.sample == 0u);
  CHECK(options.include_dirs.size() == 2);
  CHECK(options.stream);
  CHECK_FALSE(options.help);
  CHECK(parse({"--help", "--nonsense"}).help);
}

TEST_CASE("sizes have binary units", "[include_scanner]") {
  CHECK(parse_size("1") == 1);
  CHECK(parse_size("4096B") == 4096);
  CHECK(parse_size("512KiB") == 512 << 10);
  CHECK(parse_size("1GiB") == 1 << 30);
  for (const char* text :
       {"", "0", "-1", "MiB", "8MB", "8 MiB", "8mib", "1.5MiB", "99999999999999999999", "99999999999GiB"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_size(text), ContainsSubstring("'" + std::string(text) + "' is not a size"));
  }
}

TEST_CASE("a mistake on the command line is named", "[include_scanner]") {
  const std::string folder = std::filesystem::temp_directory_path().string();
  CHECK_THROWS_WITH(parse({"--cache"}), ContainsSubstring("--cache needs a value"));
  CHECK_THROWS_WITH(parse({"--sample", "many"}), ContainsSubstring("'many' is not a number"));
  CHECK_THROWS_WITH(parse({"--sample", "-1"}), ContainsSubstring("'-1' is not a number"));
  CHECK_THROWS_WITH(parse({"--fast"}), ContainsSubstring("'--fast'"));
  CHECK_THROWS_WITH(parse({folder, folder}), ContainsSubstring(folder));
  CHECK_THROWS_WITH(parse({folder + "/no such folder"}), ContainsSubstring("no such folder' is not a folder"));
  CHECK_THROWS_WITH(parse({"--include-dir", ""}), ContainsSubstring("'' is not a folder"));
  CHECK_THROWS_AS(parse({"--stream", "--cache", "0"}), UsageError);
}

TEST_CASE("a sample is spread evenly over the headers", "[include_scanner]") {
  const std::vector<std::string> headers{"a", "b", "c", "d", "e", "f"};
  CHECK(spread_sample(headers, 3) == std::vector<std::string>{"a", "c", "e"});
  CHECK(spread_sample(headers, 4) == std::vector<std::string>{"a", "b", "d", "e"});
  CHECK(spread_sample(headers, 6) == headers);
  CHECK(spread_sample(headers, 0) == headers);
  CHECK(spread_sample(headers, 7) == headers);
  CHECK(spread_sample({}, 3).empty());
}
