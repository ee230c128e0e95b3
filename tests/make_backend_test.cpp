/// \file make_backend_test.cpp
#include <larder/make_backend.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

using namespace std::chrono_literals;

namespace {

using larder::InvalidArgumentError;

/// A user's own, by its URL: it remembers the one that it was made from.
struct OwnOptions {
  static constexpr std::string_view schemes[] = {"own", "own+unix"};
  std::string url;
  static OwnOptions from_url(std::string_view text) {
    if (text.ends_with("?bad")) throw InvalidArgumentError("url: bad");
    return {std::string(text)};
  }
};

class OwnBackend final : public larder::CacheBackend<std::string, long> {
 public:
  using options_type = OwnOptions;
  explicit OwnBackend(OwnOptions given) : options(std::move(given)) {}
  const OwnOptions options;

 private:
  std::optional<long> do_get(std::string_view) override { return 42; }
  bool do_set(std::string_view, long, larder::Ttl, larder::Metadata) override { return false; }
  bool do_erase(std::string_view) override { return false; }
  bool do_exists(std::string_view) override { return true; }
  std::size_t do_clear() override { return 0; }
  larder::CacheStats do_stats() const override { return {}; }
};

std::string refusal(std::string_view url) {
  return larder_tests::message_of<InvalidArgumentError>([url] { larder::make_backend(url); });
}

}  // namespace

TEST_CASE("make_backend: memory is always known, with its options", "[make_backend]") {
  const std::shared_ptr<larder::CacheBackend<>> cache = larder::make_backend("memory://");
  CHECK(cache->set("k", "v"));
  CHECK(cache->get("k") == "v");
  const auto small = larder::make_backend<int, std::string>("memory://?max_entries=2&max_size_bytes=1000&shards=1");
  for (int i = 0; i < 5; ++i) small->set(i, "value");
  CHECK(small->stats().current_entries == 2);
  CHECK(small->stats().max_size_bytes == 1000);
}

TEST_CASE("make_backend: the options of memory", "[make_backend]") {
  const auto options = larder::in_memory_options_from_url(
      "memory:///?max_size_bytes=1000&max_entries=10&shards=2&promotion_interval=3&default_ttl=2s");
  CHECK(options.max_size_bytes == 1000);
  CHECK(options.max_entries == 10);
  CHECK(options.shards == 2);
  CHECK(options.promotion_interval == 3);
  CHECK(options.default_ttl == 2s);
}

TEST_CASE("make_backend: what makes no sense is named", "[make_backend]") {
  using larder_tests::contains;
  CHECK(contains(refusal("memory://?shards=0"), "shards"));
  CHECK(contains(refusal("memory://?shards=x"), "shards"));
  CHECK(contains(refusal("memory://?size=1"), "\"size\""));
  CHECK(contains(refusal("memory://host/"), "nothing but a query"));
  CHECK(contains(refusal("memory://user:secret@"), "nothing but a query"));
  CHECK(contains(refusal(""), "no scheme"));
  CHECK(contains(refusal("/tmp/cache"), "no scheme"));
}

TEST_CASE("make_backend: an unknown scheme is told which are known, and nothing of the rest", "[make_backend]") {
  const std::string message = refusal("floppy://user:secret@host/");
  CHECK(message.find("no backend is known for the scheme \"floppy\"") != std::string::npos);
  CHECK(message.find("(known: memory)") != std::string::npos);
  CHECK(message.find("secret") == std::string::npos);
  CHECK(refusal("user:secret@redis://host").find("secret") == std::string::npos);
}

TEST_CASE("make_backend: a registered backend is known by all of its schemes, for its types alone", "[make_backend]") {
  CHECK_THROWS_AS((larder::make_backend<std::string, long>("own://x")), InvalidArgumentError);
  CHECK(larder::register_backend<OwnBackend>());
  CHECK(larder::register_backend<OwnBackend>());
  for (const std::string url : {"own://x?y", "own+unix:///z"}) {
    const auto made = larder::make_backend<std::string, long>(url);
    CHECK(made->get("k") == 42);
    CHECK(dynamic_cast<OwnBackend&>(*made).options.url == url);
  }
  CHECK_THROWS_AS((larder::make_backend<std::string, long>("own://x?bad")), InvalidArgumentError);
  CHECK_THROWS_AS(larder::make_backend("own://x"), InvalidArgumentError);
  const auto known = larder::BackendRegistry<std::string, long>::of_program().schemes();
  CHECK(known == std::vector<std::string>{"memory", "own", "own+unix"});
}
