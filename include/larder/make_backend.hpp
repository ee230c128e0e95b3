/// \file make_backend.hpp
/// make_backend: a cache by its URL, so that a line of configuration decides where a program's cache is.
///
///     #include <larder/make_backend.hpp>
///     #include <larder/backends/redis_backend.hpp>
///
///     larder::register_backend<larder::RedisBackend<>>();
///     std::shared_ptr<larder::CacheBackend<>> cache = larder::make_backend(url_from_configuration);
///
/// `memory://` is always known, other schemes once their backend has been registered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <larder/backend_registry.hpp>
#include <larder/backends/detail/url.hpp>
#include <larder/cache_backend.hpp>
#include <larder/fwd.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/in_memory_options.hpp>

namespace larder {

/// Result: the options of a cache in process memory from `memory://?max_size_bytes=1048576`. The query may set
/// `max_size_bytes`, `max_entries`, `shards`, `promotion_interval` and `default_ttl` (`500ms`, `2s`, `1min`).
/// \throws InvalidArgumentError that names the part.
template <class Key = std::string, class Value = Bytes>
InMemoryOptions<Key, Value> in_memory_options_from_url(std::string_view text) {
  using detail::Url;
  return Url::read(text, [](const Url& url) {
    if (url.scheme != "memory") Url::fail("the scheme " + Url::quoted(url.scheme) + " is not memory");
    if (!url.hosts.empty() || !url.path.empty() || url.username || url.password) {
      Url::fail("memory:// is followed by nothing but a query");
    }
    InMemoryOptions<Key, Value> options;
    for (const auto& [name, value] : url.query) {
      if (name == "max_size_bytes") {
        options.max_size_bytes = Url::number<std::size_t>(name, value);
      } else if (name == "max_entries") {
        options.max_entries = Url::number<std::size_t>(name, value);
      } else if (name == "shards") {
        options.shards = Url::number<std::size_t>(name, value);
      } else if (name == "promotion_interval") {
        options.promotion_interval = Url::number<std::uint32_t>(name, value);
      } else if (name == "default_ttl") {
        options.default_ttl = Url::duration(name, value);
      } else {
        Url::fail_unknown_option(name);
      }
    }
    options.validate();
    return options;
  });
}

/// Result: a backend as the URL describes it, never null; a `std::shared_ptr` is made from it at will. What a backend's
/// URL may say stands with its options (`RedisOptions::from_url`, `in_memory_options_from_url` ...).
///
/// Each type of keys and values has backends of its own: `make_backend<int, Order>(url)` knows what was registered for
/// these.
/// \throws InvalidArgumentError if the scheme is not known, and then the message lists those that are, or if something
/// else in the URL makes no sense. It does not connect to anybody.
template <class Key = std::string, class Value = Bytes>
std::unique_ptr<CacheBackend<Key, Value>> make_backend(std::string_view url) {
  static const bool knows_memory = [] {
    BackendRegistry<Key, Value>::of_program().add("memory", [](std::string_view text) {
      return std::make_unique<InMemoryBackend<Key, Value>>(in_memory_options_from_url<Key, Value>(text));
    });
    return true;
  }();
  static_cast<void>(knows_memory);
  return BackendRegistry<Key, Value>::of_program().make(url);
}

}  // namespace larder
