/// \file story.hpp
/// Story: the calls of a check, and what each returned, to be told if the check fails.
///
/// Nothing is turned into text before it is asked for: most stories are never told.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <larder/testing/operation.hpp>

namespace larder::testing::detail {

class Story {
 public:
  explicit Story(bool virtual_time) : virtual_time_(virtual_time) {}

  void begin() { steps_.clear(); }
  void tell(std::string line) { steps_.emplace_back(std::move(line)); }
  void tell(std::string cache, Operation operation, Outcome outcome) {
    steps_.emplace_back(Call{std::move(cache), std::move(operation), std::move(outcome)});
  }

  /// Result: one call a line, as C++, with its result as a comment. Of a very long story, the begin and the end.
  std::string to_text() const {
    constexpr std::size_t most = 60;
    std::string text;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_.size() > most && i == most / 2) {
        text += "  // ... " + std::to_string(steps_.size() - most) + " calls are left out here\n";
        i = steps_.size() - most / 2;
      }
      text += "  " + line_of(steps_[i]) + "\n";
    }
    return text;
  }

 private:
  struct Call {
    std::string cache;
    Operation operation;
    Outcome outcome;
  };

  std::string line_of(const std::variant<std::string, Call>& step) const {
    if (const auto* line = std::get_if<std::string>(&step)) return *line;
    const Call& call = std::get<Call>(step);
    const std::string result = larder::testing::to_text(call.operation, call.outcome);
    const std::string code = to_cpp(call.operation, call.cache, virtual_time_);
    return result.empty() ? code : code + "  // " + result;
  }

  bool virtual_time_;
  std::vector<std::variant<std::string, Call>> steps_;
};

}  // namespace larder::testing::detail
