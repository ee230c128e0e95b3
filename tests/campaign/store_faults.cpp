/// \file store_faults.cpp
/// Histories of eight threads on real stores behind a proxy that breaks what goes through it by a seeded plan, beside
/// servers that stop, die, run out of memory and throttle: whether every value was one that may have been there, no
/// error was taken for a miss, and every call ended in time.
///
///     store_faults --redis=1000000 --memcached=1000000 --dynamodb=1000000 --seed=1 --seconds=0
///
/// The numbers are operations, of as many as can be done in the seconds for each store, if these are not zero; 0 leaves
/// a store out, and so does one that is not installed, which is said. Prints counts of calls, errors and faults for
/// each store. Result: 0 if all was well.
#include <larder/backends/dynamodb_backend.hpp>
#include <larder/backends/memcached_backend.hpp>
#include <larder/backends/redis_backend.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/campaign/arguments.hpp"
#include "tests/campaign/history_load.hpp"
#include "tests/support/dynalite_server.hpp"
#include "tests/support/dynamodb_cache.hpp"
#include "tests/support/http_exchange.hpp"
#include "tests/support/memcached_cache.hpp"
#include "tests/support/memcached_server.hpp"
#include "tests/support/random.hpp"
#include "tests/support/redis_cache.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace {

using namespace larder_tests;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t threads = 8;
/// Beyond its time-out, what a call may take.
constexpr milliseconds slack = 50ms;

/// What can be done to a store, beside what its proxy can.
struct Store {
  std::string name;
  milliseconds timeout;
  TcpProxy& proxy;
  ServerProcess& server;
  std::function<std::unique_ptr<HistoryLoad::Cache>()> make;
  bool touches = true;
  /// Whether it may be killed: what it had is gone then.
  bool may_die = false;
  /// Makes it refuse writes, or take them again; empty if it cannot.
  std::function<void(bool)> run_out_of_memory = {};
  /// Where every request is throttled; 0 if the store throttles nobody.
  std::uint16_t busy_port = 0;
};

struct Totals {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::uint64_t late = 0;
  std::uint64_t wrong = 0;
  milliseconds longest{0};
  std::array<std::uint64_t, 11> faults{};
};

constexpr std::array<const char*, 11> fault_names{"cut",          "reset",         "frozen",       "refused",
                                                  "late replies", "dripping",      "lost replies", "stopped",
                                                  "killed",       "out of memory", "throttled"};

/// Breaks something for a while, and mends it.
class Plan {
 public:
  Plan(Store& store, HistoryLoad& load, Totals& totals, std::uint64_t seed)
      : store_(store), load_(load), totals_(totals), random_(seed) {}

  void break_something() {
    if (store_.busy_port != 0 && random_.one_in(8)) return throttle();
    const std::size_t which = random_.below(store_.may_die ? 40 : 38);
    if (which < 38) return break_network(which % 8);
    store_.run_out_of_memory&& random_.one_in(2) ? starve() : kill();
  }

 private:
  milliseconds up_to(milliseconds most) {
    return milliseconds(1 + random_.below(static_cast<std::size_t>(most.count())));
  }
  static void wait(milliseconds time) { std::this_thread::sleep_for(time); }

  void break_network(std::size_t fault) {
    TcpProxy& proxy = store_.proxy;
    ++totals_.faults[fault];
    switch (fault) {
      case 0: return proxy.cut();
      case 1: return proxy.cut_with_reset();
      case 2:  // a connection half of which has died
        proxy.freeze();
        wait(up_to(store_.timeout * 3 / 2));
        return proxy.thaw();
      case 3:
        proxy.refuse();
        if (random_.one_in(2)) proxy.cut();
        wait(up_to(store_.timeout / 2));
        return proxy.accept();
      case 4:  // some so late that nobody waits for them any more
        proxy.delay(up_to(store_.timeout * 5 / 4));
        wait(store_.timeout);
        return proxy.delay(0ms);
      case 5:
        proxy.drip(1 + random_.below(20), up_to(3ms));
        wait(up_to(store_.timeout));
        return proxy.drip(0, 0ms);
      case 6: return proxy.cut_after(random_.below(3000));
      default:
        store_.server.stop();
        wait(up_to(store_.timeout * 3 / 2));
        store_.server.resume();
    }
  }

  void kill() {
    ++totals_.faults[8];
    load_.remove_all([this] {
      store_.server.kill();
      wait(up_to(50ms));
      store_.server.restart();
      // What was on its way to the one that died is lost there, and here.
      store_.proxy.cut();
    });
  }

  void starve() {
    ++totals_.faults[9];
    store_.run_out_of_memory(true);
    wait(up_to(100ms));
    store_.run_out_of_memory(false);
  }

  void throttle() {
    ++totals_.faults[10];
    lead_to(store_.busy_port);
    wait(up_to(store_.timeout));
    lead_to(store_.server.port());
  }
  void lead_to(std::uint16_t port) {
    store_.proxy.lead_to(port);
    store_.proxy.cut();
  }

  Store& store_;
  HistoryLoad& load_;
  Totals& totals_;
  Random random_;
};

struct Work {
  std::uint64_t operations;
  std::uint64_t seed;
  std::chrono::seconds time;  ///< zero: as much as it takes
};

