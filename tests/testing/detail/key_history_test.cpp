/// \file key_history_test.cpp
/// Which reads find_impossible_read finds, for what reason, and how it proves it: histories made by hand.
#include <larder/testing/detail/key_history.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/testing/history.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using larder::InvalidArgumentError;
using larder::testing::find_impossible_read;
using larder::testing::HistoryEvent;
using larder_tests::contains;
using larder_tests::message_of;
using Events = std::vector<HistoryEvent>;
using Kind = HistoryEvent::Kind;

namespace {

constexpr std::uint64_t never = HistoryEvent::never;

/// An event of the key "k". Where a history matters, its events are written down from top to bottom.
HistoryEvent event(Kind kind, std::uint64_t begin, std::uint64_t end, std::string value, std::string_view operation) {
  return {.kind = kind, .begin = begin, .end = end, .key = "k", .value = std::move(value), .operation = operation};
}
HistoryEvent wrote(std::uint64_t begin, std::uint64_t end, std::string value) {
  return event(Kind::wrote, begin, end, std::move(value), "set");
}
HistoryEvent removed(std::uint64_t begin, std::uint64_t end) { return event(Kind::removed, begin, end, {}, "erase"); }
HistoryEvent read(std::uint64_t begin, std::uint64_t end, std::string value) {
  return event(Kind::read, begin, end, std::move(value), "get");
}
HistoryEvent found(std::uint64_t begin, std::uint64_t end) { return event(Kind::found, begin, end, {}, "exists"); }
HistoryEvent missed(std::uint64_t begin, std::uint64_t end) { return event(Kind::missed, begin, end, {}, "get"); }

HistoryEvent of_key(std::string key, HistoryEvent event) {
  event.key = std::move(key);
  return event;
}

/// The explanation, or nothing if every read is possible. In both cases the order of the events must not matter.
std::string explanation(Events events, bool nothing_is_evicted = true) {
  const auto impossible = find_impossible_read(events, nothing_is_evicted);
  std::reverse(events.begin(), events.end());
  const auto reversed = find_impossible_read(events, nothing_is_evicted);
  CHECK(reversed.has_value() == impossible.has_value());
  if (!impossible) return {};
  CHECK(reversed->explanation == impossible->explanation);
  CHECK(reversed->events == impossible->events);
  return impossible->explanation;
}

Events evidence(const Events& events) {
  const auto impossible = find_impossible_read(events, true);
  REQUIRE(impossible.has_value());
  return impossible->events;
}

}  // namespace

// Histories that are possible.

TEST_CASE("a history without events, or of one thread that reads what it wrote, is possible", "[history]") {
  CHECK(explanation({}).empty());
  CHECK(explanation({missed(1, 2), wrote(3, 4, "1"), read(5, 6, "1"), found(7, 8), wrote(9, 10, "2"), read(11, 12, "2"),
                     removed(13, 14), missed(15, 16)})
            .empty());
}

TEST_CASE("a read may see a write or a removal that it overlaps, or not yet", "[history]") {
  CHECK(explanation({wrote(1, 2, "old"), wrote(3, 6, "new"), read(4, 5, "old")}).empty());
  CHECK(explanation({wrote(1, 2, "old"), wrote(3, 6, "new"), read(4, 5, "new")}).empty());
  CHECK(explanation({wrote(1, 2, "old"), read(3, 6, "new"), wrote(4, 5, "new")}).empty());
  CHECK(explanation({wrote(1, 2, "old"), read(3, 6, "old"), wrote(4, 5, "new")}).empty());
  CHECK(explanation({wrote(1, 2, "old"), removed(3, 6), read(4, 5, "old")}).empty());
  CHECK(explanation({wrote(1, 2, "old"), removed(3, 6), found(4, 5)}).empty());
  CHECK(explanation({wrote(1, 2, "old"), removed(3, 6), missed(4, 5)}).empty());
  CHECK(explanation({wrote(1, 4, "1"), missed(2, 3)}).empty());
}

TEST_CASE("of two writes that overlap, either may be the last", "[history]") {
  CHECK(explanation({wrote(1, 4, "1"), wrote(2, 3, "2"), read(5, 6, "1"), read(7, 8, "1")}).empty());
  CHECK(explanation({wrote(1, 4, "1"), wrote(2, 3, "2"), read(5, 6, "2"), read(7, 8, "2")}).empty());
  CHECK(explanation({wrote(1, 4, "1"), removed(2, 3), missed(5, 6), missed(7, 8)}).empty());
  CHECK(explanation({wrote(1, 4, "1"), removed(2, 3), found(5, 6), read(7, 8, "1")}).empty());
}

