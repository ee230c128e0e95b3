/// \file header_files.hpp
/// The headers under a folder, and the folders in which a compiler would look up what they include.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace include_scanner {

struct HeaderFiles {
  std::vector<std::string> paths;  ///< sorted
  std::size_t unreadable_folders = 0;
};

/// By its extension; files without one count too, as C++'s own headers have none.
inline bool is_header_name(const std::filesystem::path& name) {
  constexpr std::array<std::string_view, 11> extensions{"",     ".h",   ".hh",  ".hpp", ".hxx", ".h++",
                                                        ".inc", ".inl", ".ipp", ".tcc", ".tpp"};
  return std::find(extensions.begin(), extensions.end(), name.extension().string()) != extensions.end();
}

/// Every header under a folder. Links to folders are not followed, so that no loop of them is ever entered.
/// `folder` is to be as clean_folder() gives it.
inline HeaderFiles find_headers(const std::string& folder) {
  namespace fs = std::filesystem;
  HeaderFiles found;
  for (std::vector<fs::path> pending{folder}; !pending.empty();) {
    const fs::path current = pending.back();
    pending.pop_back();
    std::error_code error;
    fs::directory_iterator entry(current, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      std::error_code ignored;  // a link that leads nowhere is listed, and found unreadable later
      if (!entry->is_directory(ignored)) {
        if (is_header_name(entry->path().filename())) found.paths.push_back(entry->path().string());
      } else if (!entry->is_symlink(ignored)) {
        pending.push_back(entry->path());
      }
    }
    if (error) ++found.unreadable_folders;
  }
  std::sort(found.paths.begin(), found.paths.end());
  return found;
}

namespace detail {

/// The folder of the newest version under `parent` (c++/12), or "".
inline std::string newest_version(const std::filesystem::path& parent) {
  std::string newest;
  int newest_number = -1;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool numeric = !name.empty() && name.size() < 6 && name.find_first_not_of("0123456789") == std::string::npos;
    if (!numeric || std::stoi(name) <= newest_number) continue;
    newest_number = std::stoi(name);
    newest = entry->path().string();
  }
  return newest;
}

}  // namespace detail

/// Where a compiler would look, were `folder` its /usr/include: the newest c++/VERSION, the folder of each
/// target (x86_64-linux-gnu) and the one that it has for C++, and the folder itself, as far as they exist.
inline std::vector<std::string> default_include_folders(const std::string& folder) {
  std::vector<std::string> cpp{detail::newest_version(folder + "/c++")};
  std::vector<std::string> targets;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::string path = entry->path().string();
    if (path.find("-linux-", folder.size()) == std::string::npos || !entry->is_directory(ignored)) continue;
    cpp.push_back(detail::newest_version(path + "/c++"));
    targets.push_back(path);
  }
  std::vector<std::string> folders = std::move(cpp);
  folders.insert(folders.end(), targets.begin(), targets.end());
  folders.push_back(folder);
  std::erase(folders, std::string());
  return folders;
}

}  // namespace include_scanner
