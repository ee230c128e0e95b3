#include <larder/testing/history_event.hpp>

#include <string>

#include "tests/support/catch.hpp"

using larder::testing::HistoryEvent;
using larder::testing::ImpossibleRead;
using Kind = larder::testing::HistoryEvent::Kind;

TEST_CASE("an impossible read is told with the calls that show it, under each other") {
  const ImpossibleRead impossible{
      "get(\"k\") read \"old\", although it was erased",
      {{.kind = Kind::wrote, .thread = 0, .begin = 1, .end = 2, .key = "k", .value = "old", .operation = "set_many"},
       {.kind = Kind::removed, .thread = 1, .begin = 3, .key = "k"},
       {.kind = Kind::read, .thread = 10, .begin = 100, .end = 101, .key = "k", .value = "old"}},
      2};
  CHECK(impossible.to_text() ==
        "get(\"k\") read \"old\", although it was erased:\n"
        "  begin  end    thread  call           effect\n"
        "  1      2      0       set_many(\"k\")  wrote \"old\"\n"
        "  3      never  1       erase(\"k\")     threw; perhaps removed\n"
        "  100    101    10      get(\"k\")       read \"old\"  <- impossible\n");
}

TEST_CASE("each kind of event has its words") {
  const auto told = [](Kind kind) {
    return ImpossibleRead{"x", {{.kind = kind, .begin = 1, .end = 2, .key = "k"}}, 0}.to_text();
  };
  CHECK_THAT(told(Kind::found), Catch::Matchers::ContainsSubstring("exists(\"k\")  found a value"));
  CHECK_THAT(told(Kind::missed), Catch::Matchers::ContainsSubstring("get(\"k\")  missed"));
  CHECK_THAT(told(Kind::removed), Catch::Matchers::ContainsSubstring("erase(\"k\")  removed"));
}
