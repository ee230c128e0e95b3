/// \file include_parser_test.cpp
/// What the include scanner takes for an #include, and what not.
#include "examples/include_scanner/include_parser.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

using include_scanner::IncludeDirective;
using include_scanner::parse_includes;
using namespace std::string_literals;

namespace {

/// The directives as a text such as `<a.h> "b.h" next<c.h>`, and how many are unresolved, if any: ` +2`.
std::string includes_of(std::string text) {
  const auto parsed = parse_includes(std::move(text));
  std::string names;
  for (const IncludeDirective& directive : parsed.directives) {
    if (!names.empty()) names += ' ';
    if (directive.next) names += "next";
    names += directive.quoted ? '"' + directive.name + '"' : '<' + directive.name + '>';
  }
  return parsed.unresolved == 0 ? names : names + " +" + std::to_string(parsed.unresolved);
}

}  // namespace

TEST_CASE("includes are found in the order in which they stand", "[include_scanner]") {
  CHECK(includes_of("").empty());
  CHECK(includes_of("#include <a.h>\n#include \"b/c.hpp\"\nint x;\n#include <vector>\n") ==
        R"(<a.h> "b/c.hpp" <vector>)");
  CHECK(includes_of("#include <a.h>") == "<a.h>");
  CHECK(includes_of("#include <a.h>\r\n#include \"b.h\"\r\n") == R"(<a.h> "b.h")");
  CHECK(includes_of("#include_next <stdlib.h>\n#include_next \"x.h\"") == R"(next<stdlib.h> next"x.h")");
}

TEST_CASE("blanks may stand around the hash and the name", "[include_scanner]") {
  CHECK(includes_of("  #include <a.h>") == "<a.h>");
  CHECK(includes_of("\t# \t include\t<a.h>  ") == "<a.h>");
  CHECK(includes_of("#include<a.h>\n#include\"b.h\"") == R"(<a.h> "b.h")");
  CHECK(includes_of("#include < a b.h >") == "< a b.h >");
}

TEST_CASE("comments hide includes and may stand for blanks", "[include_scanner]") {
  CHECK(includes_of("// #include <a.h>\n#include <b.h>") == "<b.h>");
  CHECK(includes_of("/* #include <a.h>\n#include <b.h>\n*/\n#include <c.h>") == "<c.h>");
  CHECK(includes_of("/* one\n two */ #include <a.h>") == "<a.h>");
  CHECK(includes_of("/**/#/**/include/* < */<a.h>// <b.h>") == "<a.h>");
  CHECK(includes_of("int x; /* a\n */ #include <a.h>\n#include <b.h>") == "<b.h>");
  CHECK(includes_of("#include <a.h> /* from here\n#include <b.h>\n") == "<a.h>");
  CHECK(includes_of("int x = 4 / 2; // half\n#include <a.h>") == "<a.h>");
  CHECK(includes_of("#include <sys//a.h>\n#include \"b/*c.h\"\n#include <d.h>") == R"(<sys//a.h> "b/*c.h" <d.h>)");
}

TEST_CASE("a line that ends in a backslash goes on", "[include_scanner]") {
  CHECK(includes_of("#include \\\n  <a.h>") == "<a.h>");
  CHECK(includes_of("#\\\r\ninclude <a.h>") == "<a.h>");
  CHECK(includes_of("#inc\\\nlude <a\\\n.h>") == "<a.h>");
  CHECK(includes_of("// a comment \\\n#include <a.h>\n#include <b.h>") == "<b.h>");
  CHECK(includes_of("#define X \\\n#include <a.h>\n#include <b.h>") == "<b.h>");
  CHECK(includes_of("#include <a.h>\n\\") == "<a.h>");
}

TEST_CASE("literals hide comments", "[include_scanner]") {
  CHECK(includes_of("const char* a = \"/*\";\n#include <a.h>") == "<a.h>");
  CHECK(includes_of("const char* a = \"\\\"/*\";\n#include <a.h>") == "<a.h>");
  CHECK(includes_of("char a = '\"'; /* \n#include <a.h>\n*/") == "");
  CHECK(includes_of("char a = '\\''; // '\n#include <a.h>") == "<a.h>");
  CHECK(includes_of("#error don't /* go there\n#include <a.h>") == "<a.h>");
  CHECK(includes_of("int a = 1'000'000; /*\n#include <a.h>\n*/") == "");
  CHECK(includes_of("auto a = u8'b'; /*\n#include <a.h>\n*/") == "");
  CHECK(includes_of("const char* a = \"not closed\n#include <a.h>") == "<a.h>");
}

TEST_CASE("raw string literals are passed over whole", "[include_scanner]") {
  CHECK(includes_of("auto a = R\"(\n#include <a.h>\n\")\" \"\";\n#include <b.h>") == "<b.h>");
  CHECK(includes_of("auto a = u8R\"x(\n)\"\n#include <a.h>\n)x\"; /*\n#include <b.h> */") == "");
  CHECK(includes_of("auto a = VAR\"(\";\n#include <a.h>\n\")\";") == "<a.h>");
  CHECK(includes_of("auto a = R\"(never closed\n#include <a.h>\n") == "<a.h>");
}

TEST_CASE("includes that name no file are counted", "[include_scanner]") {
  CHECK(includes_of("#include MACRO\n#include <a.h>\n#include CONCAT(a, b)") == "<a.h> +2");
  CHECK(includes_of("#include\n#include <>\n#include \"\"\n#include <a.h\n#include \"b.h\n") == " +5");
  CHECK(includes_of("#include") == " +1");
  CHECK(includes_of("#include <a.h\n>") == " +1");
}

TEST_CASE("other directives and mere words are no includes", "[include_scanner]") {
  CHECK(includes_of("#define include <a.h>\n#if __has_include(<b.h>)\n#pragma include <c.h>\n#endif") == "");
  CHECK(includes_of("#includes <a.h>\n#include_once <b.h>\n#\n# 1 \"c.h\" 2\n") == "");
  CHECK(includes_of("include <a.h>\nx #include <b.h>\n") == "");
  CHECK(includes_of("#if 0\n#include <a.h>\n#else\n#include <b.h>\n#endif\n") == "<a.h> <b.h>");
}

TEST_CASE("any bytes are taken", "[include_scanner]") {
  CHECK(includes_of("\0#include <a.h>\n#include <b.h>\n"s) == "<b.h>");
  CHECK(includes_of("/*") == "");
  CHECK(includes_of("/* *") == "");
  CHECK(includes_of("\\") == "");
  CHECK(includes_of("#include <\xff\xfe>") == "<\xff\xfe>");
  std::mt19937 random(20240607);
  for (int round = 0; round < 20000; ++round) {
    // Pieces that matter to the parser, so that they meet in every order.
    const std::vector<std::string_view> pieces{"#",  "include", " ", "\n", "<", ">", "\"", "'",
                                               "\\", "/",       "*", "R",  "(", ")", "1"};
    std::string text;
    for (int i = 0; i < 24; ++i) text += pieces[random() % pieces.size()];
    const std::size_t size = text.size();
    const auto parsed = parse_includes(std::move(text));
    REQUIRE(parsed.directives.size() + parsed.unresolved <= size / std::string_view("#include").size());
  }
}
