/// \file workload.hpp
/// What every subject is asked to do: the same keys, values and requests, made before any clock starts.
///
/// - A request carries the text of its key, so that reading requests is a sequential walk through memory and
///   the only cache misses measured are those of the subject.
/// - Entries are stored in the order of their ids; which ids are popular is shuffled.
/// - Every read ends in `touch`, and the sums are compared with the expected ones, so that a cache that
///   answers quickly but wrongly cannot win.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace larder::bench {

/// How much work there is; `smoke` is just enough to see that everything runs.
struct Sizes {
  std::size_t processes = 3;  // in each of which everything is built anew
  std::size_t rounds = 3;     // repetitions in each process, after one to warm up

  std::size_t entries = 1'000'000;
  std::size_t requests = std::size_t{1} << 22;
  std::size_t churn_limit = 500'000;
  std::size_t blocks_a_run = 128;  // of requests, for each run of each benchmark of rates

  std::size_t largest_cache = 10'000'000;
  std::size_t largest_cache_processes = 3;  // building it takes a while
  std::size_t sweep_requests = std::size_t{1} << 18;

  std::size_t latency_sets = 1'000'000;
  std::size_t latency_runs = 3;
  std::size_t memory_entries = 100'000;
  std::size_t adversarial_keys = 100'000;
  std::size_t pause_entries = 10'000'000;
  int pause_runs = 3;

  static Sizes smoke() {
    return {.processes = 2,
            .rounds = 1,
            .entries = 10'000,
            .requests = 1u << 14,
            .churn_limit = 12'000,
            .blocks_a_run = 1,
            .largest_cache = 10'000,
            .largest_cache_processes = 1,
            .sweep_requests = 1u << 12,
            .latency_sets = 5'000,
            .latency_runs = 1,
            .memory_entries = 2'000,
            .adversarial_keys = 1'000,
            .pause_entries = 20'000,
            .pause_runs = 1};
  }
};

/// Set once, by main.
inline Sizes sizes;

using Sum = std::uint64_t;

/// Reads a value's first, middle and last byte: whoever asks for a value looks at it.
inline Sum touch(std::string_view value) noexcept {
  if (value.empty()) return 0;
  const auto byte = [value](std::size_t at) { return Sum{static_cast<unsigned char>(value[at])}; };
  return byte(0) + 3 * byte(value.size() / 2) + 5 * byte(value.size() - 1);
}

/// Values come from a pool that stays in the nearest caches; which one belongs to a key follows from its id.
class Values {
 public:
  explicit Values(std::size_t size) : size_(size), text_(size * count, 'a') {
    std::mt19937_64 random(size);
    for (char& character : text_) character = static_cast<char>('a' + random() % 26);
  }

  std::string_view operator[](std::size_t id) const noexcept { return {text_.data() + id % count * size_, size_}; }
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t count = 1024;
  std::size_t size_;
  std::string text_;
};

inline const Values& values() {
  static const Values pool(100);
  return pool;
}

enum class KeyStyle { named, sixteen, twelve };

/// Writes the key of an id and returns its length: 21 to 24 bytes for `named`, else what the name says.
inline std::size_t write_key(KeyStyle style, std::size_t id, char* out) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view prefix = "user:";
  // Multiplying by an odd number maps ids to distinct numbers, also in the lower 48 bits of twelve digits.
  std::uint64_t number = (std::uint64_t{id} + 1) * 0x9e3779b97f4a7c15u;
  char* end = out;
  if (style == KeyStyle::named) end = std::copy(prefix.begin(), prefix.end(), end);
  for (int digit = style == KeyStyle::twelve ? 12 : 16; digit > 0; --digit, number >>= 4) *end++ = digits[number & 15];
  if (style == KeyStyle::named) end = std::fill_n(end, id % 4, '/');
  return static_cast<std::size_t>(end - out);
}

struct Request {
  Request() = default;
  Request(KeyStyle style, std::size_t which) : id(static_cast<std::uint32_t>(which)) {
    size = static_cast<std::uint32_t>(write_key(style, which, text.data()));
  }

  std::string_view key() const noexcept { return {text.data(), size}; }

  std::array<char, 24> text;
  std::uint32_t size;
  std::uint32_t id;
};

enum class Distribution { zipf, uniform, each_once };

inline const char* name_of(Distribution distribution) {
  return distribution == Distribution::zipf ? "zipf" : distribution == Distribution::uniform ? "uniform" : "each_once";
}

