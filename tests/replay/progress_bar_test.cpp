/// \file progress_bar_test.cpp
/// What the progress bar leaves on a terminal.
#include "benchmarks/hit_ratio/progress_bar.hpp"

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"

using larder::replay::ProgressBar;

namespace {

/// The line that a terminal shows after `written`, blanks at its end left out.
std::string shown(const std::string& written) {
  std::string line;
  std::size_t column = 0;
  for (const char character : written) {
    if (character == '\r') {
      column = 0;
    } else {
      line.resize(std::max(line.size(), column + 1), ' ');
      line[column++] = character;
    }
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

}  // namespace

TEST_CASE("the bar shows the work and its part, and is erased", "[replay]") {
  std::ostringstream out;
  ProgressBar bar(out, true);
  bar.start("reading", 100);
  CHECK(shown(out.str()) == "reading  [" + std::string(30, '.') + "] 0 %");
  bar.erase();
  CHECK(shown(out.str()).empty());
  bar.erase();
  CHECK(out.str().ends_with('\r'));
}

TEST_CASE("a longer line is painted over by a shorter one", "[replay]") {
  std::ostringstream out;
  ProgressBar bar(out, true);
  bar.start("a piece of work with a long name", 1);
  bar.start("next", 1);
  CHECK(shown(out.str()) == "next  [" + std::string(30, '.') + "] 0 %");
}

TEST_CASE("where the total is not known, the bytes are shown", "[replay]") {
  std::ostringstream out;
  ProgressBar bar(out, true);
  bar.start("reading", 0);
  CHECK(shown(out.str()) == "reading  0 B");
}

TEST_CASE("updates are drawn ten times a second at most", "[replay]") {
  std::ostringstream out;
  ProgressBar bar(out, true);
  bar.start("reading", 1'000'000);
  for (std::uint64_t done = 0; done < 100'000; ++done) bar.update(done);
  const std::string written = out.str();
  CHECK(std::count(written.begin(), written.end(), '\r') < 1000);
}

TEST_CASE("the bar goes with its owner, and is not there at all where nobody looks", "[replay]") {
  std::ostringstream out;
  { ProgressBar(out, true).start("reading", 3); }
  CHECK_FALSE(out.str().empty());
  CHECK(shown(out.str()).empty());
  std::ostringstream quiet;
  {
    ProgressBar bar(quiet, false);
    bar.start("reading", 3);
    bar.update(2);
    bar.erase();
  }
  CHECK(quiet.str().empty());
}
