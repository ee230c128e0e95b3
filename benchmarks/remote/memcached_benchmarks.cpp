/// \file memcached_benchmarks.cpp
/// MemcachedBackend beside a bare socket that says the same bytes, and beside libmemcached, on one connection each.
#include <arpa/inet.h>
#include <libmemcached/memcached.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/memcached_backend.hpp>

#include "remote_benchmarks.hpp"

namespace larder::bench {

namespace {

/// The least that a program can do: send a request, receive its answer, and look for the value.
class BareSocket {
 public:
  explicit BareSocket(const detail::Endpoint& server) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    ::inet_pton(AF_INET, server.host.c_str(), &address.sin_addr);
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to memcached");
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  BareSocket(const BareSocket&) = delete;
  BareSocket& operator=(const BareSocket&) = delete;
  ~BareSocket() { ::close(descriptor_); }

  /// What is received until it ends as told. Valid until the next call.
  std::string_view exchange(std::string_view request, std::string_view end) {
    if (::send(descriptor_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      throw std::runtime_error("memcached does not take a request");
    }
    for (std::size_t size = 0;;) {
      const ssize_t received = ::recv(descriptor_, buffer_ + size, sizeof buffer_ - size, 0);
      if (received <= 0) throw std::runtime_error("memcached does not answer");
      size += static_cast<std::size_t>(received);
      const std::string_view all(buffer_, size);
      if (all.ends_with(end)) return all;
    }
  }

 private:
  int descriptor_;
  char buffer_[1 << 16];
};

class Libmemcached {
 public:
  explicit Libmemcached(const detail::Endpoint& server) : client_(memcached_create(nullptr), &memcached_free) {
    memcached_server_add(client_.get(), server.host.c_str(), server.port);
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
  }

  /// Result: how many bytes the values have together, each of which is made a `Bytes`, as larder's are.
  std::size_t get_many(std::span<const char* const> keys, std::span<const std::size_t> sizes,
                       std::span<std::optional<Bytes>> values) {
    if (memcached_mget(client_.get(), keys.data(), sizes.data(), keys.size()) != MEMCACHED_SUCCESS) {
      throw std::runtime_error("libmemcached cannot mget");
    }
    memcached_result_st result;
    memcached_result_create(client_.get(), &result);
    std::size_t bytes = 0;
    memcached_return_t state = MEMCACHED_SUCCESS;
    for (std::size_t i = 0; memcached_fetch_result(client_.get(), &result, &state) != nullptr; ++i) {
      values[i].emplace(memcached_result_value(&result), memcached_result_length(&result));
      bytes += values[i]->size();
    }
    memcached_result_free(&result);
    return bytes;
  }

 private:
  std::unique_ptr<memcached_st, decltype(&memcached_free)> client_;
};

/// Both, and the entries that they are asked for.
struct Memcached {
  explicit Memcached(MemcachedOptions options)
      : backend(std::move(options)), server(backend.options().endpoints().at(0)), socket(server), libmemcached(server) {
    for (std::size_t i = 0; i < remote_entries; ++i) {
      keys.push_back(remote_key(i));
      values.push_back(remote_value(i));
    }
    views.assign(keys.begin(), keys.end());
    found.resize(remote_batch);
    for (std::size_t i = 0; i < remote_entries; ++i) items.emplace_back(keys[i], Bytes(values[i]));
    backend.set_many(items);
    // What the backend puts in front of each key.
    const std::string generation_key = backend.options().prefix + "generation";
    const std::string answer(socket.exchange("mg " + generation_key + " v\r\n", "\r\n"));
    prefix = backend.options().prefix + answer.substr(answer.find("\r\n") + 2, 11) + ":";
    look_for_generation = "mg " + generation_key + " v k O2\r\n";
    generation_end = prefix.substr(0, 11) + "\r\n";
    for (const std::string& key : keys) stored_keys.push_back(prefix + key);
    for (const std::string& key : stored_keys) {
      key_texts.push_back(key.c_str());
      key_sizes.push_back(key.size());
    }
  }

  /// The requests of `MemcachedBackend::get`: the generation is asked for on the side.
  std::size_t bare_get(std::size_t index) {
    request.assign("mg ").append(stored_keys[index]).append(" v k O1\r\n").append(look_for_generation);
    const std::string_view answer = socket.exchange(request, generation_end);
    return answer.find(values[index]) != std::string_view::npos ? remote_value_size : 0;
  }
  std::size_t bare_set(std::size_t index) {
    request.assign("ms ").append(stored_keys[index]).append(" 100 k T0 O1\r\n").append(values[index]).append("\r\n");
    request.append(look_for_generation);
    return socket.exchange(request, generation_end).starts_with("HD") ? remote_value_size : 0;
  }
  /// As short as it can be: nothing that could be checked.
  std::size_t shortest_get(std::size_t index) {
    request.assign("get ").append(stored_keys[index]).append("\r\n");
    const std::string_view answer = socket.exchange(request, "END\r\n");
    return answer.find(values[index]) != std::string_view::npos ? remote_value_size : 0;
  }

  MemcachedBackend<> backend;
  detail::Endpoint server;
  BareSocket socket;
  Libmemcached libmemcached;
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::vector<std::string_view> views;
  std::vector<std::pair<std::string_view, Bytes>> items;
  std::vector<std::optional<Bytes>> found;
  std::string prefix;
  std::string look_for_generation;
  std::string generation_end;
  std::vector<std::string> stored_keys;
  std::vector<const char*> key_texts;
  std::vector<std::size_t> key_sizes;
  std::string request;
};

}  // namespace

std::vector<RemotePair> memcached_pairs(const std::string& url) {
  MemcachedOptions options = MemcachedOptions::from_url(url);
  options.prefix = "";
  options.pool_size = 1;
  const auto memcached = std::make_shared<Memcached>(std::move(options));
  const auto larder_get = [memcached](std::size_t i) { return memcached->backend.get(memcached->keys[i])->size(); };
  std::vector<RemotePair> pairs;
  pairs.push_back({"memcached get / the same bytes on a bare socket", 2000, 0.95, larder_get,
                   [memcached](std::size_t i) { return memcached->bare_get(i); }});
  pairs.push_back({"memcached get / the shortest command on a bare socket", 2000, 0, larder_get,
                   [memcached](std::size_t i) { return memcached->shortest_get(i); }});
  pairs.push_back({"memcached get_many of 1,000 / mget of libmemcached", 40, 1,
                   [memcached](std::size_t i) {
                     memcached->backend.get_many(
                         std::span<const std::string_view>(memcached->views).subspan(i, remote_batch),
                         std::span<std::optional<Bytes>>(memcached->found));
                     std::size_t bytes = 0;
                     for (const auto& value : memcached->found) bytes += value->size();
                     return bytes;
                   },
                   [memcached](std::size_t i) {
                     return memcached->libmemcached.get_many(std::span(memcached->key_texts).subspan(i, remote_batch),
                                                             std::span(memcached->key_sizes).subspan(i, remote_batch),
                                                             memcached->found);
                   }});
  pairs.push_back({"memcached set / the same bytes on a bare socket", 2000, 0,
                   [memcached](std::size_t i) {
                     return memcached->backend.set(memcached->keys[i], memcached->values[i]) ? remote_value_size : 0;
                   },
                   [memcached](std::size_t i) { return memcached->bare_set(i); }});
  return pairs;
}

}  // namespace larder::bench
