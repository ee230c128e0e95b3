/// \file trace_file_test.cpp
/// Files as they are, and through the program that decompresses them.
#include "benchmarks/hit_ratio/trace_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "tests/support/catch.hpp"
#include "tests/support/scoped_variable.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace larder::replay;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string read_all(const std::string& file) {
  TraceFile trace(file);
  std::string text(std::istreambuf_iterator<char>(trace.stream()), {});
  trace.check_end();
  return text;
}

/// A long text in a file of this name, compressed by a program that writes to its standard output.
struct Compressed {
  larder_tests::TemporaryFolder folder;
  std::string text;
  std::string file;

  Compressed(const std::string& program, const std::string& name) : file(folder.path() + "/" + name) {
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + '\n';
    const std::string plain = folder.path() + "/plain";
    std::ofstream(plain) << text;
    const std::string squeezed = folder.path() + "/squeezed";
    REQUIRE(std::system((program + " -c < '" + plain + "' > '" + squeezed + "'").c_str()) == 0);
    std::filesystem::rename(squeezed, file);
  }
};

}  // namespace

TEST_CASE("a trace's file is read as it is, and its size is known", "[replay]") {
  const larder_tests::TemporaryFolder folder;
  const std::string file = folder.path() + "/a.trace";
  std::ofstream(file) << "a\nb\n";
  CHECK(read_all(file) == "a\nb\n");
  CHECK(TraceFile(file).size() == 4);
}

TEST_CASE("a compressed trace is decompressed by the program that its name asks for", "[replay]") {
  for (const auto& [program, ending] :
       {std::pair("xz", ".xz"), std::pair("zstd -q", ".zst"), std::pair("gzip", ".gz")}) {
    INFO(program);
    const Compressed compressed(program, "--odd 'name'; touch x" + std::string(ending));
    CHECK(read_all(compressed.file) == compressed.text);
    CHECK(TraceFile(compressed.file).size() == 0);  // not known
  }
}

TEST_CASE("a compressed file that breaks off, or is none, is an error", "[replay]") {
  const Compressed compressed("xz", "a.trace.xz");
  std::filesystem::resize_file(compressed.file, std::filesystem::file_size(compressed.file) / 2);
  CHECK_THROWS_WITH(read_all(compressed.file), ContainsSubstring("a.trace.xz: xz has failed"));
  const std::string none = compressed.folder.path() + "/b.xz";
  std::ofstream(none) << "plain text";
  CHECK_THROWS_WITH(read_all(none), ContainsSubstring("xz has failed"));
}

TEST_CASE("who stops reading early waits for nobody", "[replay]") {
  const Compressed compressed("xz", "a.trace.xz");
  TraceFile trace(compressed.file);
  CHECK(trace.stream().get() == '0');
}

TEST_CASE("a trace's file that cannot be read is an error that says why", "[replay]") {
  const larder_tests::TemporaryFolder folder;
  CHECK_THROWS_WITH(TraceFile(folder.path() + "/missing"), ContainsSubstring("No such file"));
  CHECK_THROWS_WITH(TraceFile(folder.path() + "/missing.xz"), ContainsSubstring("No such file"));
  CHECK_THROWS_WITH(TraceFile(folder.path()), ContainsSubstring("it is a folder"));
}

TEST_CASE("a program that is not installed is named", "[replay]") {
  const Compressed compressed("xz", "a.trace.xz");
  const larder_tests::ScopedVariable path("PATH", compressed.folder.path().c_str());
  CHECK_THROWS_WITH(TraceFile(compressed.file),
                    ContainsSubstring("with xz: No such file or directory (is it installed?)"));
}
