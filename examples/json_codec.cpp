/// \file json_codec.cpp
/// Values of a type of yours in Redis, as JSON that every other program can read: a codec with nlohmann's library.
///
///     json_codec redis://127.0.0.1:6379
#include <larder/backends/redis_backend.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

struct Profile {
  std::string name;
  int visits = 0;
  std::vector<std::string> interests;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Profile, name, visits, interests)

/// Two functions are all that a codec needs. What `decode` throws is a miss, counted as undecodable.
template <class Value>
struct JsonCodec {
  std::string encode(const Value& value) const { return nlohmann::json(value).dump(); }
  std::optional<Value> decode(std::string_view text) const { return nlohmann::json::parse(text).get<Value>(); }
};

int main(int count, char** arguments) try {
  auto options = larder::RedisOptions::from_url(count > 1 ? arguments[1] : "redis://127.0.0.1:6379");
  options.prefix = "profile:";
  options.on_undecodable = [](std::string_view key, std::string_view reason) {
    std::cout << key << " cannot be read: " << reason.substr(0, 80) << "\n";
  };
  larder::RedisBackend<int, Profile, JsonCodec<Profile>> profiles{options};
  profiles.set(42, {.name = "Alice", .visits = 3, .interests = {"tea", "chess"}});
  const auto alice = profiles.get(42);
  std::cout << alice->name << ", " << alice->visits << " visits, likes " << alice->interests.at(0) << "\n";

  // Another program's view of it, and its mistake.
  larder::RedisBackend<std::string, std::string> raw{options};
  std::cout << "stored as " << raw.get("42").value() << "\n";
  raw.set("43", "{\"name\": \"Bob\"");
  std::cout << "profile 43: " << (profiles.get(43) ? "there" : "a miss") << "\n" << profiles.stats() << "\n";
  profiles.clear();
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "json_codec: " << error.what() << "\n";
  return EXIT_FAILURE;
}
