/// \file key_texts_test.cpp
#include <larder/backends/detail/key_texts.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::KeyTexts;

template <class Key, class Elements>
std::vector<std::string> texts_of(const Elements& elements) {
  const KeyTexts<Key> texts(
      elements, [](const auto& each) -> const auto& { return each; }, [](std::string_view) {});
  return {texts.all().begin(), texts.all().end()};
}

TEST_CASE("KeyTexts: texts as they are, numbers in decimal", "[key_texts]") {
  CHECK(texts_of<std::string>(std::vector<std::string_view>{"a", ""}) == std::vector<std::string>{"a", ""});
  CHECK(texts_of<int>(std::vector<int>{-1, 1234567}) == std::vector<std::string>{"-1", "1234567"});
}

TEST_CASE("KeyTexts: parts of them", "[key_texts]") {
  const std::vector<int> keys{1, 2, 3, 4, 5};
  const KeyTexts<int> texts(
      keys, [](const int& each) -> const int& { return each; }, [](std::string_view) {});
  CHECK(texts.some(0, 2).size() == 2);
  CHECK(texts.some(4, 2).size() == 1);
  CHECK(texts.some(4, 2)[0] == "5");
}

TEST_CASE("keys_of: what is no spelling of a key is left out", "[key_texts]") {
  using larder::detail::keys_of;
  CHECK(keys_of<std::string>({"a", ""}) == std::vector<std::string>{"a", ""});
  CHECK(keys_of<int>({"1", "x", "01", "-7", ""}) == std::vector<int>{1, -7});
  CHECK_NOTHROW(larder::detail::require_pattern_for<std::string>("a*"));
  CHECK_NOTHROW(larder::detail::require_pattern_for<int>("*"));
  CHECK_THROWS_AS(larder::detail::require_pattern_for<int>("1*"), larder::NotSupportedError);
}

TEST_CASE("KeyTexts: each is checked", "[key_texts]") {
  std::vector<std::string> seen;
  const std::vector<int> keys{1, 2, 3};
  const auto check = [&seen](std::string_view text) {
    seen.emplace_back(text);
    if (text == "2") throw std::invalid_argument("two");
  };
  CHECK_THROWS_AS(KeyTexts<int>(
                      keys, [](const int& each) -> const int& { return each; }, check),
                  std::invalid_argument);
  CHECK(seen == std::vector<std::string>{"1", "2"});
}

}  // namespace
