/// \file include_graph_test.cpp
/// Which file an include means, what a header pulls in, and what becomes of files that are none to read.
#include "examples/include_scanner/include_graph.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "examples/include_scanner/header_files.hpp"
#include "tests/support/catch.hpp"

using namespace include_scanner;
namespace fs = std::filesystem;

namespace {

/// A folder of files for one test, removed behind it.
class Tree {
 public:
  Tree() : root_(clean_folder((fs::temp_directory_path() / ("larder_tree_" + std::to_string(::getpid()))).string())) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { fs::remove_all(root_); }

  std::string path(std::string_view name) const { return root_ + "/" + std::string(name); }
  const std::string& root() const { return root_; }

  void write(std::string_view name, std::string_view text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
  }

  /// The include list of a file, its paths relative to the tree, in a text such as "a.h b/c.h".
  std::string includes(std::string_view name, const IncludeFolders& folders) const {
    std::string text;
    for (const std::string& file : read_include_list(path(name), folders).files) {
      text += (text.empty() ? "" : " ") + file.substr(root_.size() + 1);
    }
    return text;
  }

 private:
  std::string root_;
};

auto lists_of(const IncludeFolders& folders) {
  return [&folders](std::string_view path) {
    return std::make_shared<const IncludeList>(read_include_list(std::string(path), folders));
  };
}

}  // namespace

TEST_CASE("quotes look beside the including file first, brackets do not", "[include_scanner]") {
  const Tree tree;
  tree.write("a/x.h", "");
  tree.write("b/x.h", "");
  tree.write("a/quoted.h", "#include \"x.h\"");
  tree.write("a/angled.h", "#include <x.h>");
  tree.write("a/up.h", "#include \"../b/./x.h\"\n#include \"" + tree.path("b/../a/x.h") + "\"");
  const IncludeFolders folders({tree.path("b"), tree.path("a")});
  CHECK(tree.includes("a/quoted.h", folders) == "a/x.h");
  CHECK(tree.includes("a/angled.h", folders) == "b/x.h");
  CHECK(tree.includes("a/up.h", folders) == "b/x.h a/x.h");
}

TEST_CASE("include_next looks behind the folder that holds the file", "[include_scanner]") {
  const Tree tree;
  tree.write("c++/x.h", "#include_next <x.h>");
  tree.write("x.h", "#include_next \"x.h\"\n#include_next <y.h>");
  tree.write("last/x.h", "#include_next <x.h>\n#include_next <y.h>");
  tree.write("c++/y.h", "");
  tree.write("elsewhere/z.h", "#include_next <y.h>");
  const IncludeFolders folders({tree.path("c++"), tree.root(), tree.path("last")});
  CHECK(tree.includes("c++/x.h", folders) == "x.h");
  CHECK(tree.includes("x.h", folders) == "last/x.h");
  CHECK(tree.includes("last/x.h", folders).empty());
  CHECK(read_include_list(tree.path("last/x.h"), folders).missing == 2);
  CHECK(tree.includes("elsewhere/z.h", IncludeFolders({tree.path("c++")})) == "c++/y.h");
}

TEST_CASE("a list holds each file once and counts what it lacks", "[include_scanner]") {
  const Tree tree;
  tree.write("x.h", "#include \"y.h\"\n#include <y.h>\n#include <gone.h>\n#include MACRO\n#include <folder>");
  tree.write("y.h", "");
  tree.write("folder/z.h", "");
  const IncludeFolders folders({tree.root()});
  const IncludeList list = read_include_list(tree.path("x.h"), folders);
  CHECK(list.files == std::vector<std::string>{tree.path("y.h")});
  CHECK(list.missing == 2);  // a folder is no file to include
  CHECK(list.unresolved == 1);
  CHECK(list.kind == IncludeList::Kind::text);
  CHECK(list.size_bytes() >= sizeof(IncludeList) + sizeof(std::string) + tree.path("y.h").size());
}

