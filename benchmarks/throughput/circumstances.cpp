/// \file circumstances.cpp
/// Machine, compiler and peers, as text.
#if LARDER_BENCHMARK_BOOST
#include <boost/version.hpp>
#endif
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#if LARDER_BENCHMARK_LEVELDB
#include <leveldb/db.h>
#endif
#if LARDER_BENCHMARK_ROCKSDB
#include <rocksdb/version.h>
#endif

#include "report.hpp"

namespace larder::bench {

namespace {

/// What follows `name` and a colon in a file of /proc, or nothing.
std::string proc_field(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string machine() {
  const std::string model = proc_field("/proc/cpuinfo", "model name");
  const long long kibibytes = std::atoll(proc_field("/proc/meminfo", "MemTotal").c_str());
  return (model.empty() ? "unknown processor" : model) + ", " + std::to_string(std::thread::hardware_concurrency()) +
         " processors, " + std::to_string((kibibytes + (1 << 19)) >> 20) + " GiB of memory";
}

std::string load_average() {
  double averages[1] = {0};
  char text[32] = "unknown";
  if (::getloadavg(averages, 1) == 1) std::snprintf(text, sizeof text, "%.1f", averages[0]);
  return text;
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string peers() {
  std::string names = "the standard library";
#if LARDER_BENCHMARK_BOOST
  names += ", Boost " + std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);
#endif
#if LARDER_BENCHMARK_LEVELDB
  names += ", LevelDB " + std::to_string(leveldb::kMajorVersion) + "." + std::to_string(leveldb::kMinorVersion);
#endif
#if LARDER_BENCHMARK_ROCKSDB
  names += ", RocksDB " + std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
           std::to_string(ROCKSDB_PATCH);
#endif
  return names;
}

}  // namespace

Circumstances circumstances_of(const std::string& command) {
  return {machine(), load_average(), compiler(), LARDER_BENCHMARK_FLAGS, peers(), command};
}

}  // namespace larder::bench
