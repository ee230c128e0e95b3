/// \file redis_sessions.cpp
/// The sessions of a web shop, kept where a URL says: in this process, in a Redis server, or in a cluster of them.
///
///     redis_sessions                                          in this process
///     redis_sessions redis://127.0.0.1:6379                   shared by every process that names the same server
///     redis_sessions "redis://:secret@cache:7000/?cluster&prefix=shop:"
#include <larder/backends/redis_backend.hpp>
#include <larder/larder.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

/// The only place that knows which caches there are.
std::unique_ptr<larder::CacheBackend<>> open_cache(const std::string& url) {
  if (url == "memory") return std::make_unique<larder::InMemoryBackend<>>();
  return std::make_unique<larder::RedisBackend<>>(larder::RedisOptions::from_url(url));
}

/// Sessions that end when nobody has used them for a while.
class Sessions {
 public:
  explicit Sessions(larder::CacheBackend<>& cache) : cache_(cache) {}

  /// Result: the new session's identifier.
  std::string begin(std::string_view user, std::string_view address) {
    for (;;) {
      std::string id = random_id();
      // Should the identifier be taken, by whichever process, it is not overwritten.
      if (cache_.set_if_absent(key(id), user, idle, {{"address", std::string(address)}})) return id;
    }
  }

  /// Result: who is logged in, if the session is still there, which then has its full time before it again.
  std::optional<std::string> user(std::string_view id) {
    const auto user = cache_.get(key(id));
    if (!user) return std::nullopt;
    cache_.touch(key(id), idle);
    return user->str();
  }

  void end(std::string_view id) { cache_.erase(key(id)); }

  void list(std::ostream& out) {
    for (const std::string& each : cache_.keys("session:*")) {
      const auto session = cache_.get_entry(each);
      if (!session) continue;  // it has ended in the meantime
      const auto left = std::chrono::duration_cast<std::chrono::seconds>(*session->ttl_remaining());
      out << "  " << session->value << " from " << session->metadata.at("address") << ", " << left.count()
          << " s left\n";
    }
  }

 private:
  static constexpr auto idle = 30min;

  static std::string key(std::string_view id) { return "session:" + std::string(id); }

  /// A real shop takes one that nobody can guess.
  static std::string random_id() {
    static std::mt19937_64 random{std::random_device{}()};
    return std::to_string(random());
  }

  larder::CacheBackend<>& cache_;
};

int main(int count, char** arguments) try {
  const std::string url = count > 1 ? arguments[1] : "memory";
  const auto cache = open_cache(url);
  Sessions sessions(*cache);

  const std::string alice = sessions.begin("alice", "192.0.2.17");
  const std::string bob = sessions.begin("bob", "198.51.100.4");
  std::cout << "sessions:\n";
  sessions.list(std::cout);
  std::cout << "the first one is " << sessions.user(alice).value_or("nobody") << "'s\n";
  sessions.end(bob);
  std::cout << "the second one has ended: " << sessions.user(bob).value_or("nobody") << " is logged in\n";
  sessions.end(alice);
  std::cout << cache->stats() << "\n";
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "redis_sessions: " << error.what() << "\n";
  return EXIT_FAILURE;
}
