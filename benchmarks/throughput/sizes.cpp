/// \file sizes.cpp
/// What hits, misses, mixed requests and evicting sets cost in caches of 10^3 to 10^7 entries: the first three beside
/// the bare map, sets beside the peers that are strongest there. One thread; the subjects take turns.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iostream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "container_peers.hpp"
#include "fresh_process.hpp"
#include "report.hpp"
#include "store_peers.hpp"
#include "subjects.hpp"
#include "thread_clock.hpp"

namespace larder::bench {

namespace {

/// The times that one process measures: every series has a slot for each round.
class Series {
 public:
  Series(std::size_t entries, std::vector<std::string> names)
      : entries_(entries), names_(std::move(names)), times_(names_.size() * sizes.rounds) {}

  void set(const std::string& name, std::size_t round, double nanoseconds) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) times_[i * sizes.rounds + round] = nanoseconds;
    }
  }

  void add_to(Timings& timings, std::size_t process) const {
    for (std::size_t i = 0; i < times_.elements().size(); ++i) {
      if (times_[i] == 0) continue;
      timings[names_[i / sizes.rounds] + "/entries:" + std::to_string(entries_)].add(process, times_[i]);
    }
  }

 private:
  std::size_t entries_;
  std::vector<std::string> names_;
  SharedArray<double> times_;
};

/// Nanoseconds a request.
template <class UseBlock>
double time_blocks(const Requests& requests, Sum expected, UseBlock use_block) {
  Sum sum = 0;
  const double start = thread_nanoseconds();
  for (std::size_t block = 0; block < requests.blocks(); ++block) sum += use_block(requests[block]);
  const double took = thread_nanoseconds() - start;
  if (sum != expected) throw std::runtime_error("the bytes read are not the bytes stored");
  return took / static_cast<double>(requests.size());
}

template <Subject Type>
double time_work(const std::string& work, Type& subject, const Requests& requests) {
  if (work == "mixed") {
    return time_blocks(requests, requests.expected(), [&](auto block) { return mixed_block(subject, block); });
  }
  const Sum expected = work == "miss" ? 0 : requests.expected();
  return time_blocks(requests, expected, [&](auto block) { return read_block(subject, block); });
}

const std::vector<std::string> works{"get", "miss", "mixed"};

std::vector<std::string> names_of_reads() {
  std::vector<std::string> names;
  for (const std::string& work : works) {
    for (const char* distribution : {"/zipf", "/uniform"}) {
      names.push_back(work + "/larder" + distribution);
      names.push_back(work + "/flat_map" + distribution);
    }
  }
  return names;
}

/// Calls both, the second first every other time.
template <class First, class Second>
void in_turns(std::size_t turn, First first, Second second) {
  if (turn % 2 == 0) first();
  second();
  if (turn % 2 == 1) first();
}

/// The first round is to warm up. Requests are fresh in each: see Requests.
void measure_reads(const Series& series, std::size_t entries, std::size_t process) {
  auto& larder = *new LarderDefault(roomy(entries));
#if LARDER_BENCHMARK_BOOST
  auto& flat_map = *new FlatMap(0);
  in_turns(
      process, [&] { fill(larder, entries, KeyStyle::named); }, [&] { fill(flat_map, entries, KeyStyle::named); });
#else
  fill(larder, entries, KeyStyle::named);
#endif
  for (const Distribution distribution : {Distribution::zipf, Distribution::uniform}) {
    IdSource ids(entries, distribution, 44 + process);
    for (std::size_t round = 0; round <= sizes.rounds; ++round) {
      for (const std::string& work : works) {
        const Requests requests(ids, sizes.sweep_requests, KeyStyle::named, work == "miss" ? entries : 0);
        const auto measure = [&, round](auto& subject, const char* name) {
          const double nanoseconds = time_work(work, subject, requests);
          if (round > 0) series.set(work + name + name_of(distribution), round - 1, nanoseconds);
        };
#if LARDER_BENCHMARK_BOOST
        in_turns(
            process + round, [&] { measure(larder, "/larder/"); }, [&] { measure(flat_map, "/flat_map/"); });
#else
        measure(larder, "/larder/");
#endif
      }
    }
  }
}

/// A full cache into which ids are written that it has not seen: each set evicts.
template <Subject Type>
class Churn {
 public:
  explicit Churn(std::size_t entries) : subject_(*new Type(entries)), next_id_(entries) {
    fill(subject_, entries, KeyStyle::named);
  }

  double time(std::size_t count) {
    std::vector<Request> requests;
    requests.reserve(count);
    while (requests.size() < count) requests.emplace_back(KeyStyle::named, next_id_++);
    const double start = thread_nanoseconds();
    write_block(subject_, requests);
    const double took = thread_nanoseconds() - start;
    if (subject_.read(requests.back().key()) != touch(values()[requests.back().id])) {
      throw std::runtime_error("the bytes read are not the bytes stored");
    }
    return took / static_cast<double>(count);
  }

 private:
  Type& subject_;
  std::size_t next_id_;
};

template <Subject Type>
auto churn(std::size_t entries) {
  return [churn = Churn<Type>(entries)](std::size_t count) mutable { return churn.time(count); };
}

void measure_sets(const Series& series, std::size_t entries, std::size_t process) {
  // Builds the subject and answers with what times so many sets.
  using MakeChurn = std::function<std::function<double(std::size_t)>(std::size_t)>;
  std::vector<std::pair<std::string, MakeChurn>> makers{{"set_new/larder", churn<LarderDefault>}};
#if LARDER_BENCHMARK_BOOST
  makers.emplace_back("set_new/multi_index", churn<MultiIndex<InMemoryTraits<>::Mutex>>);
#endif
#if LARDER_BENCHMARK_LEVELDB
  makers.emplace_back("set_new/leveldb_lru", churn<LevelDbLru>);
#endif
  std::mt19937_64 random(process);
  std::shuffle(makers.begin(), makers.end(), random);
  std::vector<std::pair<std::string, std::function<double(std::size_t)>>> subjects;
  for (const auto& [name, make] : makers) subjects.emplace_back(name, make(entries));
  for (std::size_t round = 0; round <= sizes.rounds; ++round) {
    std::shuffle(subjects.begin(), subjects.end(), random);
    for (auto& [name, time] : subjects) {
      const double nanoseconds = time(sizes.sweep_requests);
      if (round > 0) series.set(name, round - 1, nanoseconds);
    }
  }
}

}  // namespace

void measure_sizes(Timings& timings) {
  for (std::size_t entries = 1000; entries <= sizes.largest_cache; entries *= 10) {
    std::cerr << "  " << entries << " entries\n";
    const bool largest = entries > sizes.largest_cache / 10;
    const std::size_t processes = largest ? sizes.largest_cache_processes : sizes.processes;
    for (std::size_t process = 0; process < processes; ++process) {
      const Series reads(entries, names_of_reads());
      in_fresh_process([&] { measure_reads(reads, entries, process); });
      reads.add_to(timings, process);
      const Series sets(entries, {"set_new/larder", "set_new/multi_index", "set_new/leveldb_lru"});
      in_fresh_process([&] { measure_sets(sets, entries, process); });
      sets.add_to(timings, process);
    }
  }
}

}  // namespace larder::bench
