/// \file key_texts.hpp
/// KeyText and KeyTexts: how keys are spelt in a store outside the process.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/codec.hpp>
#include <larder/key_view.hpp>

namespace larder::detail {

/// A key as it is spelt in the store; valid while the key is.
template <class Key>
using KeyText = decltype(KeyCodec<Key>::encode(std::declval<KeyView<Key>>()));

/// \throws NotSupportedError if keys are no texts, and so cannot be told from each other by a pattern.
template <class Key>
void require_pattern_for(std::string_view pattern) {
  if (!std::convertible_to<const Key&, std::string_view> && pattern != "*") {
    throw NotSupportedError("keys that are not strings cannot be listed by a pattern other than '*'");
  }
}

/// Result: the keys that are spelt like this, without what is no spelling of a key.
template <class Key>
std::vector<Key> keys_of(std::vector<std::string> texts) {
  if constexpr (std::same_as<Key, std::string>) {
    return texts;
  } else {
    std::vector<Key> keys;
    for (const std::string& text : texts) {
      if (auto key = KeyCodec<Key>::decode(text)) keys.push_back(std::move(*key));
    }
    return keys;
  }
}

/// What a batch's keys are in the store, all of them there before anything is done.
template <class Key>
class KeyTexts {
 public:
  /// `key_of(element)` is each element's key, and `check(text)` throws where a text is none that the store could have.
  template <class Elements, class KeyOf, class Check>
  KeyTexts(const Elements& elements, const KeyOf& key_of, const Check& check) {
    if constexpr (std::same_as<KeyText<Key>, std::string_view>) {
      views_.reserve(elements.size());
      for (const auto& each : elements) views_.push_back(KeyCodec<Key>::encode(key_of(each)));
    } else {
      kept_.reserve(elements.size());
      for (const auto& each : elements) kept_.push_back(KeyCodec<Key>::encode(key_of(each)));
      views_.assign(kept_.begin(), kept_.end());
    }
    for (const std::string_view text : views_) check(text);
  }

  std::span<const std::string_view> all() const noexcept { return views_; }
  /// At most `count` of them from number `begin` on.
  std::span<const std::string_view> some(std::size_t begin, std::size_t count) const noexcept {
    return all().subspan(begin, std::min(views_.size() - begin, count));
  }

 private:
  std::vector<std::string> kept_;
  std::vector<std::string_view> views_;
};

}  // namespace larder::detail
