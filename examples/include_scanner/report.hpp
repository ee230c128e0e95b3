/// \file report.hpp
/// Scanning many headers, and telling a person how it went.
#pragma once

#include <larder/cache_stats.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "header_files.hpp"
#include "include_graph.hpp"

namespace include_scanner {

/// What many walks found, and how long they took.
struct Scan {
  double seconds = 0;
  std::uint64_t files = 0;     ///< pulled in by all headers together
  std::uint64_t checksum = 0;  ///< of all closures
  std::string largest_header;
  std::size_t largest = 0;  ///< files that the largest header pulls in
  std::size_t missing = 0;  ///< in the headers themselves, as all that follow
  std::size_t unresolved = 0;
  std::size_t unreadable = 0;
  std::size_t too_large = 0;
  std::size_t binary = 0;
};

/// Result: `count` of the headers, evenly spread; all of them if `count` is 0 or more than there are.
inline std::vector<std::string> spread_sample(const std::vector<std::string>& headers, std::size_t count) {
  if (count == 0 || count >= headers.size()) return headers;
  std::vector<std::string> sample;
  sample.reserve(count);
  const double step = static_cast<double>(headers.size()) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i)
    sample.push_back(headers[static_cast<std::size_t>(static_cast<double>(i) * step)]);
  return sample;
}

/// Walks from each header. `list_of` as in IncludeWalk.
template <class ListOf>
Scan scan(const std::vector<std::string>& headers, ListOf&& list_of) {
  Scan result;
  IncludeWalk walk;
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& header : headers) {
    const Closure closure = walk.closure_of(header, list_of);
    result.files += closure.files;
    result.checksum = result.checksum * 31 + closure.checksum;
    if (closure.files > result.largest) {
      result.largest = closure.files;
      result.largest_header = header;
    }
    const IncludeList& own = walk.first_list();
    result.missing += own.missing;
    result.unresolved += own.unresolved;
    result.unreadable += own.kind == IncludeList::Kind::unreadable ? 1 : 0;
    result.too_large += own.kind == IncludeList::Kind::too_large ? 1 : 0;
    result.binary += own.kind == IncludeList::Kind::binary ? 1 : 0;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

inline double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

inline void print_input(const std::string& folder, const HeaderFiles& headers, const IncludeFolders& folders) {
  std::cout << headers.paths.size() << " headers under " << folder << ", includes looked up in";
  for (const std::string& include_folder : folders.folders()) std::cout << " " << include_folder;
  std::cout << "\n";
  if (headers.unreadable_folders > 0) std::cout << headers.unreadable_folders << " folders could not be read\n";
}

inline void print_scan(const Scan& scan, std::size_t headers) {
  const double mean = headers == 0 ? 0 : static_cast<double>(scan.files) / static_cast<double>(headers);
  std::cout << std::fixed << std::setprecision(1) << "A header pulls in " << mean << " files on average";
  if (scan.largest > 0) std::cout << ", and " << scan.largest << " at most: " << scan.largest_header;
  std::cout << "\nIncludes not followed: " << scan.missing << " of files not found, " << scan.unresolved
            << " that name no file\nFiles not looked into: " << scan.unreadable << " unreadable, " << scan.too_large
            << " too large, " << scan.binary << " binary\n";
  std::cout << std::setprecision(2) << "\nAll " << headers << " headers with a cache: " << scan.seconds << " s\n";
}

inline void print_cache(const larder::CacheStats& stats, std::size_t limit) {
  std::cout << std::setprecision(2) << "  requests   " << stats.hits + stats.misses << "\n  hit rate   "
            << stats.hit_rate() * 100 << " %\n  entries    " << stats.current_entries.value_or(0) << "\n  evictions  "
            << stats.evictions << "\n  memory     " << mebibytes(stats.current_size_bytes.value_or(0))
            << " MiB of include lists; with keys and bookkeeping at most " << mebibytes(limit) << " MiB\n";
}

/// Of the same headers, scanned both ways.
inline void print_comparison(const Scan& uncached, const Scan& cached, const larder::CacheStats& stats,
                             std::size_t sample, std::size_t headers) {
  std::cout << std::setprecision(3) << "\nBoth ways, "
            << (sample == headers ? "all headers" : std::to_string(sample) + " of the headers, spread evenly") << ":\n"
            << "  without a cache  " << uncached.seconds << " s\n  with a cache     " << cached.seconds
            << " s, empty at first, hit rate " << std::setprecision(2) << stats.hit_rate() * 100 << " %\n"
            << "  speed-up         " << std::setprecision(1)
            << (cached.seconds > 0 ? uncached.seconds / cached.seconds : 0) << " times\n"
            << (uncached.checksum == cached.checksum ? "  Both found the same files"
                                                     : "  THE TWO DIFFER: did files change?")
            << " (checksums " << std::hex << uncached.checksum << " and " << cached.checksum << std::dec << ").\n";
}

}  // namespace include_scanner
