# Takes the blocks of code out of a Markdown file, so that they can be compiled and run.
#
#   awk -v folder=FOLDER -f extract.awk README.md      prints the names of the files that it writes to FOLDER
#
# A block ```cpp becomes line_N.cpp, N being the number of its first line. With an `int main` in it, it is a
# program. Otherwise what stands in its first column and is an #include, a using, a type, a template or a function
# goes before a main, and the rest into it; the umbrella header, <cassert>, <iostream> and the chrono literals are
# there without being asked for. A comment on a line of its own before the block changes that:
#   <!-- snippet: continues -->      the block goes on where the one before stopped, in the same program
#   <!-- snippet: declarations -->   all of the block goes before main
# No block is left out. A block ```cmake becomes line_N.cmake as it stands.
#
# Those that need nothing but larder itself also become one program, together.cpp, each in a namespace of its own: it is
# told by its argument, such as line_N, which one to run. Their names are printed as `together:line_N`.

function fail(text) {
  printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
  failed = 1
  exit 1
}

# Empties the program.
function start() {
  program = includes = declarations = statements = ""
}

# Writes the program, if there is one.
function finish() {
  if (name == "") return
  file = folder "/" name ".cpp"
  if (program != "") {
    printf "%s", program > file
  } else {
    printf "#include <cassert>\n#include <iostream>\n\n#include <larder/larder.hpp>\n" > file
    printf "%susing namespace std::chrono_literals;\n%sint main() {\n%s}\n", includes, declarations, statements > file
  }
  close(file)
  if (program == "" && includes !~ /<larder\/(backends|layers\/compressed)/ && declarations !~ /(template <>|namespace )/) {
    all_includes = all_includes includes
    all_bodies = all_bodies "namespace " name " {\n" declarations "int run() {\n" statements "return 0;\n}\n}\n"
    all_choices = all_choices "if (name == \"" name "\") return " name "::run();\n"
    print "together:" name
  } else {
    print name ".cpp"
  }
  name = ""
}

# Writes the program of all that stand together.
function write_together(    file) {
  file = folder "/together.cpp"
  printf "#include <cassert>\n#include <iostream>\n#include <string_view>\n\n#include <larder/larder.hpp>\n" > file
  printf "%susing namespace std::chrono_literals;\n%s", all_includes, all_bodies > file
  printf "int main(int, char** arguments) {\nconst std::string_view name = arguments[1];\n" > file
  printf "%sreturn 1;\n}\n", all_choices > file
  close(file)
}

# How many braces `text` opens and does not close, comments and literals aside.
function braces(text) {
  gsub(/"([^"\\]|\\.)*"/, "", text)
  gsub(/'[{}]'/, "", text)
  sub(/\/\/.*/, "", text)
  opened = gsub(/[{]/, "", text)
  if (opened > 0) had_braces = 1
  return opened - gsub(/[}]/, "", text)
}

function is_declaration(text) {
  if (text ~ /^(template|struct|class|enum|union|namespace|using|concept)[ <]/) return 1
  if (text ~ /^(if|for|while|do|switch|else|try|return|case|default)[^A-Za-z0-9_]/) return 0
  # A function: a type, a name and parameters, then a body. A bracket would be a lambda's, in a call.
  return text ~ /^[A-Za-z_][A-Za-z0-9_:<>,&* ]* [&*]*[A-Za-z_][A-Za-z0-9_:]*\([^\[]*[{]/ && text !~ /\[/
}

# Puts the block (lines 1 to count, the first of them at line `first` of the file) into the program.
function add_block(    i, text, inside, depth, mark) {
  if (whole && mode == "continues") fail("a block with main cannot continue another")
  if (mode == "continues" && (name == "" || program != "")) fail("there is no block for this one to continue")
  if (mode != "continues") {
    finish()
    start()
    name = "line_" first
  }
  if (whole) {
    program = "#line " first " \"" FILENAME "\"\n"
    for (i = 1; i <= count; ++i) program = program lines[i] "\n"
    return
  }
  inside = 0  # a declaration that spans lines
  depth = 0
  for (i = 1; i <= count; ++i) {
    text = lines[i]
    mark = "#line " (first + i - 1) " \"" FILENAME "\"\n" text "\n"
    if (!inside && text ~ /^#include/) {
      includes = includes mark
      continue
    }
    if (!inside && depth == 0 && (mode == "declarations" || is_declaration(text))) {
      inside = 1
      had_braces = 0
    }
    depth += braces(text)
    if (inside) {
      declarations = declarations mark
      if (depth == 0 && (had_braces || text ~ /;[ ]*(\/\/.*)?$/)) inside = 0
    } else {
      statements = statements mark
    }
  }
  if (depth != 0) fail("the braces of this block do not match")
}

/^ *<!-- snippet: / {
  mode = $3
  if (mode != "continues" && mode != "declarations") fail("a snippet cannot be told to '" mode "'")
  next
}

language == "" && /^ *```/ {
  language = $0
  sub(/^ *```/, "", language)
  if (language ~ /^(c\+\+|C\+\+|cc|cxx|hpp)$/) fail("spell it ```cpp, so that the block is tested")
  if (language == "") language = "text"
  first = FNR + 1
  count = 0
  whole = 0
  next
}

language != "" && /^ *```$/ {
  if (language == "cpp") add_block()
  if (language == "cmake") {
    file = folder "/line_" first ".cmake"
    for (i = 1; i <= count; ++i) print lines[i] > file
    close(file)
    print "line_" first ".cmake"
  }
  if (language != "cpp" && mode != "") fail("only a block of cpp can be told to '" mode "'")
  language = mode = ""
  next
}

language != "" {
  lines[++count] = $0
  if ($0 ~ /^int main\(/) whole = 1
  next
}

/[^ ]/ && mode != "" { fail("a block of code should follow the comment on it") }

END {
  if (failed) exit 1
  if (language != "") fail("a block of code has no end")
  finish()
  if (all_choices != "") write_together()
}
