/// \file tiered_backend_test.cpp
#include <larder/layers/tiered_backend.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/interposed_backend.hpp"
#include "tests/support/manual_source.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::TieredBackend;
using larder::testing::ManualClock;
using larder_tests::InterposedBackend;

namespace {

using Memory = larder::InMemoryBackend<std::string, Bytes, larder_tests::OnManualClock<larder::InMemoryTraits<>>>;

/// A near and a far cache in memory on one clock, with a place to interfere in front of each.
struct Tiers {
  explicit Tiers(larder::TieredOptions<> options = {}) : cache(near, far, in_virtual_time(std::move(options))) {}

  larder::TieredOptions<> in_virtual_time(larder::TieredOptions<> options) const {
    options.now = [clock = clock] { return clock.now(); };
    return options;
  }

  ManualClock clock;
  std::shared_ptr<Memory> near_memory = std::make_shared<Memory>(Memory::Options{.clock = clock});
  std::shared_ptr<Memory> far_memory = std::make_shared<Memory>(Memory::Options{.clock = clock});
  std::shared_ptr<InterposedBackend> near = std::make_shared<InterposedBackend>(near_memory);
  std::shared_ptr<InterposedBackend> far = std::make_shared<InterposedBackend>(far_memory);
  TieredBackend<> cache;

  std::optional<Bytes> near_value(std::string_view key) const {
    const auto entry = near_memory->get_entry(key);
    return entry ? std::optional(entry->value) : std::nullopt;
  }
};

/// The same with a source of changes: the test itself, once `events` is set.
struct SourcedTiers : Tiers {
  using Slot = std::shared_ptr<larder::InvalidationEvents<>*>;

  explicit SourcedTiers(const Slot& slot = std::make_shared<larder::InvalidationEvents<>*>())
      : Tiers({.invalidation =
                   [slot](larder::InvalidationEvents<>& made) {
                     *slot = &made;
                     return std::make_unique<larder_tests::ManualSource>();
                   }}),
        events(*slot) {}

  larder::InvalidationEvents<>* events;
};

const std::optional<Bytes> nothing;

}  // namespace

TEST_CASE("TieredBackend: bad input is refused by its name", "[tiered]") {
  const auto memory = std::make_shared<larder::InMemoryBackend<>>();
  const auto other = std::make_shared<larder::InMemoryBackend<>>();
  using Error = larder::InvalidArgumentError;
  using larder_tests::contains;
  using larder_tests::message_of;
  CHECK(contains(message_of<Error>([&] { TieredBackend<> cache(nullptr, other); }), "near = nullptr"));
  CHECK(contains(message_of<Error>([&] { TieredBackend<> cache(memory, nullptr); }), "far = nullptr"));
  CHECK(contains(message_of<Error>([&] { TieredBackend<> cache(memory, memory); }), "near = far"));
  CHECK_THROWS_AS(TieredBackend<>(memory, other, {.near_ttl = -1s}), larder::InvalidArgumentError);
  const auto no_source = [](larder::InvalidationEvents<>&) { return nullptr; };
  CHECK_THROWS_AS(TieredBackend<>(memory, other, {.invalidation = no_source}), larder::InvalidArgumentError);
}

TEST_CASE("TieredBackend: a read fills the near cache, which then answers alone", "[tiered]") {
  Tiers tiers;
  tiers.far_memory->set("k", "v");
  CHECK(tiers.cache.get("k") == Bytes("v"));
  CHECK(tiers.near_value("k") == Bytes("v"));
  tiers.far->calls.clear();
  CHECK(tiers.cache.get("k") == Bytes("v"));
  CHECK(tiers.cache.exists("k"));
  CHECK(tiers.far->calls.empty());
  CHECK(tiers.cache.get("nobody") == nothing);
  CHECK(tiers.far->calls == std::vector<std::string>{"visit_entry"});
}

