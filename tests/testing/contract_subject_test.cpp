#include <larder/testing/contract_subject.hpp>

#include <chrono>
#include <memory>
#include <string>

#include <larder/in_memory_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/six_functions.hpp"

using larder::testing::BackendRequest;
using larder::testing::ContractClock;
using larder::testing::ManualClock;
using Factory = larder::testing::BackendFactory<std::string, larder::Bytes>;
using namespace std::chrono_literals;

TEST_CASE("a factory may take a request, or nothing") {
  const Factory plain([] { return std::make_unique<larder_tests::SixFunctions>(); });
  CHECK(plain);
  CHECK_FALSE(plain.takes_request());
  CHECK(plain({}) != nullptr);
  const Factory asked([](const BackendRequest<>& request) {
    return std::make_shared<larder::InMemoryBackend<>>(request.max_size_bytes.value());
  });
  CHECK(asked.takes_request());
  CHECK(asked({.max_size_bytes = 123})->stats().max_size_bytes == 123u);
}

TEST_CASE("no factory makes nothing") {
  const Factory none;
  CHECK_FALSE(none);
  CHECK(none({}) == nullptr);
}

TEST_CASE("a factory knows the capabilities of the class that it makes, and else takes it for the whole contract") {
  CHECK(Factory([] { return std::make_unique<larder::InMemoryBackend<>>(); }).capabilities().size_limit);
  const Factory six([] { return std::make_unique<larder_tests::SixFunctions>(); });
  CHECK_FALSE(six.capabilities().size_limit);
  CHECK(six.capabilities().enumerable_keys);
  // Of a backend behind the interface nothing is known.
  const Factory hidden(
      []() -> std::shared_ptr<larder::CacheBackend<>> { return std::make_shared<larder::InMemoryBackend<>>(); });
  CHECK_FALSE(hidden.capabilities().size_limit);
}

TEST_CASE("a clock that can be advanced is virtual, be it an object or a function; none is real time") {
  CHECK_FALSE(ContractClock().is_virtual());
  const ManualClock manual;
  const auto before = manual.now();
  const ContractClock clock(manual);
  CHECK(clock.is_virtual());
  clock.advance(5ms);
  CHECK(manual.now() - before == 5ms);
  std::chrono::nanoseconds passed{0};
  ContractClock([&passed](std::chrono::nanoseconds by) { passed += by; }).advance(7ns);
  CHECK(passed == 7ns);
}
