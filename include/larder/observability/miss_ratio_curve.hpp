/// \file miss_ratio_curve.hpp
/// MissRatioCurve: how often a cache of any other size would have hit.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <larder/observability/detail/sampled_stack.hpp>
#include <larder/observability/histogram.hpp>

namespace larder {

/// SHARDS (Waldspurger, Park, Garthwaite and Ahmad, "Efficient MRC Construction with SHARDS", FAST 2015), with a bound
/// on the number of samples, and with the adjustment for the keys that are asked for most (SHARDS-adj).
///
/// Of all keys those are sampled whose hash is below a threshold. How much else was used since the last use of such a
/// key, scaled by the share of the keys that are sampled, is how large an LRU cache had to be for a hit. When there are
/// too many samples, the threshold falls.
///
/// Beyond the paper: after the first million requests of sampled keys the threshold also falls as long as more than one
/// in 64 requests is for such a key, and there are more than 128 of them. So small caches are known exactly at first,
/// and busy ones cost little in the long run.
///
/// Entries that are too heavy for one of the sizes would not be stored there, and so make nobody leave: for the sizes
/// that `predicted_hit_ratio` tells of, they are left out.
///
/// Hashes are of 64 bits, each as good as any other. Times are in any unit, and go on. Not thread-safe. No function
/// throws but those that say so.
class MissRatioCurve {
 public:
  /// Of at most so many keys.
  explicit MissRatioCurve(std::size_t most_samples) noexcept : most_samples_(std::max<std::size_t>(most_samples, 1)) {}

  /// How many samples take at most 1 % of a cache of so many bytes, with all that is around them; 0 if that is too
  /// little.
  static constexpr std::size_t samples_within(std::uint64_t bytes) noexcept {
    const std::uint64_t room = bytes / 100;
    if (room < sizeof(MissRatioCurve) + least_samples * detail::SampledStack::bytes_a_key) return 0;
    return static_cast<std::size_t>(std::bit_floor(std::min<std::uint64_t>(
        (room - sizeof(MissRatioCurve)) / detail::SampledStack::bytes_a_key, most_useful_samples)));
  }

  /// Keys are sampled as long as the upper half of their hash is below this: at first all, which is 2^32.
  std::uint64_t threshold() const noexcept { return threshold_; }
  bool samples(std::uint64_t hash) const noexcept { return hash >> 32 < threshold_; }

  /// How large the cache is, by the same measure as the weights; not known at first. What was used before as much else
  /// as the largest of the sizes below holds is forgotten.
  void set_capacity(std::uint64_t capacity) noexcept {
    if (capacity == capacity_) return;
    capacity_ = capacity;
    corrections_ = {};
    for (std::size_t i = 0; i < factors.size(); ++i) {
      bucket_of_size_[i] = Histogram::bucket_of(static_cast<std::uint64_t>(std::min(size(i), 9e18)));
    }
    if (const double largest = size(factors.size() - 1); largest < 9e18) largest_ = static_cast<std::uint64_t>(largest);
  }
  std::uint64_t capacity() const noexcept { return capacity_; }

  /// The sizes that `predicted_hit_ratio` tells of, as parts or multiples of the present one.
  static constexpr std::array<double, 5> factors{0.25, 0.5, 1, 2, 4};

  // What follows is for sampled keys alone, and ignores others.

  /// A key was asked for; `weight` of what was found, if that is known. O(log samples). \throws std::bad_alloc.
  void request(std::uint64_t hash, std::optional<std::uint64_t> found_weight, std::uint32_t now) {
    if (!samples(hash)) return;
    const double requests = 1 / rate();
    requests_ += requests;
    if (detail::SampledStack::Sample* sample = stack_.find(hash)) {
      if (has_expired(*sample, now)) return stack_.erase(*sample);
      if (found_weight) stack_.set_weight(*sample, *found_weight);
      const double distance = needed_capacity(*sample);
      const std::size_t bucket = Histogram::bucket_of(static_cast<std::uint64_t>(std::min(distance, 9e18)));
      distances_[bucket] += requests;
      if (!heavy_.empty() ||
          std::find(bucket_of_size_.begin(), bucket_of_size_.end(), bucket) != bucket_of_size_.end()) {
        correct(*sample, distance, bucket, requests);
      }
      sample->used_at = now;
      stack_.touch(*sample);
    } else if (found_weight) {
      insert(hash, *found_weight, now);
    }
    ++sampled_requests_;
    if (sampled_requests_ > free_requests && sampled_requests_ % requests_a_look == 0) look_at_cost();
  }

