/// \file stored_values_test.cpp
#include <larder/backends/detail/stored_values.hpp>

#include <chrono>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

using larder::Bytes;
using larder::detail::Envelope;
using larder::detail::RequestCounters;
using larder::detail::StoredValues;

/// Numbers as text; what is wrong with others depends on their first character.
struct PickyCodec {
  std::string encode(int value) const { return std::to_string(value); }
  std::optional<int> decode(std::string_view text) const {
    if (text.starts_with('e')) throw std::runtime_error("not today");
    if (text.starts_with('i')) throw 7;
    if (text.starts_with('a')) throw std::bad_alloc();
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    return std::stoi(std::string(text));
  }
};

struct Stored {
  RequestCounters counters;
  std::vector<std::string> reasons;
  StoredValues<int, PickyCodec> values{PickyCodec(),
                                       [this](std::string_view key, std::string_view reason) {
                                         reasons.push_back(std::string(key) + ": " + std::string(reason));
                                         throw std::runtime_error("the hook's own affair");
                                       },
                                       counters};

  std::string form(int value, const larder::Metadata& metadata = {}, std::string_view identity = {}) const {
    std::string stored;
    values.encode(value, metadata, identity, [&stored](std::string_view bytes) { stored = bytes; });
    return stored;
  }
};

TEST_CASE("StoredValues: raw, or in an envelope with metadata or an identity", "[stored_values]") {
  Stored stored;
  CHECK(stored.form(42) == "42");
  CHECK(stored.values.decode("k", Bytes("42")) == 42);
  Envelope::Content rest;
  CHECK(stored.values.decode("k", Bytes(stored.form(42, {{"a", "b"}})), {}, &rest) == 42);
  CHECK(rest.metadata.at("a") == "b");
  CHECK(stored.values.decode("k", Bytes(stored.form(42, {}, "identity")), "identity") == 42);
  CHECK(stored.reasons.empty());
}

TEST_CASE("StoredValues: what cannot be read is counted, reported, and no value", "[stored_values]") {
  Stored stored;
  for (const std::string text : {"x", "", "exception", "int thrown"})
    CHECK_FALSE(stored.values.decode("k", Bytes(text)));
  std::string broken = stored.form(42, {{"a", "b"}});
  broken.back() = '3';
  CHECK_FALSE(stored.values.decode("k", Bytes(broken)));
  CHECK(stored.counters.sum(larder::detail::RequestCounters::undecodable) == 5);
  REQUIRE(stored.reasons.size() == 5);
  CHECK(stored.reasons[2] == "k: the codec cannot decode it: not today");
  CHECK_THROWS_AS(stored.values.decode("k", Bytes("alloc")), std::bad_alloc);
}

TEST_CASE("StoredValues: another identity, or none, belongs to another key", "[stored_values]") {
  Stored stored;
  CHECK_FALSE(stored.values.decode("k", Bytes(stored.form(42, {}, "one")), "other"));
  CHECK_FALSE(stored.values.decode("k", Bytes(stored.form(42, {}, "one"))));
  CHECK_FALSE(stored.values.decode("k", Bytes("42"), "one"));
  CHECK(stored.counters.sum(larder::detail::RequestCounters::undecodable) == 3);
}

TEST_CASE("later: does not go beyond what the clock can tell", "[stored_values]") {
  using Clock = std::chrono::system_clock;
  const auto now = Clock::now();
  CHECK(larder::detail::later(now, std::chrono::seconds(1)) == now + std::chrono::seconds(1));
  CHECK(larder::detail::later(now, std::chrono::milliseconds::max()) == Clock::time_point::max());
}

}  // namespace
