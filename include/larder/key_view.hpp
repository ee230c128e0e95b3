/// \file key_view.hpp
/// How a key is passed and how a batch of keys is spelt: a `std::string_view` where the key is a
/// `std::string`, so that a look-up from a literal allocates nothing, through the virtual interface too.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace larder {

/// The type by which one key is passed: `std::string_view` for `std::string`, else `const Key&`.
template <class Key>
using KeyView = std::conditional_t<std::same_as<Key, std::string>, std::string_view, const Key&>;

/// The element of a batch of keys: `std::string_view` for `std::string`, else `Key` itself.
template <class Key>
using KeyItem = std::remove_cvref_t<KeyView<Key>>;

}  // namespace larder
