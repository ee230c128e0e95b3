/// \file memcached_load_leases.hpp
/// MemcachedLoadLeases: one process at a time loads a key. Needs the component `memcached` (OpenSSL).
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <larder/backends/detail/base64.hpp>
#include <larder/backends/detail/memcached/memcached_store.hpp>
#include <larder/backends/memcached_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/load_leases.hpp>

namespace larder {

/// A lease is an empty item under `lease:` + prefix + key, by the meta protocol's own means against stampedes: of all
/// who ask for an item that is not there, the server tells one that he has won (`W`) and puts an empty item there. It
/// is an item of its own, not the entry itself, which would be a hit for whoever does not know of leases. Its version
/// (CAS) is the token, so that comparing and deleting are one step.
///
/// The item's own key is always plain text: a server of version 1.6.18 forgets that an item that it made itself has a
/// key in base64, and answers with the bare bytes, a line's end among them.
///
/// The options may be those of the MemcachedBackend whose entries are loaded. Errors and deadlines are as for that; a
/// lease lasts up to two seconds longer than asked for.
class MemcachedLoadLeases final : public LoadLeases {
  using Answer = detail::MemcachedAnswer;
  using Commands = detail::MetaCommands;
  using Store = detail::MemcachedStore;
  using Token = detail::MemcachedKey;

 public:
  /// Connects to nobody yet. \throws InvalidArgumentError as MemcachedBackend does.
  explicit MemcachedLoadLeases(MemcachedOptions options = {}) : store_(with_own_prefix(std::move(options))) {}

  std::optional<std::string> acquire(std::string_view key, std::chrono::milliseconds ttl) override {
    const Answer answer =
        store_.exchange_one(plain(key), Store::Repeat::never,
                            [&](Commands& commands, const Token& token) { commands.win(token, Ttl(ttl)); });
    if (!answer.succeeded) return std::nullopt;
    if (!answer.version) throw ProtocolError("memcached: an answer without the version that was asked for");
    return std::to_string(*answer.version);
  }
  bool holds(std::string_view key, std::string_view token) override {
    const Answer answer = store_.exchange_one(plain(key), Store::Repeat::once,
                                              [](Commands& commands, const Token& item) { commands.version(item); });
    return answer.succeeded && answer.version && std::to_string(*answer.version) == token;
  }
  bool release(std::string_view key, std::string_view token) override {
    std::uint64_t version = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), version);
    if (error != std::errc() || end != token.data() + token.size()) return false;
    return store_
        .exchange_one(plain(key), Store::Repeat::never,
                      [version](Commands& commands, const Token& item) { commands.erase_version(item, version); })
        .succeeded;
  }
  void revoke(std::string_view key) override {
    store_.exchange_one(plain(key), Store::Repeat::never,
                        [](Commands& commands, const Token& item) { commands.erase(item); });
  }
  void revoke_all() override { store_.clear(); }

 private:
  static MemcachedOptions with_own_prefix(MemcachedOptions options) {
    options.prefix = "lease:" + plain(options.prefix);
    return options;
  }

  /// Result: another text for each text, of characters that need no base64 on the wire.
  static std::string plain(std::string_view text) {
    const auto is_plain = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 127; };
    if (!text.starts_with('=') && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
    return "=" + detail::base64(text);
  }

  detail::MemcachedStore store_;
};

}  // namespace larder