  /// A value was stored under a key; `deadline`: until when, 0 if for ever. O(log samples). \throws std::bad_alloc.
  void store(std::uint64_t hash, std::uint64_t weight, std::uint32_t now, std::uint32_t deadline = 0) {
    if (!samples(hash)) return;
    if (weight > largest_) return erase(hash);
    detail::SampledStack::Sample* sample = stack_.find(hash);
    if (sample != nullptr) {
      stack_.set_weight(*sample, weight);
      stack_.touch(*sample);
    } else {
      sample = insert(hash, weight, now);
      if (sample == nullptr) return;
    }
    sample->stored_at = sample->used_at = now;
    sample->deadline = deadline;
    if (static_cast<double>(weight) > size(0)) note_heavy(hash);
  }

  /// A value that was stored stays until another time, and was used. O(log samples).
  void renew(std::uint64_t hash, std::uint32_t now, std::uint32_t deadline) noexcept {
    detail::SampledStack::Sample* sample = stack_.find(hash);
    if (sample == nullptr) return;
    sample->used_at = now;
    sample->deadline = deadline;
    stack_.touch(*sample);
  }

  void erase(std::uint64_t hash) noexcept {
    if (detail::SampledStack::Sample* sample = stack_.find(hash)) stack_.erase(*sample);
  }
  void erase_all() noexcept {
    stack_.clear();
    heavy_.clear();
  }

  /// Since when a sampled key's value is there, and since when it was not used.
  struct Ages {
    std::uint32_t since_stored;
    std::uint32_t since_used;
  };
  std::optional<Ages> ages(std::uint64_t hash, std::uint32_t now) noexcept {
    const detail::SampledStack::Sample* sample = stack_.find(hash);
    if (sample == nullptr) return std::nullopt;
    return Ages{now - sample->stored_at, now - sample->used_at};
  }

  /// Result: which share of all requests, from 0 to 1, an LRU cache of this capacity would have answered; empty before
  /// the first one. `all_requests`, if it is known, makes it more exact.
  std::optional<double> hit_ratio(double capacity, std::optional<std::uint64_t> all_requests = {}) const noexcept {
    if (requests_ <= 0) return std::nullopt;
    const double all = all_requests ? static_cast<double>(*all_requests) : requests_;
    if (all <= 0) return std::nullopt;
    // Those that the sample has too few, or too many, are of keys that are asked for all the time: they are hits.
    double hits = all - requests_;
    for (std::size_t bucket = 0; bucket < distances_.size(); ++bucket) {
      hits += distances_[bucket] * share_within(bucket, capacity);
    }
    return std::clamp(hits / all, 0.0, 1.0);
  }

  /// The same for `factors[index]` times the present capacity; empty if that is not known, too.
  std::optional<double> predicted_hit_ratio(std::size_t index,
                                            std::optional<std::uint64_t> all_requests = {}) const noexcept {
    if (capacity_ == 0) return std::nullopt;
    const std::optional<double> plain = hit_ratio(size(index), all_requests);
    if (!plain) return plain;
    const double all = all_requests ? static_cast<double>(*all_requests) : requests_;
    return std::clamp(*plain + corrections_[index] / all, 0.0, 1.0);
  }

  std::size_t sample_count() const noexcept { return stack_.size(); }
  /// The share of all keys that are sampled.
  double rate() const noexcept { return static_cast<double>(threshold_) / whole; }
  std::size_t memory_bytes() const noexcept { return sizeof *this + stack_.memory_bytes(); }

  /// Forgets the requests, but not the keys.
  void reset() noexcept {
    distances_ = {};
    corrections_ = {};
    requests_ = requests_at_last_look_ = 0;
  }

 private:
  static constexpr double whole = 4294967296.0;  // 2^32
  static constexpr std::uint64_t free_requests = 1'000'000;
  static constexpr std::uint64_t requests_a_look = 1024;
  static constexpr double requests_a_sample = 64;
  static constexpr std::size_t least_samples = 128;
  static constexpr std::size_t most_heavy = 64;
  /// More would hardly be more exact, and would not fit the processor's caches.
  static constexpr std::size_t most_useful_samples = std::size_t{1} << 14;