TEST_CASE("TieredBackend: a copy lives for the smaller of near_ttl and what is left of the entry's TTL", "[tiered]") {
  Tiers tiers({.near_ttl = 30s});
  tiers.far_memory->set("short", "v", 10s);
  tiers.far_memory->set("long", "v", 100s);
  tiers.far_memory->set("for ever", "v");
  tiers.clock.advance(4s);
  for (const char* const key : {"short", "long", "for ever"}) tiers.cache.get(key);
  tiers.clock.advance(6s - 1ms);
  CHECK(tiers.near_value("short") == Bytes("v"));
  tiers.clock.advance(1ms);
  CHECK(tiers.near_value("short") == nothing);
  CHECK(tiers.cache.get("short") == nothing);
  tiers.clock.advance(24s - 1ms);
  CHECK(tiers.near_value("long") == Bytes("v"));
  CHECK(tiers.near_value("for ever") == Bytes("v"));
  tiers.clock.advance(1ms);
  CHECK(tiers.near_value("long") == nothing);
  CHECK(tiers.near_value("for ever") == nothing);
}

TEST_CASE("TieredBackend: less than a millisecond that is left is not worth a copy", "[tiered]") {
  Tiers tiers;
  tiers.far_memory->set("k", "v", 10ms);
  tiers.clock.advance(9ms + 500us);
  CHECK(tiers.cache.get("k") == Bytes("v"));
  CHECK(tiers.near_value("k") == nothing);
}

TEST_CASE("TieredBackend: a copy does not outlive its entry, however long the way is", "[tiered][interleaving]") {
  Tiers tiers;
  const auto slowly = [&] { tiers.clock.advance(4s); };
  tiers.far_memory->set("k", "v", 10s);
  SECTION("until the far cache answers") { tiers.far->once_before("visit_entry", slowly); }
  SECTION("from its answer on") { tiers.far->once_after("visit_entry", slowly); }
  SECTION("until the near cache stores it") { tiers.near->once_before("set", slowly); }
  SECTION("after that") { tiers.near->once_after("set", slowly); }
  CHECK(tiers.cache.get("k") == Bytes("v"));
  tiers.clock.advance(6s);
  CHECK_FALSE(tiers.near_value("k"));
}

TEST_CASE("TieredBackend: nor does a copy of what was written", "[tiered][interleaving]") {
  Tiers tiers;
  const auto slowly = [&] { tiers.clock.advance(4s); };
  SECTION("until the far cache has it") { tiers.far->once_before("set", slowly); }
  SECTION("until the far cache says so") { tiers.far->once_after("set", slowly); }
  SECTION("until the near cache stores what was written") { tiers.near->once_before("set", slowly); }
  CHECK(tiers.cache.set("k", "v", 10s));
  tiers.clock.advance(10s - tiers.clock.now().time_since_epoch());
  CHECK_FALSE(tiers.near_value("k"));
}

TEST_CASE("TieredBackend: a write goes to the far cache first", "[tiered]") {
  Tiers tiers({.near_ttl = 30s});
  tiers.near->once_before("set", [&] { CHECK(tiers.far_memory->get("k") == Bytes("v")); });
  CHECK(tiers.cache.set("k", "v", 10s, {{"origin", "here"}}));
  CHECK(tiers.near_value("k") == Bytes("v"));
  CHECK(tiers.near_memory->get_entry("k")->metadata == larder::Metadata{{"origin", "here"}});
  tiers.clock.advance(10s);
  CHECK(tiers.near_value("k") == nothing);

  // How long it stays there without a TTL, the far cache alone knows.
  CHECK(tiers.cache.set("k", "v"));
  CHECK(tiers.near_value("k") == nothing);
  CHECK(tiers.cache.set_many({{"a", "1"}, {"b", "2"}}, 100s) == 2);
  CHECK(tiers.near_value("b") == Bytes("2"));
  tiers.clock.advance(30s);
  CHECK(tiers.near_value("b") == nothing);
}

TEST_CASE("TieredBackend: what the far cache declines is in neither", "[tiered]") {
  const ManualClock clock;
  const auto near = std::make_shared<Memory>(Memory::Options{.clock = clock});
  const auto far = std::make_shared<Memory>(Memory::Options{.max_size_bytes = 10, .clock = clock});
  TieredBackend<> cache(near, far);
  cache.set("k", "old", 10s);
  CHECK_FALSE(cache.set("k", "more than ten bytes", 10s));
  CHECK(cache.get("k") == nothing);
  CHECK(near->get("k") == nothing);
  CHECK(cache.set_many({{"a", "1"}, {"k", "more than ten bytes"}}, 10s) == 1);
  CHECK(cache.get("a") == Bytes("1"));
  CHECK(cache.get("k") == nothing);
}

