/// \file timings.hpp
/// Times of one thing, measured in several processes, several times in each; and how two such things compare.
///
/// Where a process's memory happens to lie makes a whole instance faster or slower by a fifth. So a figure is the
/// median over processes of the median within each, and a ratio is the median over processes of the ratio within.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace larder::bench {

inline double median_of(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::ranges::sort(numbers);
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

/// Nanoseconds an operation.
class Timing {
 public:
  void add(std::size_t process, double nanoseconds) {
    if (processes_.size() <= process) processes_.resize(process + 1);
    processes_[process].push_back(nanoseconds);
  }

  double median() const {
    std::vector<double> medians;
    for (const auto& times : processes_) {
      if (!times.empty()) medians.push_back(median_of(times));
    }
    return median_of(std::move(medians));
  }

  double least() const { return std::ranges::min(all()); }
  double most() const { return std::ranges::max(all()); }

  /// One list of repetitions for each process.
  const std::vector<std::vector<double>>& processes() const noexcept { return processes_; }

 private:
  std::vector<double> all() const {
    std::vector<double> all;
    for (const auto& times : processes_) all.insert(all.end(), times.begin(), times.end());
    return all;
  }

  std::vector<std::vector<double>> processes_;
};

/// How many times `theirs` `ours` takes.
inline double ratio(const Timing& ours, const Timing& theirs) {
  std::vector<double> ratios;
  const std::size_t processes = std::min(ours.processes().size(), theirs.processes().size());
  for (std::size_t i = 0; i < processes; ++i) {
    if (ours.processes()[i].empty() || theirs.processes()[i].empty()) continue;
    ratios.push_back(median_of(ours.processes()[i]) / median_of(theirs.processes()[i]));
  }
  return median_of(std::move(ratios));
}

/// By name: `WORK/SUBJECT[/DISTRIBUTION][/threads:N][/entries:N]`, or `adversarial/KEYS/chosen` (or `/random`).
using Timings = std::map<std::string, Timing>;

inline const Timing* find(const Timings& timings, const std::string& name) {
  const auto found = timings.find(name);
  return found == timings.end() ? nullptr : &found->second;
}

}  // namespace larder::bench
