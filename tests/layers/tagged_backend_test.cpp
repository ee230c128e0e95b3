/// \file tagged_backend_test.cpp
#include <larder/layers/tagged_backend.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/chaos_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/interposed_backend.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::tag_list;
using larder::TaggedBackend;
using larder_tests::InterposedBackend;

namespace {

using Memory = larder::InMemoryBackend<>;

struct Tagged {
  std::shared_ptr<Memory> entries = std::make_shared<Memory>();
  std::shared_ptr<Memory> stamps = std::make_shared<Memory>();
  std::shared_ptr<InterposedBackend> entries_front = std::make_shared<InterposedBackend>(entries);
  std::shared_ptr<InterposedBackend> stamps_front = std::make_shared<InterposedBackend>(stamps);
  TaggedBackend<> cache{entries_front, stamps_front};
  TaggedBackend<> same{entries, stamps};  // as another process would have it
};

larder::Metadata tagged(std::initializer_list<std::string_view> tags) { return {{"tags", tag_list(tags)}}; }

const std::optional<Bytes> nothing;

}  // namespace

TEST_CASE("TaggedBackend: bad input is refused by its name", "[tagged]") {
  using Error = larder::InvalidArgumentError;
  using larder_tests::contains;
  using larder_tests::message_of;
  const auto memory = std::make_shared<Memory>();
  CHECK(contains(message_of<Error>([&] { TaggedBackend<> cache(nullptr, memory); }), "wrapped = nullptr"));
  CHECK(contains(message_of<Error>([&] { TaggedBackend<> cache(memory, nullptr); }), "stamps = nullptr"));
  CHECK(contains(message_of<Error>([&] { TaggedBackend<> cache(memory, {.stamp_ttl = 0s}); }), "stamp_ttl = 0 ms"));
  CHECK(contains(message_of<Error>([&] { TaggedBackend<>(memory).erase_tag(""); }), "tag is empty"));
  CHECK_THROWS_AS(TaggedBackend<>(nullptr), larder::InvalidArgumentError);
}

TEST_CASE("TaggedBackend: a tag invalidates every entry that bears it, and no other", "[tagged]") {
  Tagged both;
  auto& cache = both.cache;
  cache.set("a", "1", {}, tagged({"red"}));
  cache.set("b", "2", 1h, tagged({"red", "blue"}));
  cache.set("c", "3", {}, tagged({"blue"}));
  cache.set("d", "4");
  cache.set("e", "5", {}, {{"other", "red"}});
  CHECK(cache.erase_tag("red"));
  CHECK(cache.get("a") == nothing);
  CHECK(cache.get("b") == nothing);
  CHECK(cache.get("c") == Bytes("3"));
  CHECK(cache.get("d") == Bytes("4"));
  CHECK(cache.get("e") == Bytes("5"));
  CHECK_FALSE(cache.exists("a"));
  CHECK_FALSE(cache.touch("a", 1h));
  CHECK_FALSE(cache.get_entry("a"));
  CHECK(cache.get_many({"a", "b", "c", "d"}).size() == 2);
  CHECK_FALSE(cache.visit_entry("a", [](const larder::EntryView<Bytes>&) { FAIL("it was invalidated"); }));
  const std::vector<std::string_view> keys{"a", "c", "b"};
  std::string seen;
  CHECK(cache.visit_entries(keys, [&](std::size_t i, const larder::EntryView<Bytes>& entry) {
    seen += std::to_string(i) + entry.value.str();
  }) == 1);
  CHECK(seen == "13");
  // Set anew, it is there again.
  cache.set("a", "new", {}, tagged({"red"}));
  CHECK(cache.get("a") == Bytes("new"));
  CHECK(both.same.get("a") == Bytes("new"));
  both.same.erase_tag("red");
  CHECK(cache.get("a") == nothing);
}

TEST_CASE("TaggedBackend: an invalidated entry is a miss in the statistics", "[tagged]") {
  Tagged both;
  both.cache.set("a", "1", {}, tagged({"red"}));
  both.cache.get("a");
  both.cache.erase_tag("red");
  both.cache.get("a");
  both.cache.get_many({"a", "nobody"});
  CHECK(both.cache.stats().hits == 1);
  CHECK(both.cache.stats().misses == 3);
  both.cache.reset_stats();
  CHECK(both.cache.stats().misses == 0);
}

