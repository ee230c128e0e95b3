/// \file progress_bar.hpp
/// ProgressBar: one line on a terminal that says how far the work is, and is gone when it is done.
///
/// Invariant: the line holds `width_` characters of ours, and the cursor stands behind them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "text.hpp"

namespace larder::replay {

class ProgressBar {
 public:
  /// Writes to `out`; nothing at all unless `shown`.
  ProgressBar(std::ostream& out, bool shown) : out_(out), shown_(shown) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { erase(); }

  /// The next piece of work; of `total` 0, it is not known how much it is.
  void start(std::string what, std::uint64_t total) {
    what_ = std::move(what);
    total_ = total;
    next_ = {};
    update(0);
  }

  /// `done` of the total, or so many bytes where the total is not known. Ten times a second is seldom enough to cost
  /// nothing.
  void update(std::uint64_t done) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    draw(what_ + "  " + (total_ == 0 ? binary_size(done) : bar_of(std::min(done, total_))));
  }

  /// Leaves the line as it was before the bar, for others to write there.
  void erase() {
    if (width_ == 0) return;
    out_ << '\r' << std::string(width_, ' ') << '\r' << std::flush;
    width_ = 0;
  }

 private:
  static constexpr std::size_t cells = 30;

  std::string bar_of(std::uint64_t done) const {
    const double part = static_cast<double>(done) / static_cast<double>(total_);
    const auto full = static_cast<std::size_t>(part * cells);
    return "[" + std::string(full, '#') + std::string(cells - full, '.') + "] " + fixed(part * 100, 0) + " %";
  }

  void draw(std::string line) {
    const std::size_t width = line.size();
    // What stood there before and is longer is painted over.
    line.append(std::max(width, width_) - width, ' ');
    out_ << '\r' << line << std::flush;
    width_ = line.size();
  }

  std::ostream& out_;
  bool shown_;
  std::string what_;
  std::uint64_t total_ = 0;
  std::chrono::steady_clock::time_point next_;
  std::size_t width_ = 0;
};

}  // namespace larder::replay
