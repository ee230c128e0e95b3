/// \file backend_registry.hpp
/// BackendRegistry: which backends a program can make from a URL. `register_backend` adds one, make_backend.hpp is how
/// a program asks for one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_backend.hpp>
#include <larder/cache_error.hpp>
#include <larder/fwd.hpp>

namespace larder {

/// Makers of backends by the scheme of their URLs, for one type of keys and one of values. Thread-safe.
template <class Key = std::string, class Value = Bytes>
class BackendRegistry {
 public:
  using Backend = CacheBackend<Key, Value>;
  /// Makes a backend from a whole URL; what it throws passes through to whoever asked for the backend.
  using Make = std::function<std::unique_ptr<Backend>(std::string_view url)>;

  /// The program's own, which `make_backend` looks into.
  static BackendRegistry& of_program() {
    static BackendRegistry registry;
    return registry;
  }

  /// Makes a scheme known, or gives one that is known another maker.
  void add(std::string scheme, Make make) {
    const std::lock_guard lock(mutex_);
    makers_.insert_or_assign(std::move(scheme), std::move(make));
  }

  /// Result: the schemes that are known, in alphabetical order.
  std::vector<std::string> schemes() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [scheme, make] : makers_) all.push_back(scheme);
    return all;
  }

  /// Result: the backend that the URL describes, never null.
  /// \throws InvalidArgumentError that lists the known schemes if the URL's is none of these (the rest of the URL is
  /// not repeated, since it may hold a password), and what the backend throws about the rest.
  std::unique_ptr<Backend> make(std::string_view url) const {
    const std::size_t colon = url.find("://");
    const Make maker = maker_of(url.substr(0, colon == std::string_view::npos ? 0 : colon));
    if (!maker) throw InvalidArgumentError("url: " + what_is_known(url, colon));
    return maker(url);
  }

 private:
  Make maker_of(std::string_view scheme) const {
    const std::lock_guard lock(mutex_);
    const auto found = makers_.find(scheme);
    return found == makers_.end() ? Make() : found->second;
  }

  std::string what_is_known(std::string_view url, std::size_t colon) const {
    std::string text = "there is no scheme, such as redis://";
    if (colon != std::string_view::npos) {
      const std::string_view scheme = url.substr(0, colon);
      const bool may_be_shown = scheme.size() <= 32 && scheme.find_first_of("@:/") == std::string_view::npos;
      text = "no backend is known for the scheme " + (may_be_shown ? "\"" + std::string(scheme) + "\"" : "(not shown)");
    }
    std::string known;
    for (const std::string& scheme : schemes()) known += (known.empty() ? "" : ", ") + scheme;
    return text + " (known: " + (known.empty() ? "none" : known) + ")";
  }

  mutable std::mutex mutex_;
  std::map<std::string, Make, std::less<>> makers_;
};

/// Makes a kind of backend known to `make_backend`, under the schemes that its options name:
///
///     larder::register_backend<larder::RedisBackend<>>();
///     larder::register_backend<larder::RedisBackend<int, Order, OrderCodec>>();
///
/// So a program knows the backends that it names, and links only what these need. To say it twice does no harm.
/// A user's own backend needs a type `options_type`, from which it can be constructed, and that has `schemes` (a range
/// of texts) and `from_url(url)`. Result: true, so that it can stand as the initializer of a variable.
template <class Backend>
bool register_backend() {
  using Options = typename Backend::options_type;
  for (const std::string_view scheme : Options::schemes) {
    BackendRegistry<typename Backend::key_type, typename Backend::mapped_type>::of_program().add(
        std::string(scheme), [](std::string_view url) { return std::make_unique<Backend>(Options::from_url(url)); });
  }
  return true;
}

}  // namespace larder
