/// \file mutant_time.hpp
/// MutantTime: when the entries of a MutantStore expire.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <larder/testing/manual_clock.hpp>
#include <larder/ttl.hpp>

#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

class MutantTime {
 public:
  using Clock = larder::testing::ManualClock;
  using WallClock = std::chrono::system_clock;
  /// The operation that an entry is looked at for.
  enum class Call {
    get,
    set,
    set_if_absent,
    touch,
    erase,
    exists,
    clear,
    stats,
    get_entry,
    keys,
    get_many,
    set_many,
    erase_many
  };

  /// Empty if it never comes.
  using Deadline = std::optional<Clock::time_point>;

  MutantTime(Mutation mutation, Clock clock) : mutation_(mutation), clock_(std::move(clock)) {}

  Clock::time_point now() const { return clock_.now(); }

  /// Whether an operation takes an entry for expired.
  bool is_over(const Deadline& deadline, Call call) const {
    if (!deadline || ignores_expiry(call)) return false;
    const auto now = clock_.now();
    if (is(Mutation::expires_early)) return now >= *deadline - std::chrono::milliseconds(1);
    return is_late(call) ? now > *deadline : now >= *deadline;
  }

  /// The end of a TTL that begins now; the clock's last instant, which never comes, if it is beyond that.
  Deadline deadline_of(const larder::Ttl& ttl) const {
    using std::chrono::seconds;
    if (!ttl || (is(Mutation::subsecond_ttl_means_for_ever) && *ttl < seconds(1))) return std::nullopt;
    const auto now = clock_.now();
    if (is(Mutation::large_ttl_overflows)) {
      const auto begin = static_cast<std::uint64_t>(now.time_since_epoch().count());
      const auto end = begin + static_cast<std::uint64_t>(ttl->count()) * 1'000'000;  // unsigned, so that it may
      return Clock::time_point(Clock::duration(static_cast<Clock::duration::rep>(end)));
    }
    const auto most = std::chrono::floor<seconds>(Clock::time_point::max() - now);
    if (*ttl >= most) return Clock::time_point::max();
    if (is(Mutation::ttl_truncated_to_seconds)) return now + std::chrono::floor<seconds>(*ttl);
    if (is(Mutation::ttl_rounded_up_to_seconds)) return now + std::chrono::ceil<seconds>(*ttl);
    return now + *ttl;
  }

  /// The deadline of an entry that is touched.
  Deadline touched(const Deadline& old, const larder::Ttl& ttl) const {
    const Deadline fresh = deadline_of(ttl);
    if (!old) return is(Mutation::touch_adds_no_expiry) ? old : fresh;
    if (!fresh) return is(Mutation::touch_keeps_expiry_if_none_given) ? old : fresh;
    if (*fresh < *old && is(Mutation::touch_never_shortens)) return old;
    if (*fresh > *old && is(Mutation::touch_never_lengthens)) return old;
    if (*fresh == Clock::time_point::max() && is(Mutation::touch_overflows)) return clock_.now();
    if (*fresh != Clock::time_point::max() && is(Mutation::touch_adds_to_the_old_ttl)) return *old + *ttl;
    return fresh;
  }

  /// When a deadline will be by the wall clock; empty if never.
  std::optional<WallClock::time_point> wall_time_of(const Deadline& deadline, const larder::Ttl& ttl) const {
    if (!deadline || *deadline == Clock::time_point::max()) return std::nullopt;
    const auto now = WallClock::now();
    auto left = *deadline - clock_.now();
    if (is(Mutation::get_entry_shows_full_ttl)) left = *ttl;
    using std::chrono::seconds;  // of which there are fewer than nanoseconds, whatever the wall clock counts
    if (std::chrono::floor<seconds>(left) >= std::chrono::floor<seconds>(WallClock::time_point::max() - now)) {
      return WallClock::time_point::max();
    }
    return now + std::chrono::duration_cast<WallClock::duration>(left);
  }

 private:
  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  bool ignores_expiry(Call call) const noexcept {
    return (call == Call::exists && is(Mutation::exists_ignores_expiry)) ||
           (call == Call::get_entry && is(Mutation::get_entry_shows_expired)) ||
           (call == Call::set_if_absent && is(Mutation::set_if_absent_blocked_by_expired)) ||
           (call == Call::touch && is(Mutation::touch_revives_expired));
  }

  bool is_late(Call call) const noexcept {
    switch (call) {
      case Call::get: return is(Mutation::expires_late_in_get);
      case Call::exists: return is(Mutation::expires_late_in_exists);
      case Call::set_if_absent: return is(Mutation::expires_late_in_set_if_absent);
      case Call::touch: return is(Mutation::expires_late_in_touch);
      case Call::erase: return is(Mutation::expires_late_in_erase);
      case Call::get_entry: return is(Mutation::expires_late_in_get_entry);
      case Call::keys: return is(Mutation::expires_late_in_keys);
      case Call::get_many: return is(Mutation::expires_late_in_get_many);
      case Call::erase_many: return is(Mutation::expires_late_in_erase_many);
      case Call::clear: return is(Mutation::expires_late_in_clear);
      case Call::stats: return is(Mutation::expires_late_in_stats);
      case Call::set:
      case Call::set_many: break;
    }
    return false;
  }

  Mutation mutation_;
  Clock clock_;
};

}  // namespace larder_tests