/// Draws ids as the distribution says: rank r of Zipf(0.99) has a weight of 1 / r^0.99.
class IdSource {
 public:
  IdSource(std::size_t entries, Distribution distribution, std::uint64_t seed)
      : distribution_(distribution), random_(seed), shuffled_(entries) {
    std::iota(shuffled_.begin(), shuffled_.end(), std::uint32_t{0});
    std::shuffle(shuffled_.begin(), shuffled_.end(), random_);
    if (distribution != Distribution::zipf) return;
    cumulative_.resize(entries);
    double sum = 0;
    for (std::size_t rank = 0; rank < entries; ++rank) {
      sum += std::pow(static_cast<double>(rank + 1), -0.99);
      cumulative_[rank] = sum;
    }
  }

  std::uint32_t next() {
    if (distribution_ == Distribution::each_once) return shuffled_[next_++ % shuffled_.size()];
    if (distribution_ == Distribution::uniform) return shuffled_[random_() % shuffled_.size()];
    const double point = std::uniform_real_distribution<double>(0, cumulative_.back())(random_);
    const auto rank = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, point) - cumulative_.begin();
    return shuffled_[static_cast<std::size_t>(rank)];
  }

 private:
  Distribution distribution_;
  std::mt19937_64 random_;
  std::vector<std::uint32_t> shuffled_;
  std::vector<double> cumulative_;
  std::size_t next_ = 0;
};

/// An array of requests in blocks, each with the sum that touching its values must give. It is four times as
/// long as there are entries: were it shorter, walking round it again would find the entries in the order of
/// a cache's list of use, neighbour by neighbour, which no real stream of requests does.
class Requests {
 public:
  static constexpr std::size_t block_size = 4096;

  /// With `first_id`, the ids drawn count from there: past those that a cache holds, its key is absent.
  Requests(IdSource& ids, std::size_t count, KeyStyle style, std::size_t first_id = 0) {
    const std::size_t blocks = std::max<std::size_t>(count / block_size, 1);
    requests_.resize(blocks * block_size);
    expected_.resize(blocks);
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      requests_[i] = Request(style, first_id + ids.next());
      expected_[i / block_size] += touch(values()[requests_[i].id]);
    }
  }

  std::size_t blocks() const noexcept { return expected_.size(); }
  std::size_t size() const noexcept { return requests_.size(); }
  std::span<const Request> operator[](std::size_t block) const noexcept {
    return std::span(requests_).subspan(block * block_size, block_size);
  }
  Sum expected(std::size_t block) const noexcept { return expected_[block]; }
  Sum expected() const noexcept { return std::accumulate(expected_.begin(), expected_.end(), Sum{0}); }
  std::size_t after(std::size_t block) const noexcept { return block + 1 == blocks() ? 0 : block + 1; }

 private:
  std::vector<Request> requests_;
  std::vector<Sum> expected_;
};

/// The sums of what these calls give for a block of requests; `get` and `mixed` must give what the block expects.
template <class Subject>
Sum read_block(Subject& subject, std::span<const Request> block) {
  Sum sum = 0;
  for (const Request& request : block) sum += subject.read(request.key());
  return sum;
}

template <class Subject>
void write_block(Subject& subject, std::span<const Request> block) {
  for (const Request& request : block) subject.write(request.key(), values()[request.id]);
}

/// Every twentieth request writes the value that its key has already, so that all reads can be checked.
template <class Subject>
Sum mixed_block(Subject& subject, std::span<const Request> block) {
  Sum sum = 0;
  std::size_t until_write = 20;
  for (const Request& request : block) {
    if (--until_write > 0) {
      sum += subject.read(request.key());
      continue;
    }
    until_write = 20;
    const std::string_view value = values()[request.id];
    subject.write(request.key(), value);
    sum += touch(value);
  }
  return sum;
}

/// Stores entries 0 to count - 1.
template <class Subject>
void fill(Subject& subject, std::size_t count, KeyStyle style) {
  for (std::size_t id = 0; id < count; ++id) {
    const Request request(style, id);
    subject.write(request.key(), values()[id]);
  }
}

/// Room enough that nothing is evicted, in caches too that split their capacity by hash.
inline std::size_t roomy(std::size_t entries) noexcept { return entries + entries / 4 + 1000; }

}  // namespace larder::bench