TEST_CASE("a write of a call that threw may be seen at any time later, or never", "[history]") {
  CHECK(explanation({wrote(1, 2, "old"), wrote(3, never, "new"), read(4, 5, "old"), read(6, 7, "new")}).empty());
  CHECK(explanation({wrote(1, 2, "old"), wrote(3, never, "new"), read(4, 5, "old"), read(6, 7, "old")}).empty());
  CHECK(explanation({wrote(1, never, "late"), missed(2, 3), removed(4, 5), missed(6, 7), found(8, 9)}).empty());
}

TEST_CASE("a removal of a call that threw may be seen at any time later, or never", "[history]") {
  CHECK(explanation({wrote(1, 2, "1"), removed(3, never), read(4, 5, "1"), found(6, 7), read(8, 9, "1")}).empty());
  CHECK(explanation({wrote(1, 2, "1"), removed(3, never), read(4, 5, "1"), missed(6, 7), missed(8, 9)}).empty());
  CHECK(explanation({removed(1, never), wrote(2, 3, "1"), missed(4, 5)}).empty());
}

TEST_CASE("the same value may be written to different keys, and keys have nothing to do with each other", "[history]") {
  CHECK(explanation({of_key("a", wrote(1, 2, "1")), of_key("b", wrote(3, 4, "1")), of_key("b", removed(5, 6)),
                     of_key("a", read(7, 8, "1")), of_key("b", missed(9, 10))})
            .empty());
}

TEST_CASE("keys and values may be empty and have NUL bytes", "[history]") {
  const std::string nul(1, '\0');
  CHECK(explanation({of_key("", wrote(1, 2, "")), of_key(nul, wrote(3, 4, nul)), of_key("", read(5, 6, "")),
                     of_key(nul, read(7, 8, nul))})
            .empty());
  CHECK(explanation({of_key("", wrote(1, 2, "")), of_key("", read(3, 4, nul))}) ==
        R"(get("") read "\000"s, which was never written to this key)");
}

// Reads that are impossible, one test for each reason.

TEST_CASE("a value that was never written is impossible", "[history]") {
  const Events events = {wrote(1, 2, "1"), read(3, 4, "2")};
  CHECK(explanation(events) == R"(get("k") read "2", which was never written to this key)");
  CHECK(explanation(events, false) == explanation(events));
  CHECK(evidence(events) == Events{events[1]});
}

TEST_CASE("a value that was written to another key only is impossible, and the explanation names that", "[history]") {
  const Events events = {of_key("other", wrote(1, 4, "1")), read(2, 3, "1")};
  CHECK(explanation(events) == R"(get("k") read "1", which was never written to this key, but to "other")");
  CHECK(evidence(events) == events);
  CHECK(explanation({read(1, 2, "1"), of_key("other", wrote(3, 4, "1"))}) ==
        R"(get("k") read "1", which was never written to this key)");
}

TEST_CASE("a value that was written after the read only is impossible", "[history]") {
  const Events events = {read(1, 2, "1"), wrote(3, 4, "1"), read(5, 6, "1")};
  CHECK(explanation(events) == R"(get("k") read "1", but was over before set("k") of that value began)");
  CHECK(evidence(events) == Events{events[0], events[1]});
  CHECK(contains(explanation({read(1, 2, "1"), wrote(3, never, "1")}), "was over before"));
}

TEST_CASE("a value that was overwritten before the read is impossible", "[history]") {
  const Events events = {wrote(1, 2, "old"), wrote(3, 4, "new"), read(5, 6, "old")};
  CHECK(explanation(events) == R"(get("k") read "old", but set("k") had surely replaced it with "new" before)");
  CHECK(explanation(events, false) == explanation(events));
  CHECK(evidence(events) == events);
}

TEST_CASE("a value that was erased before the read is impossible", "[history]") {
  const Events events = {wrote(1, 2, "1"), removed(3, 4), read(5, 6, "1"), missed(7, 8)};
  CHECK(explanation(events) == R"(get("k") read "1", but erase("k") had surely removed it before)");
  CHECK(explanation(events, false) == explanation(events));
  CHECK(evidence(events) == Events(events.begin(), events.begin() + 3));
}

