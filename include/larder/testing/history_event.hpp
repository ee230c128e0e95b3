/// \file history_event.hpp
/// HistoryEvent: what a call did to one key of a cache or saw of it, and when. ImpossibleRead: such events as evidence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <larder/testing/detail/cpp_text.hpp>

namespace larder::testing {

/// What a call did to one key, or saw of it. A batch is one event for each key, all with the batch's ticks.
struct HistoryEvent {
  enum class Kind : unsigned char {
    wrote,
    /// After this there was no value: an `erase` whatever it returned, a `clear`, a `set` that was declined.
    removed,
    read,
    /// `exists` or `touch` was true, or there was what made `set_if_absent` false.
    found,
    missed,
  };

  /// The end of a call that threw: whether and when it takes effect is unknown.
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  Kind kind = Kind::read;
  unsigned thread = 0;
  /// Ticks of one logical clock for all threads; no tick is both a begin and an end.
  std::uint64_t begin = 0;
  std::uint64_t end = never;
  std::string key{};
  /// What was written or read.
  std::string value{};
  /// Which call it was, such as "get_many": text that outlives the event.
  std::string_view operation{};

  friend bool operator==(const HistoryEvent&, const HistoryEvent&) = default;
};

/// A read that no order of the calls explains: what `find_impossible_read` found (history.hpp).
struct ImpossibleRead {
  /// One sentence without a full stop.
  std::string explanation;
  /// The read, and the few events (at most four) that show it, in order of their begin.
  std::vector<HistoryEvent> events;
  /// Which of the events is the read.
  std::size_t read = 0;

  /// Result: the explanation, and under it a table of the events: ticks, thread, call, and what it did or saw.
  std::string to_text() const;
};

namespace detail {

/// Result: the call of an event, such as `get_many("k")`.
inline std::string call_text(const HistoryEvent& event) {
  const auto name = [&event]() -> std::string_view {
    if (!event.operation.empty()) return event.operation;
    switch (event.kind) {
      case HistoryEvent::Kind::wrote: return "set";
      case HistoryEvent::Kind::removed: return "erase";
      case HistoryEvent::Kind::found: return "exists";
      case HistoryEvent::Kind::read:
      case HistoryEvent::Kind::missed: break;
    }
    return "get";
  };
  return std::string(name()) + "(" + cpp_string(event.key) + ")";
}

/// Result: what the call did or saw, such as `wrote "v"`.
inline std::string effect_text(const HistoryEvent& event) {
  const std::string perhaps = event.end == HistoryEvent::never ? "threw; perhaps " : "";
  switch (event.kind) {
    case HistoryEvent::Kind::wrote: return perhaps + "wrote " + cpp_string(event.value);
    case HistoryEvent::Kind::removed: return perhaps + "removed";
    case HistoryEvent::Kind::read: return "read " + cpp_string(event.value);
    case HistoryEvent::Kind::found: return "found a value";
    case HistoryEvent::Kind::missed: break;
  }
  return "missed";
}

/// Lines of text whose cells stand under each other.
inline std::string table_text(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) row += "  " + line[i] + std::string(widths[i] - line[i].size(), ' ');
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace detail

inline std::string ImpossibleRead::to_text() const {
  std::vector<std::vector<std::string>> lines{{"begin", "end", "thread", "call", "effect"}};
  for (std::size_t i = 0; i < events.size(); ++i) {
    const HistoryEvent& event = events[i];
    lines.push_back({std::to_string(event.begin),
                     event.end == HistoryEvent::never ? "never" : std::to_string(event.end),
                     std::to_string(event.thread), detail::call_text(event),
                     detail::effect_text(event) + (i == read ? "  <- impossible" : "")});
  }
  return explanation + ":\n" + detail::table_text(lines);
}

}  // namespace larder::testing