/// Result: whether all was well.
bool run(Store store, const Work& work) {
  Totals totals;
  const auto begin = std::chrono::steady_clock::now();
  const auto is_over = [&] {
    if (totals.calls + totals.errors >= work.operations || totals.wrong != 0) return true;
    return work.time.count() != 0 && std::chrono::steady_clock::now() - begin >= work.time;
  };
  for (std::uint64_t round = 0; !is_over(); ++round) {
    // Each round has keys of its own, so that what is late in one is nothing to the next.
    const auto cache = store.make();
    const std::size_t rest = static_cast<std::size_t>(work.operations - totals.calls - totals.errors);
    HistoryLoad load(*cache, {.threads = threads,
                              .operations = std::min<std::size_t>(rest / threads + 1, 4000),
                              .keys = 12,
                              .longest_value = 5000,
                              .seed = work.seed * 1000 + round,
                              .most = store.timeout + slack,
                              .touches = store.touches});
    Plan plan(store, load, totals, work.seed * 1000 + round);
    load.run([&](const auto& has_ended) {
      Random random(work.seed + round);
      while (!has_ended()) {
        std::this_thread::sleep_for(milliseconds(random.below(static_cast<std::size_t>(store.timeout.count()) / 4)));
        plan.break_something();
      }
    });
    totals.calls += load.calls();
    totals.errors += load.errors();
    totals.late += load.late();
    totals.longest = std::max(totals.longest, load.longest());
    std::string wrong = load.failure();
    if (wrong.empty()) wrong = load.impossible_read(true);
    if (wrong.empty()) continue;
    ++totals.wrong;
    std::cout << store.name << ", round " << round << ": " << wrong << '\n';
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::uint64_t faults = 0;
  for (const auto& each : totals.faults) faults += each;
  std::cout << store.name << ": operations: " << totals.calls + totals.errors << "; errors: " << totals.errors
            << "; faults: " << faults << " (";
  for (std::size_t i = 0; i < totals.faults.size(); ++i) {
    if (totals.faults[i] != 0) std::cout << (i == 0 ? "" : ", ") << fault_names[i] << ' ' << totals.faults[i];
  }
  std::cout << "); wrong values or misses: " << totals.wrong << "; longest call: " << totals.longest.count()
            << " ms of " << (store.timeout + slack).count() << "; later: " << totals.late << "; "
            << static_cast<int>(time.count()) << " s" << std::endl;
  return totals.wrong == 0 && totals.late == 0;
}

constexpr milliseconds timeout = 250ms;

bool run_redis(const Work& work) {
  RedisServer server;
  TcpProxy proxy(server.port());
  return run({.name = "Redis",
              .timeout = timeout,
              .proxy = proxy,
              .server = server,
              .make =
                  [&] {
                    auto options = redis_at(proxy.port(), timeout);
                    options.pool_size = threads;
                    options.scan_timeout = timeout;
                    return std::make_unique<RedisCache>(options);
                  },
              .may_die = true,
              .run_out_of_memory =
                  [&](bool begins) {
                    server.client().expect({"CONFIG", "SET", "maxmemory", begins ? "1" : "0"});
                  }},
             work);
}

bool run_memcached(const Work& work) {
  MemcachedServer server;
  TcpProxy proxy(server.port());
  return run({.name = "Memcached",
              .timeout = timeout,
              .proxy = proxy,
              .server = server,
              .make =
                  [&] {
                    auto options = memcached_at(proxy.port(), timeout);
                    options.pool_size = threads;
                    options.backoff = 1ms;
                    options.max_backoff = 5ms;
                    return std::make_unique<MemcachedCache>(options);
                  },
              .may_die = true},
             work);
}

bool run_dynamodb(const Work& work) {
  DynaliteServer server;
  // What it has is in its memory, and so would its table be.
  auto creation = dynamodb_at(server.port());
  creation.create_table = true;
  DynamoDbCache(creation).set("k", "v");
  TcpProxy proxy(server.port());
  ScriptedServer busy([](ScriptedServer::Connection& connection) {
    while (true) {
      HttpRequest::read(connection);
      connection.send(dynamodb_error(400, "ProvisionedThroughputExceededException"));
    }
  });
  // A server in JavaScript takes its time for eight at once.
  constexpr milliseconds more_time = 500ms;
  return run({.name = "DynamoDB",
              .timeout = more_time,
              .proxy = proxy,
              .server = server,
              .make =
                  [&] {
                    auto options = dynamodb_at(proxy.port(), more_time);
                    options.pool_size = threads;
                    return std::make_unique<DynamoDbCache>(options);
                  },
              .busy_port = busy.port()},
             work);
}

}  // namespace

int main(int argc, char** argv) {
  const larder_tests::Arguments arguments(
      argc, argv,
      {{"redis", 1'000'000}, {"memcached", 1'000'000}, {"dynamodb", 1'000'000}, {"seed", 1}, {"seconds", 0}});
  bool fine = true;
  const auto run_if = [&](const char* name, bool available, bool (*run_store)(const Work&)) {
    if (arguments[name] == 0) return;
    if (available) {
      fine = run_store({arguments[name], arguments["seed"], std::chrono::seconds(arguments["seconds"])}) && fine;
    } else {
      std::cout << name << ": left out, since its server is not installed\n";
    }
  };
  run_if("redis", RedisServer::available(), run_redis);
  run_if("memcached", MemcachedServer::available(), run_memcached);
  run_if("dynamodb", DynaliteServer::available(), run_dynamodb);
  return fine ? 0 : 1;
}