TEST_CASE("TieredBackend: an error of the far cache passes through, and no copy is left", "[tiered]") {
  Tiers tiers;
  tiers.cache.set("k", "old", 10s);
  REQUIRE(tiers.near_value("k"));
  tiers.far->once_after("set", [] { throw larder::ConnectionError("the reply was lost"); });
  CHECK_THROWS_AS(tiers.cache.set("k", "new", 10s), larder::ConnectionError);
  CHECK(tiers.near_value("k") == nothing);
  CHECK(tiers.cache.get("k") == Bytes("new"));
  tiers.far->once_before("erase_many", [] { throw larder::TimeoutError("too slow"); });
  CHECK_THROWS_AS(tiers.cache.erase_many({"k"}), larder::TimeoutError);
  CHECK(tiers.cache.get("k") == Bytes("new"));
  tiers.far->once_before("clear", [] { throw larder::TimeoutError("too slow"); });
  CHECK_THROWS_AS(tiers.cache.clear(), larder::TimeoutError);
  CHECK(tiers.near_value("k") == nothing);
}

TEST_CASE("TieredBackend: an error of the near cache before a write stops it", "[tiered]") {
  Tiers tiers;
  tiers.cache.set("k", "old", 10s);
  tiers.near->once_before("erase_many", [] { throw larder::ConnectionError("near"); });
  CHECK_THROWS_AS(tiers.cache.set("k", "new", 10s), larder::ConnectionError);
  CHECK(tiers.far_memory->get("k") == Bytes("old"));
  CHECK(tiers.cache.get("k") == Bytes("old"));
}

TEST_CASE("TieredBackend: a near cache that does not let go is not believed", "[tiered]") {
  Tiers tiers;
  tiers.cache.set("k", "old", 10s);
  // Not before the write but after it, with a copy in between that some late fill has stored.
  tiers.far->once_before("set", [&] { tiers.near_memory->set("k", "old"); });
  int erasures = 0;
  tiers.near->before = [&](std::string_view operation) {
    if (operation == "erase_many" && ++erasures == 2) throw larder::ConnectionError("near");
    if (operation == "clear" && erasures == 2) throw larder::ConnectionError("near");
  };
  CHECK(tiers.cache.set("k", "new"));
  CHECK(tiers.near_value("k") == Bytes("old"));
  CHECK(tiers.cache.get("k") == Bytes("new"));  // from the far cache
  tiers.near->before = nullptr;
  tiers.cache.set("other", "v");  // with the next write it lets go of everything
  CHECK(tiers.near_value("k") == nothing);
  CHECK(tiers.cache.get("k") == Bytes("new"));
  CHECK(tiers.near_value("k") == Bytes("new"));
}

TEST_CASE("TieredBackend: a near cache that is not emptied once the far one is, is not believed", "[tiered]") {
  Tiers tiers;
  tiers.cache.set("k", "old", 10s);
  tiers.far->once_after("clear", [&] {
    tiers.near_memory->set("k", "old");
    tiers.near->once_before("clear", [] { throw larder::ConnectionError("near"); });
  });
  CHECK(tiers.cache.clear() == 1);
  CHECK(tiers.near_value("k") == Bytes("old"));
  CHECK(tiers.cache.get("k") == nothing);
  CHECK_FALSE(tiers.cache.exists("k"));
}

TEST_CASE("TieredBackend: a copy that cannot be kept is no error", "[tiered]") {
  Tiers tiers;
  tiers.far_memory->set("k", "v");
  tiers.near->once_before("set", [] { throw std::bad_alloc(); });
  CHECK(tiers.cache.get("k") == Bytes("v"));
  CHECK(tiers.near_value("k") == nothing);
  tiers.near->once_before("set", [] { throw larder::ConnectionError("near"); });
  CHECK(tiers.cache.set("k", "w", 10s));
  CHECK(tiers.cache.get("k") == Bytes("w"));
}

