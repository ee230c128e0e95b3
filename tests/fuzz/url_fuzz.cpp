/// \file url_fuzz.cpp
/// Any text as a URL, of any backend: options that are sound, or an InvalidArgumentError that does not show the
/// password.
#include <larder/backends/detail/url.hpp>
#include <larder/backends/dynamodb_options.hpp>
#include <larder/backends/memcached_options.hpp>
#include <larder/backends/redis_options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/input.hpp"

using larder_tests::FuzzInput;
using larder_tests::require;

namespace {

constexpr std::string_view secret = "s3cr3t";

bool shows_secret(std::string_view text) { return text.find(secret) != std::string_view::npos; }

template <class Parse>
void parse(const Parse& parse_options) {
  try {
    parse_options();
  } catch (const larder::InvalidArgumentError& error) {
    require(!shows_secret(error.what()), "no message shows the password");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  // What is said elsewhere is no secret.
  if (shows_secret({reinterpret_cast<const char*>(bytes), size})) return 0;
  constexpr std::string_view schemes[] = {"redis", "rediss", "memcached", "dynamodb", "redis+unix", ""};
  const std::size_t backend = input.below(4);
  const std::size_t scheme = input.below(std::size(schemes));
  std::string url(schemes[scheme]);
  if (scheme + 1 < std::size(schemes)) {
    url += "://";
    if (input.flag()) {
      // Whatever stands around it, a password is one up to the last @ of the authority.
      url.append(input.text(input.below(6)));
      url.append(":").append(secret).append(input.text(input.below(6))).append("@");
    }
  }
  url.append(input.rest());
  switch (backend) {
    case 0: parse([&] { larder::detail::Url::parse(url); }); break;
    case 1: parse([&] { larder::RedisOptions::from_url(url); }); break;
    case 2: parse([&] { larder::MemcachedOptions::from_url(url); }); break;
    default: parse([&] { larder::DynamoDbOptions::from_url(url); });
  }
  return 0;
}