TEST_CASE("TaggedBackend: metadata are the owner's, and what is remembered is nobody's", "[tagged]") {
  Tagged both;
  const larder::Metadata metadata{{"tags", "red"}, {"origin", "here"}};
  both.cache.set("a", "1", 1h, metadata);
  CHECK(both.cache.get_entry("a")->metadata == metadata);
  both.cache.visit_entry("a", [&](const larder::EntryView<Bytes>& entry) {
    CHECK(entry.metadata == metadata);
    CHECK(*entry.ttl > 59min);
  });
  // Who hands in what an entry would remember does not make it so.
  const larder::Metadata stolen = both.entries->get_entry("a")->metadata;
  CHECK(stolen.size() == 2);
  both.cache.erase_tag("red");
  both.cache.set("b", "2", {}, stolen);
  CHECK(both.cache.get("b") == Bytes("2"));
  CHECK(both.cache.get_entry("b")->metadata == stolen);
}

TEST_CASE("TaggedBackend: erase_tag is one small write, and nothing grows with the entries", "[tagged]") {
  Tagged both;
  for (int i = 0; i < 1000; ++i) both.cache.set(std::to_string(i), "v", {}, tagged({"all"}));
  CHECK(both.stamps->stats().current_entries == 1u);
  both.stamps_front->calls.clear();
  both.entries_front->calls.clear();
  for (int i = 0; i < 100; ++i) both.cache.erase_tag("all");
  CHECK(both.stamps->stats().current_entries == 1u);
  CHECK(both.stamps_front->calls.size() == 100);
  CHECK(both.entries_front->calls.empty());
}

