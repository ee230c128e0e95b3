/// \file arguments.hpp
/// Arguments: what the programs of the campaign are told, as --name=number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace larder_tests {

class Arguments {
 public:
  /// Names that may be given, with the numbers that they have otherwise. Ends the program with 2 where something else
  /// is said.
  Arguments(int argc, char** argv, std::map<std::string, std::uint64_t> numbers) : numbers_(std::move(numbers)) {
    for (int i = 1; i < argc; ++i) take(argv[i]);
  }

  std::uint64_t operator[](const std::string& name) const { return numbers_.at(name); }

 private:
  void take(std::string_view argument) {
    const std::size_t equals = argument.find('=');
    if (argument.starts_with("--") && equals != argument.npos) {
      const auto found = numbers_.find(std::string(argument.substr(2, equals - 2)));
      const std::string number(argument.substr(equals + 1));
      char* end = nullptr;
      const std::uint64_t value = std::strtoull(number.c_str(), &end, 10);
      if (found != numbers_.end() && !number.empty() && *end == '\0') {
        found->second = value;
        return;
      }
    }
    std::cerr << "unknown: " << argument << "; there are:";
    for (const auto& [name, value] : numbers_) std::cerr << " --" << name << '=' << value;
    std::cerr << '\n';
    std::exit(2);
  }

  std::map<std::string, std::uint64_t> numbers_;
};

}  // namespace larder_tests