TEST_CASE("what another read saw has happened, even while the write goes on", "[history]") {
  SECTION("the overwriting write") {
    const Events events = {wrote(1, 2, "old"), wrote(3, 10, "new"), read(4, 5, "new"), read(6, 7, "old")};
    CHECK(explanation(events) == R"(get("k") read "old", but set("k") had surely replaced it with "new" before )"
                                 R"((get("k") of thread 0 shows that "new" was there by then))");
    CHECK(evidence(events) == events);
  }
  SECTION("the write that is overwritten") {
    const Events events = {wrote(1, 10, "old"), read(2, 3, "old"), wrote(4, 5, "new"), read(6, 7, "old")};
    CHECK(explanation(events) == R"(get("k") read "old", but set("k") had surely replaced it with "new" before )"
                                 R"((get("k") of thread 0 shows that "old" was there by then))");
    CHECK(evidence(events) == events);
  }
  SECTION("both") {
    const Events events = {wrote(1, never, "old"), read(2, 3, "old"), wrote(4, never, "new"), read(5, 6, "new"),
                           read(7, 8, "old")};
    CHECK(contains(explanation(events), "replaced it"));
    CHECK(evidence(events) == events);
  }
  SECTION("a write that is said to be removed") {
    const Events events = {removed(1, 2), wrote(3, 12, "1"), read(4, 5, "1"), removed(6, 7), found(8, 9)};
    CHECK(contains(explanation(events), R"("1" was there by then)"));
    CHECK(evidence(events) == Events(events.begin() + 1, events.end()));
  }
  SECTION("a write that a miss denies") {
    const Events events = {wrote(1, 10, "1"), read(2, 3, "1"), missed(4, 5)};
    CHECK(contains(explanation(events), R"("1" was there by then)"));
    CHECK(evidence(events) == events);
  }
}

TEST_CASE("the evidence prefers calls that prove it alone to those that need a read to prove it", "[history]") {
  SECTION("against a value") {
    const Events events = {wrote(1, 2, "old"),   wrote(3, 20, "seen"), read(4, 5, "seen"),
                           wrote(6, 7, "ended"), wrote(8, 9, "also"),  read(10, 11, "old")};
    CHECK(evidence(events) == Events{events[0], events[3], events[5]});
  }
  SECTION("against the existence of one") {
    const Events events = {wrote(1, 6, "1"), read(2, 3, "1"), removed(4, 5), removed(7, 8), found(9, 10)};
    CHECK(evidence(events) == Events{events[0], events[3], events[4]});
  }
  SECTION("against a miss") {
    const Events events = {wrote(1, 20, "seen"), read(2, 3, "seen"), wrote(4, 5, "ended"), missed(6, 7)};
    CHECK(evidence(events) == Events{events[2], events[3]});
  }
}

TEST_CASE("that a value exists is impossible before anything was written", "[history]") {
  const Events events = {found(1, 2), wrote(3, 4, "1")};
  CHECK(explanation(events) == R"(exists("k") found a value, but nothing had been written yet)");
  CHECK(explanation(events, false) == explanation(events));
  CHECK(evidence(events) == Events{events[0]});
}

TEST_CASE("that a value exists is impossible after the last one was removed", "[history]") {
  const Events events = {wrote(1, 2, "1"), wrote(3, 4, "2"), removed(5, 6), found(7, 8), wrote(9, 10, "3")};
  CHECK(explanation(events) == R"(exists("k") found a value, but erase("k") had surely removed the last value before)");
  CHECK(explanation(events, false) == explanation(events));
  CHECK(evidence(events) == Events{events[1], events[2], events[3]});
  CHECK(explanation({wrote(1, 2, "1"), removed(3, 4), found(5, 8), wrote(6, 7, "2")}).empty());
  CHECK(explanation({wrote(1, 4, "1"), removed(2, 3), found(5, 6)}).empty());
}

TEST_CASE("a miss is impossible where a value was written and nothing removed, unless it may be evicted", "[history]") {
  const Events events = {wrote(1, 2, "1"), missed(3, 4)};
  CHECK(explanation(events) ==
        R"(get("k") missed, but set("k") had surely written "1" before, and nothing had been removed)");
  CHECK(evidence(events) == events);
  CHECK(explanation(events, false).empty());
  CHECK(explanation({wrote(1, 2, "1"), missed(3, 6), removed(4, 5)}).empty());
}

