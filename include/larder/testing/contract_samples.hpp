/// \file contract_samples.hpp
/// ContractSamples: how the contract kit makes keys and values of any type out of the texts that it is written in.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder::testing {

namespace detail {

/// Anything that is a text: `std::string`, `Bytes`.
template <class Type>
concept TextLike =
    std::constructible_from<Type, std::string_view> && std::convertible_to<const Type&, std::string_view>;

/// Gives each text a number, and finds it again. Thread-safe.
class NumberedTexts {
 public:
  std::size_t number_of(std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto found = numbers_.find(text);
    if (found != numbers_.end()) return found->second;
    texts_.emplace_back(text);
    return numbers_.emplace(text, texts_.size() - 1).first->second;
  }

  /// Result: the text, or one that says that there is none.
  std::string text_of(std::size_t number) const {
    const std::lock_guard lock(mutex_);
    return number < texts_.size() ? texts_[number] : "(unknown: " + std::to_string(number) + ")";
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
  std::vector<std::string> texts_;
};

}  // namespace detail

/// How a text becomes an object of another type, and back: different texts become different objects, and every
/// object becomes the text that it was made from.
template <class Type>
struct SampleOf {
  std::function<Type(std::string_view text)> make{};
  std::function<std::string(const Type& object)> text{};

  /// Result: the way for texts and integers; empty for other types, whose user says it.
  static SampleOf standard() {
    if constexpr (detail::TextLike<Type>) {
      return {[](std::string_view bytes) { return Type(bytes); },
              [](const Type& object) { return std::string(static_cast<std::string_view>(object)); }};
    } else if constexpr (std::integral<Type> && !std::same_as<Type, bool>) {
      auto texts = std::make_shared<detail::NumberedTexts>();
      return {[texts](std::string_view word) {
                const std::size_t number = texts->number_of(word);
                if (number > static_cast<std::size_t>(std::numeric_limits<Type>::max())) {
                  throw std::overflow_error("the contract kit needs more values than this type has");
                }
                return static_cast<Type>(number);
              },
              [texts](const Type& object) { return texts->text_of(static_cast<std::size_t>(object)); }};
    } else {
      return {};
    }
  }
};

/// The samples of a kind of backend.
template <class Key, class Value>
struct ContractSamples {
  SampleOf<Key> key = SampleOf<Key>::standard();
  SampleOf<Value> value = SampleOf<Value>::standard();
};

}  // namespace larder::testing
