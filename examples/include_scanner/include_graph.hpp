/// \file include_graph.hpp
/// Which files a file includes, and all that it thereby pulls in.
///
/// A file is known by its absolute path, cleaned of `.` and `..` but with its links left as they are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "include_parser.hpp"

namespace include_scanner {

/// What there is to know about one file: the value that the scanner caches.
struct IncludeList {
  enum class Kind { text, unreadable, too_large, binary };

  std::vector<std::string> files;
  std::size_t missing = 0;     ///< includes of files that were not found
  std::size_t unresolved = 0;  ///< includes that name no file (`#include MACRO`)
  Kind kind = Kind::text;

  /// How larder learns what a list weighs: the object, its array and the texts that do not fit into it.
  std::size_t size_bytes() const {
    std::size_t bytes = sizeof *this + files.capacity() * sizeof(std::string);
    for (const std::string& file : files) {
      if (file.capacity() > std::string().capacity()) bytes += file.capacity() + 1;
    }
    return bytes;
  }
};

inline std::string clean_path(const std::string& path) {
  // Cleaning is slow, and most paths are clean.
  if (path.find("/.") == std::string::npos && path.find("//") == std::string::npos) return path;
  return std::filesystem::path(path).lexically_normal().string();
}

/// The absolute path of a folder, without a slash at its end.
inline std::string clean_folder(const std::string& folder) {
  std::string path = std::filesystem::absolute(folder).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// The folders in which includes are looked up, first to last.
class IncludeFolders {
 public:
  explicit IncludeFolders(const std::vector<std::string>& folders) {
    for (const std::string& folder : folders) folders_.push_back(clean_folder(folder));
  }

  const std::vector<std::string>& folders() const { return folders_; }

  /// Result: the file that a directive in the file `including` means, or "" if there is none.
  std::string find(const IncludeDirective& directive, std::string_view including) const {
    if (directive.name.front() == '/') return existing(directive.name);
    if (directive.quoted && !directive.next) {
      const std::string_view own_folder = including.substr(0, including.rfind('/'));
      if (std::string file = existing(joined(own_folder, directive.name)); !file.empty()) return file;
    }
    for (std::size_t i = directive.next ? place_after(including) : 0; i < folders_.size(); ++i) {
      if (std::string file = existing(joined(folders_[i], directive.name)); !file.empty()) return file;
    }
    return {};
  }

 private:
  static std::string joined(std::string_view folder, std::string_view name) {
    std::string path;
    path.reserve(folder.size() + 1 + name.size());
    return path.append(folder).append("/").append(name);
  }

  static std::string existing(const std::string& path) {
    std::string clean = clean_path(path);
    std::error_code error;
    return std::filesystem::is_regular_file(clean, error) ? clean : std::string();
  }

  /// Where #include_next begins: behind the innermost folder that holds the file, or at the beginning if none does.
  std::size_t place_after(std::string_view file) const {
    std::size_t place = 0;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      const std::string& folder = folders_[i];
      const bool inside = file.starts_with(folder) && file.size() > folder.size() && file[folder.size()] == '/';
      if (inside && folder.size() > longest) {
        longest = folder.size();
        place = i + 1;
      }
    }
    return place;
  }

  std::vector<std::string> folders_;
};

/// Nobody writes a header like this; what is larger is data, and is not read.
inline constexpr std::uintmax_t largest_file = 16 << 20;

/// Reads and parses one file. Never fails: `kind` says what was wrong with it.
inline IncludeList read_include_list(const std::string& path, const IncludeFolders& folders) {
  IncludeList list;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);  // an error for all but regular files
  if (!error && size > largest_file) {
    list.kind = IncludeList::Kind::too_large;
    return list;
  }
  std::ifstream in;
  if (!error) in.open(path, std::ios::binary);
  if (error || !in) {
    list.kind = IncludeList::Kind::unreadable;
    return list;
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.find('\0') != std::string::npos) {
    list.kind = IncludeList::Kind::binary;
    return list;
  }
  const ParsedIncludes parsed = parse_includes(std::move(text));
  list.unresolved = parsed.unresolved;
  list.files.reserve(parsed.directives.size());
  for (const IncludeDirective& directive : parsed.directives) {
    std::string file = folders.find(directive, path);
    if (file.empty()) {
      ++list.missing;
    } else if (std::find(list.files.begin(), list.files.end(), file) == list.files.end()) {
      list.files.push_back(std::move(file));
    }
  }
  list.files.shrink_to_fit();
  return list;
}

/// All that one header pulls in, itself not counted.
struct Closure {
  std::size_t files = 0;
  std::uint64_t checksum = 0;  ///< of the set of files, whatever their order
};

/// Walks from a header to all that it pulls in. One object serves many walks, to use its memory again.
class IncludeWalk {
 public:
  using ListPointer = std::shared_ptr<const IncludeList>;

  /// `list_of(path)` gives the IncludeList of a file as a ListPointer; it is asked once for each file reached.
  template <class ListOf>
  Closure closure_of(std::string_view header, ListOf&& list_of) {
    reached_.clear();
    lists_.clear();
    Closure closure;
    reached_.insert(header);
    lists_.push_back(list_of(header));
    // Breadth first: what was reached and not yet looked at is the rest of the lists.
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      const ListPointer list = lists_[i];
      for (const std::string& file : list->files) {
        if (!reached_.insert(file).second) continue;
        ++closure.files;
        closure.checksum += std::hash<std::string_view>()(file);
        lists_.push_back(list_of(file));
      }
    }
    return closure;
  }

  /// The include list of the header that the last walk began with.
  const IncludeList& first_list() const { return *lists_.front(); }

 private:
  std::unordered_set<std::string_view> reached_;
  std::vector<ListPointer> lists_;  // they own the texts that reached_ looks into, evicted from the cache or not
};

}  // namespace include_scanner
