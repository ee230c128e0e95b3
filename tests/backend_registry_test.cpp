/// \file backend_registry_test.cpp
#include <larder/backend_registry.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

using larder::BackendRegistry;
using larder::InvalidArgumentError;
using larder_tests::contains;
using larder_tests::message_of;

/// Of its own, not the program's.
using Registry = BackendRegistry<>;

TEST_CASE("BackendRegistry: an empty one knows nothing, and says so", "[backend_registry]") {
  const Registry registry;
  CHECK(registry.schemes().empty());
  CHECK(contains(message_of<InvalidArgumentError>([&] { registry.make("redis://a"); }), "known: none"));
}

TEST_CASE("BackendRegistry: a maker is given the whole URL, and what it throws passes through", "[backend_registry]") {
  Registry registry;
  std::vector<std::string> urls;
  registry.add("b", [&urls](std::string_view url) -> std::unique_ptr<Registry::Backend> {
    urls.emplace_back(url);
    throw InvalidArgumentError("made nothing");
  });
  registry.add("a", [](std::string_view) -> std::unique_ptr<Registry::Backend> { throw 7; });
  CHECK(registry.schemes() == std::vector<std::string>{"a", "b"});
  CHECK(message_of<InvalidArgumentError>([&] { registry.make("b://user@host/?x=y"); }) == "made nothing");
  CHECK(urls == std::vector<std::string>{"b://user@host/?x=y"});
  CHECK_THROWS_AS(registry.make("a://"), int);
  // The last one counts.
  registry.add("a", [](std::string_view) -> std::unique_ptr<Registry::Backend> { throw InvalidArgumentError("new"); });
  CHECK(message_of<InvalidArgumentError>([&] { registry.make("a://"); }) == "new");
}

TEST_CASE("BackendRegistry: nothing of a URL that could be a secret is shown", "[backend_registry]") {
  const Registry registry;
  for (const std::string url : {"user:hush@redis://host", "redis:hush@host", "x://user:hush@host", ":hush@://"}) {
    CAPTURE(url);
    const std::string message = message_of<InvalidArgumentError>([&] { registry.make(url); });
    CHECK_FALSE(message.empty());
    CHECK_FALSE(contains(message, "hush"));
  }
}

}  // namespace
