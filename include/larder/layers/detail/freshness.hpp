/// \file freshness.hpp
/// Freshness: whether a value in the cache is fresh, is to be refreshed early, or is stale, and what is stored for
/// that.
///
/// The wrapped cache keeps a value for its TTL and for `grace`, the longest time in which a stale one is of use. So
/// what has more than the grace left is fresh, and that is all that most hits ask. When less is left, the metadata tell
/// exactly: a copy in a near cache may have been given less time. Where there are none, what is left is believed.
#pragma once

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <larder/cache_entry.hpp>
#include <larder/layers/loading_options.hpp>
#include <larder/ttl.hpp>

namespace larder::detail {

/// How good a value is.
enum class Quality : unsigned char {
  fresh,
  due,          ///< fresh, and to be refreshed early
  stale,        ///< may be served while it is loaded anew
  last_resort,  ///< may be served only if it cannot be loaded
  spoilt,       ///< is of no use
};

class Freshness {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Wall = std::chrono::system_clock;

  /// Which metadata tell of a load: until when the value is fresh, in milliseconds since 1970, and how many
  /// microseconds the load took.
  static constexpr std::string_view metadata_name = "larder-load";

  explicit Freshness(const LoadingOptions& options)
      : grace_(std::max(options.stale_while_revalidate, options.stale_if_error)),
        while_revalidate_(options.stale_while_revalidate),
        if_error_(options.stale_if_error),
        beta_(options.early_refresh_beta),
        jitter_(options.ttl_jitter),
        wall_now_(options.wall_now),
        random_(options.seed != 0 ? options.seed : std::random_device()()) {
    note_load_time(shortest_horizon);
  }

  /// Whether there is more to a value than that it is there.
  bool matters() const noexcept { return grace_.count() > 0 || beta_ > 0; }

  /// Result: whether a value with so long to live is certainly fresh. Costs next to nothing.
  bool is_certain(const Ttl& left) const noexcept {
    return !left || left->count() > certain_.load(std::memory_order_relaxed);
  }

  /// The same in full.
  template <class Value>
  Quality quality_of(const EntryView<Value>& entry) const {
    if (!entry.ttl) return Quality::fresh;
    Milliseconds left = *entry.ttl - grace_;
    Milliseconds load_time{0};
    if (const auto noted = Note::read(entry.metadata)) {
      left = std::max(left, std::chrono::floor<Milliseconds>(noted->fresh_until - wall_now()));
      load_time = std::chrono::ceil<Milliseconds>(noted->load_time);
    }
    if (left.count() > 0) return is_due(left, load_time) ? Quality::due : Quality::fresh;
    if (-left < while_revalidate_) return Quality::stale;
    return -left < if_error_ ? Quality::last_resort : Quality::spoilt;
  }

  /// What a value that is loaded now is stored with: `ttl` becomes what the cache is to keep it for, and `metadata`
  /// gets what is to be remembered.
  void prepare(Ttl& ttl, Metadata& metadata, std::chrono::nanoseconds load_time) {
    if (beta_ > 0) note_load_time(load_time);
    if (!ttl || ttl->count() <= 0) return;
    Milliseconds fresh = *ttl;
    if (jitter_ > 0) {
      const auto cut = static_cast<double>(fresh.count()) * jitter_ * random();
      fresh = std::max(Milliseconds(1), fresh - Milliseconds(static_cast<std::int64_t>(cut)));
    }
    if (matters()) metadata.insert_or_assign(std::string(metadata_name), Note::text(wall_now(), fresh, load_time));
    ttl = fresh < Milliseconds::max() - grace_ ? fresh + grace_ : Milliseconds::max();
  }

 private:
  /// What the metadata hold.
  struct Note {
    Wall::time_point fresh_until;
    std::chrono::microseconds load_time;

