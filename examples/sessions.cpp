/// \file sessions.cpp
/// The sessions of a web shop, kept where URLs say: in this process, in Redis, in Memcached or in DynamoDB.
///
///     sessions                                          in this process
///     sessions redis://127.0.0.1:6379                   shared by every process that names the same server
///     sessions "redis://:secret@cache:7000/?cluster&prefix=shop:"
///     sessions memcached://10.0.0.1,10.0.0.2
///     sessions "dynamodb://eu-central-1/sessions"
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>
#include <larder/larder.hpp>
#include <larder/make_backend.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

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

  void show(std::string_view id, std::ostream& out) {
    const auto session = cache_.get_entry(key(id));
    if (!session) return;
    const auto left = std::chrono::duration_cast<std::chrono::minutes>(*session->ttl_remaining() + 5s);
    out << "  " << session->value << " from " << session->metadata.at("address") << ", " << left.count()
        << " min left\n";
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

void run_shop(const std::string& url) {
  std::cout << url.substr(0, url.find(':')) << "\n";
  const auto cache = larder::make_backend(url);
  Sessions sessions(*cache);
  const std::string alice = sessions.begin("alice", "192.0.2.17");
  const std::string bob = sessions.begin("bob", "198.51.100.4");
  sessions.show(alice, std::cout);
  sessions.show(bob, std::cout);
  std::cout << "  the first one is " << sessions.user(alice).value_or("nobody") << "'s\n";
  sessions.end(bob);
  std::cout << "  the second one has ended: " << sessions.user(bob).value_or("nobody") << " is logged in\n";
  sessions.end(alice);
  std::cout << "  " << cache->stats() << "\n";
}

int main(int count, char** arguments) try {
  larder::register_backend<larder::RedisBackend<>>();
  larder::register_backend<larder::MemcachedBackend<>>();
  larder::register_backend<larder::DynamoDbBackend<>>();
  std::vector<std::string> urls(arguments + 1, arguments + count);
  if (urls.empty()) urls.emplace_back("memory://");
  for (const std::string& url : urls) run_shop(url);
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "sessions: " << error.what() << "\n";
  return EXIT_FAILURE;
}
