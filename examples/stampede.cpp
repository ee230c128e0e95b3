/// \file stampede.cpp
/// What 200 threads do to a database whose answers they all want at once, and what is left of that with a LoadingCache
/// in front: how many queries run, and how long callers wait. The database is SQLite, in a temporary file.
#include <larder/larder.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A connection to the shop's database.
class Database {
 public:
  explicit Database(const std::filesystem::path& file) {
    sqlite3* opened = nullptr;
    const int result = sqlite3_open(file.c_str(), &opened);
    connection_.reset(opened);
    if (result != SQLITE_OK) fail();
  }

  /// Result: the first number that the statement gives.
  std::string ask(const char* statement, std::string_view parameter = {}) const {
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(connection_.get(), statement, -1, &prepared, nullptr) != SQLITE_OK) fail();
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owner(prepared, &sqlite3_finalize);
    sqlite3_bind_text(prepared, 1, parameter.data(), static_cast<int>(parameter.size()), SQLITE_TRANSIENT);
    const int result = sqlite3_step(prepared);
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail();
    return result == SQLITE_ROW ? std::to_string(sqlite3_column_int64(prepared, 0)) : std::string();
  }

 private:
  [[noreturn]] void fail() const { throw std::runtime_error(sqlite3_errmsg(connection_.get())); }

  std::unique_ptr<sqlite3, int (*)(sqlite3*)> connection_{nullptr, &sqlite3_close};
};

/// Has 200 threads ask for the turnover of four regions, and prints a line of the table.
template <class Turnover>
void run(const char* name, const std::filesystem::path& file, const Turnover& turnover) {
  constexpr std::size_t threads = 200, requests = 5;
  std::atomic<int> queries{0};
  std::vector<Clock::duration> waits(threads * requests);
  std::vector<std::jthread> callers;
  for (std::size_t i = 0; i < threads; ++i) {
    callers.emplace_back([&, i] {
      const Database database(file);
      for (std::size_t request = 0; request < requests; ++request) {
        const auto begin = Clock::now();
        turnover("region " + std::to_string((i + request) % 4), [&](std::string_view region) {
          ++queries;
          return larder::Bytes(
              database.ask("SELECT sum(a.amount * b.amount % 7) FROM sales a, sales b WHERE a.region = ?", region));
        });
        waits[i * requests + request] = Clock::now() - begin;
      }
    });
  }
  callers.clear();
  std::sort(waits.begin(), waits.end());
  std::cout << std::left << std::setw(20) << name << std::right << std::setw(10) << queries;
  for (const std::size_t percent : {50U, 99U}) {
    const std::chrono::duration<double, std::milli> wait = waits[waits.size() * percent / 100];
    std::cout << std::setw(10) << wait.count() << " ms";
  }
  std::cout << "\n";
}

int main() {
  const auto name = "larder_stampede_" + std::to_string(Clock::now().time_since_epoch().count());
  const auto file = std::filesystem::temp_directory_path() / name;
  Database(file).ask("CREATE TABLE sales (id INTEGER PRIMARY KEY, region TEXT, amount INTEGER)");
  Database(file).ask(
      "INSERT INTO sales WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
      "SELECT i, 'region ' || (i % 4), i * 37 % 1000 FROM n");
  larder::LoadingCache<> cache{std::make_shared<larder::InMemoryBackend<>>(), {.ttl = 1min}};
  std::cout << std::fixed << std::setprecision(2) << "200 threads            queries          p50          p99\n";
  run("without a cache", file, [](const std::string& region, const auto& query) { return query(region); });
  run("with a LoadingCache", file,
      [&](const std::string& region, const auto& query) { return cache.get(region, query); });
  std::filesystem::remove(file);
  std::cout << cache.stats().joined << " callers waited for a query of somebody else, " << cache.backend().stats().hits
            << " found the value there\n";
  return cache.stats().loads == 4 ? EXIT_SUCCESS : EXIT_FAILURE;
}