    static std::string text(Wall::time_point now, Milliseconds fresh, std::chrono::nanoseconds load_time) {
      const auto begin = std::chrono::ceil<Milliseconds>(now.time_since_epoch());
      const Milliseconds until = fresh < last - begin ? begin + fresh : last;
      const auto took = std::chrono::ceil<std::chrono::microseconds>(load_time);
      return std::to_string(until.count()) + " " + std::to_string(took.count());
    }

    /// Empty if there are none, or somebody else's.
    static std::optional<Note> read(const Metadata& metadata) {
      if (metadata.empty()) return std::nullopt;
      const auto found = metadata.find(metadata_name);
      if (found == metadata.end()) return std::nullopt;
      const char* const end = found->second.data() + found->second.size();
      std::int64_t until = 0;
      std::int64_t took = 0;
      const auto first = std::from_chars(found->second.data(), end, until);
      if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return std::nullopt;
      const auto second = std::from_chars(first.ptr + 1, end, took);
      if (second.ec != std::errc() || second.ptr != end || took < 0) return std::nullopt;
      if (until < 0 || Milliseconds(until) > last) return std::nullopt;
      return Note{Wall::time_point(Milliseconds(until)), std::chrono::microseconds(took)};
    }

    /// Well within what every clock can count.
    static constexpr Milliseconds last = std::chrono::hours(24) * 365 * 200;
  };

  /// XFetch: now - load_time * beta * log(random) >= end.
  bool is_due(Milliseconds left, Milliseconds load_time) const {
    if (beta_ <= 0 || load_time.count() <= 0) return false;
    const double early = static_cast<double>(load_time.count()) * beta_ * -std::log(1.0 - random());
    return early >= static_cast<double>(left.count());
  }

  /// Nobody needs to look closer at a value that is refreshed early with a probability of less than 10^-8.
  void note_load_time(std::chrono::nanoseconds load_time) {
    constexpr double improbable = 20;
    const double horizon =
        beta_ * improbable * std::chrono::duration<double, std::milli>(std::max(load_time, shortest_horizon)).count();
    const double most = static_cast<double>(std::chrono::hours(24 * 365) / Milliseconds(1));
    const std::int64_t certain = grace_.count() + static_cast<std::int64_t>(std::min(horizon, most));
    std::int64_t known = certain_.load(std::memory_order_relaxed);
    while (known < certain && !certain_.compare_exchange_weak(known, certain, std::memory_order_relaxed)) continue;
  }

  /// Other processes' loads may take longer than ours.
  static constexpr std::chrono::nanoseconds shortest_horizon = std::chrono::seconds(1);

  Wall::time_point wall_now() const { return wall_now_ ? wall_now_() : Wall::now(); }

  /// From 0 to below 1, by SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
  double random() const noexcept {
    std::uint64_t bits = random_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((bits ^ (bits >> 31)) >> 11) * 0x1.0p-53;
  }

  const Milliseconds grace_;
  const Milliseconds while_revalidate_;
  const Milliseconds if_error_;
  const double beta_;
  const double jitter_;
  const std::function<Wall::time_point()> wall_now_;
  std::atomic<std::int64_t> certain_{0};
  mutable std::atomic<std::uint64_t> random_;
};

/// What a cache has under a key.
template <class Value>
struct Sight {
  std::optional<Value> value{};
  Quality quality = Quality::spoilt;

  bool is_fresh() const noexcept { return quality <= Quality::due; }
  bool is_usable() const noexcept { return quality != Quality::spoilt; }
  /// Nobody waits for a load who has this.
  bool is_good_for_now() const noexcept { return quality <= Quality::stale; }

  /// What is there is fresh.
  void take(std::optional<Value> found) {
    value = std::move(found);
    if (value) quality = Quality::fresh;
  }
  void see(const EntryView<Value>& entry, const Freshness& freshness) {
    value.emplace(entry.value);
    quality = freshness.is_certain(entry.ttl) ? Quality::fresh : freshness.quality_of(entry);
  }
};

}  // namespace larder::detail
