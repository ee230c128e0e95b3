/// \file names.hpp
/// What the parts of a timing's name mean, and what the tables and plots call them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace larder::bench {

/// A name as timings.hpp describes it, in its parts; what it lacks is empty or 0.
struct TimingName {
  std::string work;
  std::string subject;
  std::string distribution;
  std::size_t threads = 0;
  std::size_t entries = 0;

  std::string text() const;
  auto operator<=>(const TimingName&) const = default;
};

/// Result: empty for the names that do not follow the pattern, those of adversarial keys.
std::optional<TimingName> parse_name(std::string_view text);

/// `get/*/threads:2` with `zipf` is `get/zipf/threads:2`; a name without a star stays as it is.
std::string with_distribution(std::string name, std::string_view distribution);

std::string label_of_work(const std::string& work);
std::string label_of_subject(const std::string& subject);

bool is_larder(std::string_view subject);

}  // namespace larder::bench