TEST_CASE("files that cannot be read as text have an empty list that says why", "[include_scanner]") {
  const Tree tree;
  const IncludeFolders folders({tree.root()});
  const auto kind_of = [&](std::string_view name) { return read_include_list(tree.path(name), folders).kind; };
  CHECK(kind_of("absent.h") == IncludeList::Kind::unreadable);

  fs::create_symlink(tree.path("loop_b.h"), tree.path("loop_a.h"));
  fs::create_symlink(tree.path("loop_a.h"), tree.path("loop_b.h"));
  CHECK(kind_of("loop_a.h") == IncludeList::Kind::unreadable);

  fs::create_directory(tree.path("folder.h"));
  CHECK(kind_of("folder.h") == IncludeList::Kind::unreadable);

  REQUIRE(::mkfifo(tree.path("pipe.h").c_str(), 0600) == 0);  // to open it would block
  CHECK(kind_of("pipe.h") == IncludeList::Kind::unreadable);

  tree.write("binary.h", std::string_view("#include <x.h>\n\0", 16));
  CHECK(kind_of("binary.h") == IncludeList::Kind::binary);

  tree.write("huge.h", "#include <binary.h>\n");
  fs::resize_file(tree.path("huge.h"), largest_file + 1);
  CHECK(kind_of("huge.h") == IncludeList::Kind::too_large);
  CHECK(tree.includes("huge.h", folders).empty());

  tree.write("empty.h", "");
  CHECK(kind_of("empty.h") == IncludeList::Kind::text);
}

TEST_CASE("a header pulls in what its includes pull in, each file once", "[include_scanner]") {
  const Tree tree;
  tree.write("a.h", "#include \"b.h\"\n#include \"c.h\"");
  tree.write("b.h", "#include \"d.h\"");
  tree.write("c.h", "#include \"d.h\"\n#include \"a.h\"\n#include \"c.h\"");  // a cycle, and itself
  tree.write("d.h", "#include \"e.h\"");
  tree.write("e.h", "");
  const IncludeFolders folders({tree.root()});
  IncludeWalk walk;
  std::vector<std::string> asked;
  const auto list_of = [&](std::string_view path) {
    asked.emplace_back(path.substr(tree.root().size() + 1));
    return lists_of(folders)(path);
  };
  const Closure closure = walk.closure_of(tree.path("a.h"), list_of);
  CHECK(closure.files == 4);
  CHECK(asked == std::vector<std::string>{"a.h", "b.h", "c.h", "d.h", "e.h"});
  CHECK(walk.first_list().files.size() == 2);
  CHECK(walk.closure_of(tree.path("e.h"), list_of).files == 0);
  CHECK(walk.closure_of(tree.path("absent.h"), list_of).files == 0);
  CHECK(walk.first_list().kind == IncludeList::Kind::unreadable);
}

TEST_CASE("the checksum of a closure depends on its files and not on their order", "[include_scanner]") {
  const Tree tree;
  tree.write("ab.h", "#include \"a.h\"\n#include \"b.h\"");
  tree.write("ba.h", "#include \"b.h\"\n#include \"a.h\"");
  tree.write("ac.h", "#include \"a.h\"\n#include \"c.h\"");
  for (const char* name : {"a.h", "b.h", "c.h"}) tree.write(name, "");
  const IncludeFolders folders({tree.root()});
  IncludeWalk walk;
  const auto checksum = [&](const char* name) { return walk.closure_of(tree.path(name), lists_of(folders)).checksum; };
  CHECK(checksum("ab.h") == checksum("ba.h"));
  CHECK(checksum("ab.h") != checksum("ac.h"));
}

TEST_CASE("headers are found by their names, and loops of links are not entered", "[include_scanner]") {
  const Tree tree;
  for (const char* name : {"b.hpp", "a/x.h", "a/vector", "a/x.txt", "a/x.cpp", "c/y.tcc"}) tree.write(name, "");
  fs::create_directory_symlink(tree.root(), tree.path("a/loop"));
  fs::create_symlink("nowhere", tree.path("dangling.h"));
  const HeaderFiles found = find_headers(tree.root());
  const std::vector<std::string> expected{tree.path("a/vector"), tree.path("a/x.h"), tree.path("b.hpp"),
                                          tree.path("c/y.tcc"), tree.path("dangling.h")};
  CHECK(found.paths == expected);
  CHECK(found.unreadable_folders == 0);
  CHECK(find_headers(tree.path("absent")).unreadable_folders == 1);
}

TEST_CASE("the default include folders are those of a compiler", "[include_scanner]") {
  const Tree tree;
  CHECK(default_include_folders(tree.root()) == std::vector<std::string>{tree.root()});
  tree.write("c++/9/vector", "");
  tree.write("c++/12/vector", "");
  tree.write("c++/v1/vector", "");
  tree.write("x86_64-linux-gnu/c++/12/bits/c++config.h", "");
  const std::vector<std::string> expected{tree.path("c++/12"), tree.path("x86_64-linux-gnu/c++/12"),
                                          tree.path("x86_64-linux-gnu"), tree.root()};
  CHECK(default_include_folders(tree.root()) == expected);
}
