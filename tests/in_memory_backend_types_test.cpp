/// \file in_memory_backend_types_test.cpp
/// What types of keys and values need not have: a default constructor, an alignment like others'.
#include <larder/in_memory_backend.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/fixture.hpp"

using larder_tests::Fixture;
using namespace std::chrono_literals;

namespace {

struct Numbered {
  explicit Numbered(int which) : number(which) {}
  int number;
  friend bool operator==(const Numbered&, const Numbered&) = default;
};

}  // namespace

template <>
struct std::hash<Numbered> {
  std::size_t operator()(const Numbered& key) const noexcept { return static_cast<std::size_t>(key.number); }
};

TEST_CASE("keys and values need no default constructor", "[contract][types]") {
  Fixture<Numbered, Numbered> f;
  CHECK(f.cache.set(Numbered(1), Numbered(10)));
  CHECK(f.cache.get(Numbered(1))->number == 10);
  CHECK(f.cache.get_entry(Numbered(1))->value.number == 10);
  CHECK(f.cache.get_many({Numbered(1), Numbered(2)}).size() == 1);
  CHECK(f.cache.keys().size() == 1);
  CHECK_THROWS_AS((larder::CacheEntry<int, Numbered>{.key = 1}), larder::InvalidArgumentError);
}

namespace {

struct alignas(64) Aligned {
  double number;
};

}  // namespace

TEST_CASE("a value's alignment is kept", "[contract][types]") {
  Fixture<std::string, Aligned> f;
  for (int i = 0; i < 20; ++i) f.cache.set(std::string(static_cast<std::size_t>(i), 'k'), {1.0 * i}, 1h, {{"a", "b"}});
  bool aligned = true;
  for (int i = 0; i < 20; ++i) {
    f.cache.visit(std::string(static_cast<std::size_t>(i), 'k'), [&](const Aligned& value) {
      aligned = aligned && reinterpret_cast<std::uintptr_t>(&value) % 64 == 0 && value.number == i;
    });
  }
  CHECK(aligned);
  CHECK(f.cache.get("kk")->number == 2.0);
}