TEST_CASE("TieredBackend: a batch asks the far cache for what the near one lacks, at once", "[tiered]") {
  Tiers tiers;
  tiers.far_memory->set_many({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  tiers.cache.get("b");
  tiers.near->calls.clear();
  tiers.far->calls.clear();
  std::vector<std::string> asked;
  tiers.far->once_before("visit_entries", [] {});
  const std::vector<std::string_view> keys{"a", "b", "nobody", "c", "a"};
  std::vector<std::optional<Bytes>> values(keys.size());
  tiers.cache.get_many(keys, values);
  CHECK(values == std::vector<std::optional<Bytes>>{Bytes("1"), Bytes("2"), nothing, Bytes("3"), Bytes("1")});
  CHECK(tiers.far->calls == std::vector<std::string>{"visit_entries"});
  CHECK(tiers.cache.tiers().far.hits + tiers.cache.tiers().far.misses == 1 + 4);  // "b" was there
  CHECK(tiers.near_value("c") == Bytes("3"));
  tiers.far->calls.clear();
  CHECK(tiers.cache.get_many({"a", "b", "c"}).size() == 3);
  CHECK(tiers.far->calls.empty());
}

TEST_CASE("TieredBackend: statistics are those of both", "[tiered]") {
  Tiers tiers;
  tiers.cache.set("k", "v");
  tiers.cache.get("k");
  tiers.cache.get("k");
  tiers.cache.get("nobody");
  const auto stats = tiers.cache.stats();
  CHECK(stats.hits == 2);
  CHECK(stats.misses == 1);
  CHECK(stats.sets == 1);
  CHECK(stats.current_entries == 1u);
  const auto each = tiers.cache.tiers();
  CHECK(each.near.hits == 1);
  CHECK(each.far.hits == 1);
  CHECK(each.far.misses == 1);
  tiers.cache.reset_stats();
  CHECK(tiers.cache.stats().hits == 0);
  CHECK(tiers.cache.tiers().near.hits == 0);
}

TEST_CASE("TieredBackend: a fill overtaken by a write is dropped", "[tiered][interleaving]") {
  struct Write {
    const char* name;
    void (*run)(TieredBackend<>&);
    std::optional<Bytes> afterwards;
  };
  const Write writes[] = {
      {"set", [](TieredBackend<>& cache) { cache.set("k", "new"); }, Bytes("new")},
      {"set with a TTL", [](TieredBackend<>& cache) { cache.set("k", "new", 10s); }, Bytes("new")},
      {"set_many",
       [](TieredBackend<>& cache) {
         cache.set_many({{"k", "new"}}, 10s);
       },
       Bytes("new")},
      {"erase", [](TieredBackend<>& cache) { cache.erase("k"); }, nothing},
      {"erase_many",
       [](TieredBackend<>& cache) {
         cache.erase_many({"j", "k"});
       },
       nothing},
      {"clear", [](TieredBackend<>& cache) { cache.clear(); }, nothing},
      {"touch", [](TieredBackend<>& cache) { cache.touch("k", 5s); }, Bytes("old")},
  };
  for (const Write& write : writes) {
    INFO(write.name);
    Tiers tiers;
    tiers.far_memory->set("k", "old", 10s);
    // The write comes when the read has its answer, and has not kept it yet.
    tiers.far->once_after("visit_entry", [&] { write.run(tiers.cache); });
    CHECK(tiers.cache.get("k") == Bytes("old"));
    if (tiers.near_value("k")) CHECK(tiers.near_value("k") == write.afterwards);
    CHECK(tiers.cache.tiers().dropped_fills == 1);
    CHECK(tiers.cache.get("k") == write.afterwards);
    tiers.clock.advance(5s);
    if (std::string_view(write.name) == "touch") CHECK(tiers.cache.get("k") == nothing);
  }
}

TEST_CASE("TieredBackend: a batch's fills overtaken by a write are dropped, and the others kept",
          "[tiered][interleaving]") {
  Tiers tiers;
  const std::vector<std::string_view> keys{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  for (const std::string_view key : keys) tiers.far_memory->set(key, "v");
  tiers.far->once_after("visit_entries", [&] { tiers.cache.set("a", "new"); });
  CHECK(tiers.cache.get_many(keys).size() == keys.size());
  CHECK(tiers.near_value("a") == nothing);
  // One that shares the stripe of "a" goes with it.
  CHECK(tiers.near_memory->stats().current_entries >= 6u);
  CHECK(tiers.cache.get("a") == Bytes("new"));
}

TEST_CASE("TieredBackend: a fill that a write overtakes while it is stored is taken back, and seen by nobody",
          "[tiered][interleaving]") {
  Tiers tiers;
  tiers.far_memory->set("k", "old");
  tiers.near->once_before("set", [&] { tiers.cache.set("k", "new"); });
  std::optional<Bytes> meanwhile;
  tiers.near->once_after("set", [&] {
    CHECK(tiers.near_value("k") == Bytes("old"));  // there it is, and is not believed
    meanwhile = tiers.cache.get("k");
  });
  CHECK(tiers.cache.get("k") == Bytes("old"));
  CHECK(meanwhile == Bytes("new"));
  CHECK(tiers.near_value("k") == nothing);
  CHECK(tiers.cache.tiers().disbelieved_hits == 1);
  CHECK(tiers.cache.get("k") == Bytes("new"));
}

TEST_CASE("TieredBackend: a hit that was read before a fill was taken back is not believed", "[tiered][interleaving]") {
  Tiers tiers;
  tiers.far_memory->set("k", "old");
  std::optional<Bytes> reader;
  // A reader looks into the near cache between store and removal, and goes on when both are over.
  tiers.near->once_before("set", [&] { tiers.cache.set("k", "new"); });
  tiers.near->once_after("set", [&] {
    tiers.near->once_after("get", [&] {
      tiers.near_memory->erase("k");  // what the fill is about to do, and then ends
    });
    reader = tiers.cache.get("k");
  });
  tiers.cache.get("k");
  CHECK(reader == Bytes("new"));
}

TEST_CASE("TieredBackend: a read between the two halves of a write leaves no old copy", "[tiered][interleaving]") {
  Tiers tiers;
  tiers.cache.set("k", "old", 10s);
  tiers.far->once_before("set", [&] {
    CHECK(tiers.cache.get("k") == Bytes("old"));
    CHECK(tiers.near_value("k") == nothing);
  });
  CHECK(tiers.cache.set("k", "new"));
  CHECK(tiers.near_value("k") == nothing);
  CHECK(tiers.cache.get("k") == Bytes("new"));

  tiers.far->once_before("erase", [&] { tiers.cache.get("k"); });
  CHECK(tiers.cache.erase("k"));
  CHECK(tiers.cache.get("k") == nothing);
}

TEST_CASE("TieredBackend: who has read what a write wrote reads nothing older, before the write is over either",
          "[tiered][interleaving]") {
  struct Write {
    const char* name;
    const char* far_call;
    void (*run)(TieredBackend<>&);
    std::optional<Bytes> afterwards;
  };
  const Write writes[] = {
      {"set", "set", [](TieredBackend<>& cache) { cache.set("k", "new", 10s); }, Bytes("new")},
      {"set_many", "set_many",
       [](TieredBackend<>& cache) {
         cache.set_many({{"k", "new"}});
       },
       Bytes("new")},
      {"erase", "erase", [](TieredBackend<>& cache) { cache.erase("k"); }, nothing},
      {"clear", "clear", [](TieredBackend<>& cache) { cache.clear(); }, nothing},
  };
  for (const Write& write : writes) {
    INFO(write.name);
    Tiers tiers;
    tiers.far_memory->set("k", "old");
    // A slow reader has the old value in its hands, from after the write began. Then the far cache has the new one, and
    // a quick reader sees it. Then the slow one would keep its copy.
    tiers.far->once_before(write.far_call, [&] {
      tiers.far->once_after("visit_entry", [&] {
        if (write.afterwards) {
          tiers.far_memory->set("k", *write.afterwards);
        } else {
          tiers.far_memory->erase("k");
        }
        CHECK(tiers.cache.get("k") == write.afterwards);
      });
      CHECK(tiers.cache.get("k") == Bytes("old"));
      CHECK(tiers.cache.get("k") == write.afterwards);
    });
    write.run(tiers.cache);
    CHECK(tiers.cache.get("k") == write.afterwards);
  }
}

TEST_CASE("TieredBackend: a write that is over leaves no copy while another of the same key is under way",
          "[tiered][interleaving]") {
  Tiers tiers;
  // The second is over when the first has replaced what it wrote, and is not over itself.
  tiers.far->once_before("set", [&] {
    tiers.far->once_after("set", [&] {
      tiers.far_memory->set("k", "first");
      CHECK(tiers.cache.get("k") == Bytes("first"));
    });
    tiers.cache.set("k", "second", 10s);
    CHECK(tiers.cache.get("k") == Bytes("first"));
  });
  tiers.cache.set("k", "first", 10s);
  CHECK(tiers.cache.get("k") == Bytes("first"));
}

TEST_CASE("TieredBackend: of two writes at once neither leaves a copy that the other one has replaced",
          "[tiered][interleaving]") {
  Tiers tiers;
  // The second is through the far cache before the first, and the other way round.
  tiers.far->once_before("set", [&] { tiers.cache.set("k", "second", 10s); });
  CHECK(tiers.cache.set("k", "first", 10s));
  CHECK(tiers.cache.get("k") == tiers.far_memory->get("k"));
  tiers.far->once_after("set", [&] { tiers.cache.set("k", "second", 10s); });
  CHECK(tiers.cache.set("k", "first", 10s));
  CHECK(tiers.far_memory->get("k") == Bytes("second"));
  CHECK(tiers.cache.get("k") == Bytes("second"));
  tiers.near->once_before("set", [&] { tiers.cache.set("k", "third", 10s); });
  CHECK(tiers.cache.set("k", "first", 10s));
  CHECK(tiers.cache.get("k") == Bytes("third"));
}

TEST_CASE("TieredBackend: of an erase inside a set, and a set inside an erase, the far cache decides",
          "[tiered][interleaving]") {
  Tiers tiers;
  tiers.far->once_after("set", [&] { tiers.cache.erase("k"); });
  CHECK(tiers.cache.set("k", "v", 10s));
  CHECK(tiers.cache.get("k") == nothing);
  tiers.far->once_after("erase", [&] { tiers.cache.set("k", "w", 10s); });
  tiers.cache.erase("k");
  CHECK(tiers.cache.get("k") == Bytes("w"));
}

TEST_CASE("TieredBackend: nothing is kept nor asked of the near cache until the source is armed", "[tiered][source]") {
  SourcedTiers tiers;
  tiers.far_memory->set("k", "v");
  tiers.near->calls.clear();
  CHECK(tiers.cache.get("k") == Bytes("v"));
  CHECK(tiers.near->calls.empty());
  CHECK(tiers.near_value("k") == nothing);

  SECTION("a fill that began before it was armed is not kept") {
    tiers.far->once_after("visit_entry", [&] { tiers.events->on_armed(); });
    CHECK(tiers.cache.get("k") == Bytes("v"));
    CHECK(tiers.near_value("k") == nothing);
    CHECK(tiers.cache.get("k") == Bytes("v"));
    CHECK(tiers.near_value("k") == Bytes("v"));
  }
  SECTION("armed, it is filled, and an invalidation removes the copy") {
    tiers.events->on_armed();
    tiers.cache.get("k");
    CHECK(tiers.near_value("k") == Bytes("v"));
    tiers.far_memory->set("k", "new");
    tiers.events->on_invalidated("k");
    CHECK(tiers.near_value("k") == nothing);
    CHECK(tiers.cache.get("k") == Bytes("new"));
  }
  SECTION("a fill overtaken by an invalidation is dropped") {
    tiers.events->on_armed();
    tiers.far->once_after("visit_entry", [&] {
      tiers.far_memory->set("k", "new");
      tiers.events->on_invalidated("k");
    });
    CHECK(tiers.cache.get("k") == Bytes("v"));
    CHECK(tiers.near_value("k") == nothing);
    CHECK(tiers.cache.get("k") == Bytes("new"));
  }
  SECTION("so is one that an invalidation overtakes while it is stored") {
    tiers.events->on_armed();
    tiers.near->once_before("set", [&] {
      tiers.far_memory->set("k", "new");
      tiers.events->on_invalidated("k");
    });
    CHECK(tiers.cache.get("k") == Bytes("v"));
    CHECK(tiers.near_value("k") == nothing);
  }
  SECTION("a batch's, too") {
    tiers.events->on_armed();
    tiers.far->once_after("visit_entries", [&] {
      tiers.far_memory->set("k", "new");
      tiers.events->on_invalidated("k");
    });
    CHECK(tiers.cache.get_many({"k", "l"}).size() == 1);
    CHECK(tiers.near_value("k") == nothing);
  }
  SECTION("an invalidation after a write and before its copy is kept leaves none") {
    tiers.events->on_armed();
    tiers.far->once_after("set", [&] {
      tiers.far_memory->set("k", "somebody else's");
      tiers.events->on_invalidated("k");
    });
    CHECK(tiers.cache.set("k", "new", 10s));
    CHECK(tiers.cache.get("k") == Bytes("somebody else's"));
  }
  SECTION("a loss empties the near cache, and it is left alone until the source is armed again") {
    tiers.events->on_armed();
    tiers.cache.get("k");
    tiers.events->on_lost();
    CHECK(tiers.near_value("k") == nothing);
    tiers.far_memory->set("k", "new");
    CHECK(tiers.cache.get("k") == Bytes("new"));
    CHECK(tiers.cache.set("l", "w", 10s));
    CHECK(tiers.near_memory->stats().current_entries == 0u);
    CHECK(tiers.cache.tiers().losses == 1);
    tiers.events->on_armed();
    CHECK(tiers.cache.get("k") == Bytes("new"));
    CHECK(tiers.near_value("k") == Bytes("new"));
  }
  SECTION("a fill overtaken by a loss is dropped, also where it is armed again at once") {
    tiers.events->on_armed();
    tiers.far->once_after("visit_entry", [&] {
      tiers.far_memory->set("k", "new");
      tiers.events->on_lost();
      tiers.events->on_armed();
    });
    CHECK(tiers.cache.get("k") == Bytes("v"));
    CHECK(tiers.near_value("k") == nothing);
  }
  SECTION("where the near cache cannot be emptied, it is not asked") {
    tiers.events->on_armed();
    tiers.cache.get("k");
    tiers.near->once_before("clear", [] { throw larder::ConnectionError("near"); });
    CHECK_THROWS(tiers.events->on_lost());
    tiers.far_memory->set("k", "new");
    CHECK(tiers.cache.get("k") == Bytes("new"));
    tiers.events->on_armed();
    CHECK(tiers.cache.get("k") == Bytes("new"));
  }
}

TEST_CASE("TieredBackend: a listener of the near cache may use the cache", "[tiered]") {
  const auto far = std::make_shared<larder::InMemoryBackend<>>();
  TieredBackend<>* whole = nullptr;
  std::vector<std::string> heard;
  const auto near = std::make_shared<larder::InMemoryBackend<>>(larder::InMemoryOptions<>{
      .max_entries = 1, .on_removal = [&](std::string_view key, const Bytes&, larder::RemovalCause) {
        heard.emplace_back(key);
        if (heard.size() < 3) whole->set("from the listener", "v", 10s);
      }});
  TieredBackend<> cache(near, far);
  whole = &cache;
  far->set_many({{"a", "1"}, {"b", "2"}});
  CHECK(cache.get("a") == Bytes("1"));
  CHECK(cache.get("b") == Bytes("2"));
  CHECK(!heard.empty());
  CHECK(cache.get("from the listener") == Bytes("v"));
}

TEST_CASE("TieredBackend: payloads are not copied", "[tiered]") {
  Tiers tiers;
  const Bytes payload(std::string(100'000, 'x'));  // smaller ones the memory keeps within its entries
  const void* const address = payload.data();
  const auto address_of = [](const std::optional<Bytes>& value) { return static_cast<const void*>(value->data()); };
  tiers.cache.set("k", payload, 10s);
  CHECK(address_of(tiers.near_memory->get("k")) == address);
  CHECK(address_of(tiers.far_memory->get("k")) == address);
  CHECK(address_of(tiers.cache.get("k")) == address);
  tiers.near_memory->clear();
  CHECK(address_of(tiers.cache.get("k")) == address);
  CHECK(address_of(tiers.near_memory->get("k")) == address);
}
