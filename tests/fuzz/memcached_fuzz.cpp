/// \file memcached_fuzz.cpp
/// Any bytes from a Memcached server: answers to what was asked or a typed error, at once; and any key: a token that a
/// server takes, and no more than a token.
#include <larder/backends/detail/memcached/memcached_connection.hpp>
#include <larder/backends/detail/memcached/memcached_key.hpp>
#include <larder/backends/detail/memcached/meta_commands.hpp>
#include <larder/backends/detail/memcached/meta_reply.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/fuzz/input.hpp"

using larder::detail::Deadline;
using larder::detail::Endpoint;
using larder::detail::MemcachedConnection;
using larder::detail::MemcachedKey;
using larder::detail::MetaCommands;
using larder_tests::FuzzInput;
using larder_tests::require;

namespace {

/// Takes connections without a thread of its own: the system does, and what is said waits in a buffer.
class Listener {
 public:
  Listener() : path_("/tmp/larder-fuzz-" + std::to_string(::getpid())) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    ::unlink(path_.c_str());
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "a socket has a name");
    require(::listen(socket_, 16) == 0, "a socket listens");
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    ::close(socket_);
    ::unlink(path_.c_str());
  }

  Endpoint endpoint() const { return {.unix_socket = path_}; }

  /// Says that to who has connected, and no more.
  void say(std::string_view bytes) const {
    const int client = ::accept(socket_, nullptr, nullptr);
    require(client >= 0, "who has connected is there");
    static_cast<void>(!::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    ::shutdown(client, SHUT_WR);
    client_ = client;
  }
  void hang_up() const { ::close(client_); }

 private:
  std::string path_;
  int socket_ = -1;
  mutable int client_ = -1;
};

void ask(FuzzInput& input) {
  static const Listener listener;
  static const auto options = [] {
    larder::MemcachedOptions made;
    made.max_reply_bytes = 2048;
    return made;
  }();
  const Deadline deadline = Deadline::in(std::chrono::seconds(10));
  MemcachedConnection connection(listener.endpoint(), options, nullptr, deadline);
  const MemcachedKey key{.token = "k"};
  MetaCommands commands(1, 4);
  const std::size_t count = 1 + input.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    switch (input.below(5)) {
      case 0: commands.get(key); break;
      case 1: commands.get_entry(key); break;
      case 2: commands.exists(key); break;
      case 3: commands.erase(key); break;
      default: commands.get(MemcachedKey{.token = "l"});
    }
  }
  const std::string_view answers = input.rest();
  listener.say(answers);
  try {
    connection.send(commands, deadline);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const std::string_view asked = commands.bytes().substr(commands[i].key_begin, commands[i].key_size);
      const auto answer = connection.receive(commands[i], asked, deadline);
      require(!answer.value || answer.value->size() <= options.max_reply_bytes, "a value is within the limit");
      require(answer.error.empty() || !answer.succeeded, "an error is no success");
      if (answer.value && !answer.value->empty()) {
        require(answers.find(std::string_view(*answer.value)) != answers.npos, "a value is what the server said");
      }
    }
  } catch (const larder::ConnectionError&) {
  } catch (const larder::ProtocolError&) {
  }
  listener.hang_up();
}

void parse_line(std::string_view line) {
  try {
    larder::detail::MetaReply::parse(line);
  } catch (const larder::ProtocolError&) {
  }
  try {
    larder::detail::GroupReply::parse(line);
  } catch (const larder::ProtocolError&) {
  }
}

void spell_key(FuzzInput& input) {
  const std::string prefix(input.text(input.below(200)));
  const std::string generation = input.flag() ? std::string(MemcachedKey::generation_size, 'g') : "";
  std::string key(input.text(input.below(512)));
  if (input.flag()) key.append(input.below(512), 'x');
  const MemcachedKey spelt = MemcachedKey::of(prefix, generation, key);
  require(!spelt.token.empty() && spelt.token.size() <= MemcachedKey::longest_token, "a token has a length");
  for (const char byte : spelt.token) {
    require(static_cast<unsigned char>(byte) > ' ' && byte != 127, "a token is one word");
  }
  if (spelt.is_base64) {
    const auto back = larder::detail::from_base64(spelt.token);
    const std::string text = prefix + generation + (generation.empty() ? "" : ":") + key;
    require(back && std::string_view(*back) == text, "a token in base64 is the key");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, std::min<std::size_t>(size, 4096));
  switch (input.below(4)) {
    case 0: ask(input); break;
    case 1: spell_key(input); break;
    default: parse_line(input.rest());
  }
  return 0;
}
