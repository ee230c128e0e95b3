/// \file include_scanner.cpp
/// What does each header under a folder pull in? And what is a cache worth for finding it out?
///
/// A walk from a header asks for the include list of each file that it reaches, and the same few thousand files
/// are reached again and again. Their lists are the objects that the cache keeps, by path.
#include <larder/larder.hpp>

#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "include_scanner/header_files.hpp"
#include "include_scanner/include_graph.hpp"
#include "include_scanner/options.hpp"
#include "include_scanner/report.hpp"

using namespace include_scanner;

namespace {

using ListPointer = IncludeWalk::ListPointer;

/// The limit is to bound the memory that the cache takes: lists, paths and bookkeeping.
struct ScannerTraits : larder::InMemoryTraits<std::string, ListPointer> {
  using Weigher = larder::EntryFootprint;
};
using ListCache = larder::InMemoryBackend<std::string, ListPointer, ScannerTraits>;

ListPointer read_list(std::string_view path, const IncludeFolders& folders) {
  return std::make_shared<const IncludeList>(read_include_list(std::string(path), folders));
}

ListPointer cached_list(std::string_view path, const IncludeFolders& folders, ListCache& cache) {
  if (auto known = cache.get(path)) return *std::move(known);
  ListPointer list = read_list(path, folders);
  cache.set(path, list);
  return list;
}

/// Prints what is asked for; the answers come from a cache, too, for they would take long otherwise.
int stream(const std::vector<std::string>& headers, const IncludeFolders& folders, ListCache& cache) {
  scan(headers, [&](std::string_view path) {
    std::cout << path << '\n';
    return cached_list(path, folders, cache);
  });
  std::cout.flush();
  if (std::cout) return 0;
  std::cerr << "include_scanner: cannot write to standard output\n";
  return 1;
}

int run(const Options& options) {
  const std::string folder = clean_folder(options.folder);
  const IncludeFolders folders(options.include_dirs.empty() ? default_include_folders(folder) : options.include_dirs);
  const HeaderFiles headers = find_headers(folder);
  const auto sample = spread_sample(headers.paths, options.sample.value_or(1000));

  ListCache cache{{.max_size_bytes = options.cache_bytes}};
  if (options.stream) return stream(options.sample ? sample : headers.paths, folders, cache);

  print_input(folder, headers, folders);
  if (headers.paths.empty()) return 0;
  const auto with_cache = [&](std::string_view path) { return cached_list(path, folders, cache); };
  const auto without_cache = [&](std::string_view path) { return read_list(path, folders); };

  // With the cache first, so that it is this run that waits for the disk.
  Scan cached = scan(headers.paths, with_cache);
  print_scan(cached, headers.paths.size());
  print_cache(cache.stats(), options.cache_bytes);
  if (sample.size() < headers.paths.size()) {
    cache.clear();
    cache.reset_stats();
    cached = scan(sample, with_cache);
  }
  const Scan uncached = scan(sample, without_cache);
  print_comparison(uncached, cached, cache.stats(), sample.size(), headers.paths.size());
  return uncached.checksum == cached.checksum ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const Options options = parse_options(arguments);
    if (options.help) std::cout << help_text;
    return options.help ? 0 : run(options);
  } catch (const UsageError& error) {
    std::cerr << "include_scanner: " << error.what() << "\nTry include_scanner --help\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "include_scanner: " << error.what() << "\n";
    return 1;
  }
}