  double size(std::size_t index) const noexcept { return factors[index] * static_cast<double>(capacity_); }

  static bool has_expired(const detail::SampledStack::Sample& sample, std::uint32_t now) noexcept {
    return sample.deadline != 0 && sample.deadline <= now;
  }

  /// Which share of a bucket's distances is at most so much, if they are spread evenly.
  static double share_within(std::size_t bucket, double capacity) noexcept {
    const double begin = bucket == 0 ? 0 : static_cast<double>(Histogram::end_of_bucket(bucket - 1));
    const double end = static_cast<double>(Histogram::end_of_bucket(bucket));
    return std::clamp((capacity + 1 - begin) / (end - begin), 0.0, 1.0);
  }

  /// What an LRU cache must hold so that the key is still there.
  double needed_capacity(const detail::SampledStack::Sample& sample) const noexcept {
    return static_cast<double>(sample.weight) + static_cast<double>(stack_.used_since(sample)) / rate();
  }

  /// For each size: what is known better than from the bucket alone. Entries that it cannot hold are left out.
  void correct(const detail::SampledStack::Sample& sample, double needed, std::size_t bucket,
               double requests) noexcept {
    std::array<double, factors.size()> left_out{};
    std::erase_if(heavy_, [&](std::uint64_t hash) {
      const detail::SampledStack::Sample* other = stack_.find(hash);
      if (other == nullptr || static_cast<double>(other->weight) <= size(0)) return true;
      for (std::size_t i = 0; other->slot > sample.slot && i < factors.size(); ++i) {
        if (static_cast<double>(other->weight) > size(i)) left_out[i] += static_cast<double>(other->weight);
      }
      return false;
    });
    for (std::size_t i = 0; i < factors.size(); ++i) {
      const bool fits = static_cast<double>(sample.weight) <= size(i);
      const bool is_hit = fits && needed - left_out[i] / rate() <= size(i);
      corrections_[i] += requests * ((is_hit ? 1 : 0) - share_within(bucket, size(i)));
    }
  }

  void note_heavy(std::uint64_t hash) {
    if (heavy_.size() < most_heavy && std::find(heavy_.begin(), heavy_.end(), hash) == heavy_.end())
      heavy_.push_back(hash);
  }

  /// Null if the threshold has fallen below its hash.
  detail::SampledStack::Sample* insert(std::uint64_t hash, std::uint64_t weight, std::uint32_t now) {
    while (stack_.size() >= most_samples_) lower_threshold();
    if (!samples(hash)) return nullptr;
    detail::SampledStack::Sample& sample = stack_.insert(hash, weight);
    sample.stored_at = sample.used_at = now;
    while (stack_.size() > 1 &&
           static_cast<double>(stack_.total_weight()) / rate() > 1.25 * static_cast<double>(largest_)) {
      stack_.erase(stack_.oldest());
    }
    return stack_.find(hash);
  }

  void look_at_cost() noexcept {
    const double requests = requests_ - requests_at_last_look_;
    requests_at_last_look_ = requests_;
    const bool is_dear = requests < requests_a_sample * static_cast<double>(requests_a_look);
    if (is_dear && stack_.size() > least_samples) lower_threshold();
  }

  void lower_threshold() noexcept {
    threshold_ -= std::max<std::uint64_t>(threshold_ / 8, 1);
    stack_.erase_if([this](const detail::SampledStack::Sample& sample) { return !samples(sample.hash); });
  }

  detail::SampledStack stack_;
  std::array<double, Histogram::bucket_count>
      distances_{};      // requests by the capacity that they need, as the scale says
  double requests_ = 0;  // so many, as the sample says
  double requests_at_last_look_ = 0;
  std::uint64_t sampled_requests_ = 0;
  std::uint64_t threshold_ = std::uint64_t{1} << 32;
  std::uint64_t capacity_ = 0;
  std::uint64_t largest_ = std::numeric_limits<std::uint64_t>::max();
  std::vector<std::uint64_t> heavy_;  // hashes of entries that the smallest size cannot hold; some have left
  std::array<std::size_t, factors.size()> bucket_of_size_{};
  std::array<double, factors.size()> corrections_{};  // hits that the distances do not tell of
  std::size_t most_samples_;
};

}  // namespace larder
