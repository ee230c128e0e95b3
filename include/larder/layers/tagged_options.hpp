/// \file tagged_options.hpp
/// TaggedOptions, and how tags are written.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <larder/cache_error.hpp>
#include <larder/ttl.hpp>

namespace larder {

/// Result: the text that a list of tags is in metadata: `a,b`. In a tag, `\` and `,` get a `\` before them.
///
///     cache.set("user:1:page", page, 1h, {{"tags", tag_list({"user:1", "pages"})}});
inline std::string tag_list(std::initializer_list<std::string_view> tags) {
  std::string list;
  for (const std::string_view tag : tags) {
    if (!list.empty()) list.push_back(',');
    for (const char character : tag) {
      if (character == '\\' || character == ',') list.push_back('\\');
      list.push_back(character);
    }
  }
  return list;
}

/// Result: the tags in such a text, without empty ones.
inline std::vector<std::string> tags_of(std::string_view list) {
  std::vector<std::string> tags;
  std::string tag;
  const auto end_tag = [&] {
    if (!tag.empty()) tags.push_back(tag);
    tag.clear();
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      end_tag();
    } else {
      if (list[i] == '\\' && i + 1 < list.size()) ++i;
      tag.push_back(list[i]);
    }
  }
  end_tag();
  return tags;
}

struct TaggedOptions {
  /// Which metadata hold an entry's tags.
  std::string tags_name = "tags";
  /// How long a tag's stamp is kept when it is not used for a new entry; entries with the tag are gone with it. Empty:
  /// as long as the cache keeps it.
  Ttl stamp_ttl{};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    if (tags_name.empty()) throw InvalidArgumentError("TaggedOptions: tags_name is empty");
    if (stamp_ttl && stamp_ttl->count() <= 0) {
      throw InvalidArgumentError("TaggedOptions: stamp_ttl = " + std::to_string(stamp_ttl->count()) +
                                 " ms, but it must be positive");
    }
  }
};

}  // namespace larder
