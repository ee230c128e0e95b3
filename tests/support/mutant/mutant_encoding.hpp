/// \file mutant_encoding.hpp
/// MutantEncoding: how a MutantBackend stores keys and values: as they are, but for a mutation of these.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>

#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

class MutantEncoding {
 public:
  explicit MutantEncoding(Mutation mutation) noexcept : mutation_(mutation) {}

  /// A key as the store knows it.
  std::string stored_key(std::string_view key) const {
    if (key.empty() && is(Mutation::empty_key_refused)) throw larder::InvalidArgumentError("the key is empty");
    if (is(Mutation::key_truncated_at_nul)) key = key.substr(0, key.find('\0'));
    if (is(Mutation::key_truncated_at_250)) key = key.substr(0, 250);
    if (is(Mutation::key_trimmed_of_spaces)) {
      key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
      key = key.substr(0, key.find_last_not_of(' ') + 1);
    }
    std::string stored(key);
    if (is(Mutation::key_escape_not_escaped)) replace_all(stored, "%20", " ");
    if (is(Mutation::keys_are_case_insensitive)) {
      for (char& letter : stored) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
    return stored;
  }

  /// A key of the store as `keys` lists it.
  std::string listed_key(std::string key) const {
    if (is(Mutation::keys_lists_encoded_keys)) replace_all(key, " ", "%20");
    return key;
  }

  /// A value as the store keeps it.
  larder::Bytes stored_value(const larder::Bytes& value) const {
    std::size_t size = value.size();
    if (is(Mutation::value_truncated_at_nul)) size = std::min(value.view().find('\0'), size);
    if (is(Mutation::value_truncated_at_64k)) size = std::min<std::size_t>(65536, size);
    if (is(Mutation::value_loses_trailing_newline) && value.view().ends_with('\n')) --size;
    return value.substr(0, size);
  }

 private:
  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  static void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }

  Mutation mutation_;
};

}  // namespace larder_tests