TEST_CASE("a miss is impossible where the last removal came before the write", "[history]") {
  const Events events = {removed(1, 2),    removed(3, 4), wrote(5, 6, "1"),
                         wrote(7, 8, "2"), missed(9, 10), removed(11, 12)};
  CHECK(explanation(events) ==
        R"(get("k") missed, but set("k") had surely written "1" before, and the last removal came before that)");
  CHECK(evidence(events) == Events{events[1], events[2], events[4]});
  CHECK(explanation(events, false).empty());
  CHECK(explanation({removed(1, 4), wrote(2, 3, "1"), missed(5, 6)}).empty());
}

TEST_CASE("an overwriting write leaves no room for a miss", "[history]") {
  CHECK(contains(explanation({wrote(1, 2, "1"), wrote(3, 6, "2"), missed(4, 5)}), R"(had surely written "1" before)"));
}

TEST_CASE("the first impossible read is the one that ends first, of whichever key", "[history]") {
  Events events = {wrote(1, 2, "1"),
                   of_key("a", read(3, 12, "x")),
                   of_key("b", read(4, 11, "x")),
                   of_key("c", missed(5, 6)),
                   read(7, 10, "x"),
                   found(8, 9)};
  const auto impossible = find_impossible_read(events, true);
  REQUIRE(impossible.has_value());
  CHECK(impossible->events == Events{events[4]});
  events.push_back(of_key("d", found(13, 14)));
  CHECK(find_impossible_read(events, true)->events == Events{events[4]});
}

TEST_CASE("of several impossible reads in one batch, the first is reported", "[history]") {
  const Events of_two_keys = {of_key("b", read(1, 2, "x")), of_key("a", read(1, 2, "y"))};
  CHECK(evidence(of_two_keys) == Events{of_two_keys[0]});
  const Events of_one_key = {read(1, 2, "x"), read(1, 2, "y")};
  CHECK(evidence(of_one_key) == Events{of_one_key[0]});
}

TEST_CASE("an impossible read casts no doubt on the reads before it", "[history]") {
  // The read of "2" that was over before it was written would else prove that it had been written by then.
  const Events events = {wrote(1, 2, "1"), read(3, 8, "1"), read(4, 5, "2"), wrote(6, 7, "2"), read(9, 10, "2")};
  CHECK(evidence(events) == Events{events[2], events[3]});
}

TEST_CASE("an impossible read is shown as a table of the events that prove it", "[history]") {
  Events events = {wrote(1, 10, "old"), read(2, 3, "old"), removed(4, 5), read(11, 12, "old")};
  events[1].thread = 12;
  events[2].operation = "clear";
  events[3].operation = {};
  const auto impossible = find_impossible_read(events, true);
  REQUIRE(impossible.has_value());
  CHECK(impossible->read == 3);
  CHECK(impossible->to_text() ==
        "get(\"k\") read \"old\", but clear(\"k\") had surely removed it before "
        "(get(\"k\") of thread 12 shows that \"old\" was there by then):\n"
        "  begin  end  thread  call        effect\n"
        "  1      10   0       set(\"k\")    wrote \"old\"\n"
        "  2      3    12      get(\"k\")    read \"old\"\n"
        "  4      5    0       clear(\"k\")  removed\n"
        "  11     12   0       get(\"k\")    read \"old\"  <- impossible\n");
}

TEST_CASE("the table shows calls that threw, and names calls that have no name", "[history]") {
  Events events = {wrote(1, never, "1"), read(2, 3, "1"), removed(4, 5), found(6, 7)};
  for (HistoryEvent& each : events) each.operation = {};
  const std::string text = find_impossible_read(events, true)->to_text();
  CHECK(contains(text, "1      never  0       set(\"k\")     threw; perhaps wrote \"1\"\n"));
  CHECK(contains(text, "4      5      0       erase(\"k\")   removed\n"));
  CHECK(contains(text, "6      7      0       exists(\"k\")  found a value  <- impossible\n"));
}

TEST_CASE("a history that makes no sense is refused", "[history]") {
  const Events twice = {wrote(1, 2, "v"), wrote(3, 4, "v")};
  CHECK(message_of<InvalidArgumentError>([&] { find_impossible_read(twice, true); }) ==
        R"(find_impossible_read: the value "v" is written twice to the key "k", so that it is unclear which of the )"
        R"(two a read saw)");
  const Events backwards = {read(2, 1, "v")};
  CHECK(message_of<InvalidArgumentError>([&] { find_impossible_read(backwards, true); }) ==
        R"(find_impossible_read: get("k") begins at 2 and ends at 1)");
  CHECK_THROWS_AS(find_impossible_read(Events{missed(2, 2)}, true), InvalidArgumentError);
}