TEST_CASE("TaggedBackend: a batch asks for all stamps at once", "[tagged]") {
  Tagged both;
  for (int i = 0; i < 10; ++i) both.cache.set(std::to_string(i), "v", {}, tagged({"all", i % 2 == 0 ? "even" : "odd"}));
  both.cache.erase_tag("odd");
  both.stamps_front->calls.clear();
  both.entries_front->calls.clear();
  CHECK(both.cache.get_many({"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}).size() == 5);
  CHECK(both.stamps_front->calls == std::vector<std::string>{"get_many"});
  CHECK(both.entries_front->calls == std::vector<std::string>{"visit_entries"});
}

TEST_CASE("TaggedBackend: a stamp that is gone brings nothing back", "[tagged]") {
  Tagged both;
  both.cache.set("a", "old", {}, tagged({"red"}));
  both.cache.erase_tag("red");
  both.stamps->clear();  // as an eviction would
  CHECK(both.cache.get("a") == nothing);
  both.cache.set("b", "new", {}, tagged({"red"}));
  CHECK(both.cache.get("a") == nothing);
  CHECK(both.cache.get("b") == Bytes("new"));
}

TEST_CASE("TaggedBackend: a set that erase_tag overtakes leaves nothing that is seen", "[tagged][interleaving]") {
  Tagged both;
  SECTION("after the stamps were read") {
    both.cache.set("x", "v", {}, tagged({"red"}));
    both.stamps_front->once_after("get_many", [&] { both.same.erase_tag("red"); });
  }
  SECTION("after the first stamp was made") {
    both.stamps_front->once_after("set_if_absent", [&] { both.same.erase_tag("red"); });
  }
  SECTION("before the entry is stored") {
    both.entries_front->once_before("set", [&] { both.same.erase_tag("red"); });
  }
  CHECK(both.cache.set("a", "old", {}, tagged({"red"})));
  CHECK(both.cache.get("a") == nothing);
  both.cache.set("a", "new", {}, tagged({"red"}));
  CHECK(both.cache.get("a") == Bytes("new"));
}

TEST_CASE("TaggedBackend: two that make a tag's first stamp agree on one", "[tagged][interleaving]") {
  Tagged both;
  both.stamps_front->once_before("set_if_absent", [&] { both.same.set("b", "2", {}, tagged({"red"})); });
  both.cache.set("a", "1", {}, tagged({"red"}));
  CHECK(both.cache.get("a") == Bytes("1"));
  CHECK(both.cache.get("b") == Bytes("2"));
}

TEST_CASE("TaggedBackend: what is no stamp is replaced by one", "[tagged]") {
  Tagged both;
  both.stamps->set("tred", "somebody else's");
  CHECK(both.cache.set("a", "1", {}, tagged({"red"})));
  CHECK(both.cache.get("a") == Bytes("1"));
}

TEST_CASE("TaggedBackend: what an entry remembers and makes no sense is a miss", "[tagged]") {
  Tagged both;
  both.cache.set("a", "1", {}, tagged({"red"}));
  const std::string whole = both.entries->get_entry("a")->metadata.at("tags");
  CHECK(whole.size() == 1 + 4 + 12 + 4 + 4 + 3);
  for (std::size_t size = 1; size < whole.size() - 3; ++size) {
    INFO(size);
    auto metadata = both.entries->get_entry("a")->metadata;
    metadata.at("tags").resize(size);
    both.entries->set("b", "2", {}, metadata);
    CHECK(both.cache.get("b") == nothing);
    CHECK(both.cache.get_many({"a", "b"}).size() == 1);
  }
}

TEST_CASE("TaggedBackend: set_if_absent takes an invalidated entry for none, and one of several succeeds",
          "[tagged][interleaving]") {
  Tagged both;
  both.cache.set("a", "old", {}, tagged({"red"}));
  CHECK_FALSE(both.cache.set_if_absent("a", "new"));
  both.cache.erase_tag("red");
  SECTION("alone") {
    CHECK(both.cache.set_if_absent("a", "new", {}, tagged({"red"})));
    CHECK(both.cache.get("a") == Bytes("new"));
    CHECK_FALSE(both.same.set_if_absent("a", "newer"));
  }
  SECTION("another one comes first") {
    bool other = false;
    const auto interfere = [&] { other = both.same.set_if_absent("a", "other"); };
    SECTION("before it is looked at") { both.entries_front->once_after("set_if_absent", interfere); }
    SECTION("before the claim") { both.stamps_front->once_before("set_if_absent", interfere); }
    SECTION("before it is erased") { both.entries_front->once_before("erase", interfere); }
    SECTION("after it was erased") { both.entries_front->once_after("erase", interfere); }
    const bool own = both.cache.set_if_absent("a", "own");
    CHECK(own != other);
    CHECK(both.cache.get("a") == Bytes(own ? "own" : "other"));
  }
}

TEST_CASE("TaggedBackend: where stamps cannot be had, entries with tags are misses", "[tagged]") {
  const auto entries = std::make_shared<Memory>();
  const auto store = std::make_shared<larder::testing::ChaosBackend<>>(std::make_shared<Memory>());
  TaggedBackend<> cache(entries, store);
  cache.set("a", "1", {}, tagged({"red"}));
  cache.set("b", "2");
  store->break_store();
  CHECK_THROWS_AS(cache.get("a"), larder::ConnectionError);
  CHECK(cache.get("b") == Bytes("2"));
  CHECK_THROWS_AS(cache.set("a", "new", {}, tagged({"red"})), larder::ConnectionError);
  CHECK_THROWS_AS(cache.erase_tag("red"), larder::ConnectionError);
  store->mend_store();
  CHECK(cache.get("a") == Bytes("1"));
}

TEST_CASE("TaggedBackend: both in one cache", "[tagged]") {
  const auto store = std::make_shared<Memory>();
  TaggedBackend<> cache(store);
  cache.set("a", "1", {}, tagged({"red"}));
  cache.set("tag:tred", "2");
  CHECK(cache.get("a") == Bytes("1"));
  CHECK(store->get("entry:a") == Bytes("1"));
  CHECK(cache.keys().size() == 2);
  CHECK(cache.clear() == 2);
  CHECK(store->stats().current_entries == 1u);  // the stamp
}

TEST_CASE("TaggedBackend: keys and values of other types", "[tagged]") {
  TaggedBackend<int, double> cache(std::make_shared<larder::InMemoryBackend<int, double>>(),
                                   std::make_shared<Memory>());
  cache.set(1, 1.5, {}, tagged({"red"}));
  CHECK(cache.get(1) == 1.5);
  cache.erase_tag("red");
  CHECK(cache.get(1) == std::nullopt);
  CHECK(cache.set_if_absent(1, 2.5));
  CHECK(cache.get(1) == 2.5);
}

TEST_CASE("TaggedBackend: payloads are not copied", "[tagged]") {
  Tagged both;
  const Bytes payload(std::string(100'000, 'x'));
  both.cache.set("k", payload, {}, tagged({"red"}));
  const void* const address = payload.data();
  CHECK(static_cast<const void*>(both.cache.get("k")->data()) == address);
  CHECK(static_cast<const void*>(both.cache.get_many({"k"}).at("k").data()) == address);
}
