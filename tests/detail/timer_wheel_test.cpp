/// \file timer_wheel_test.cpp
/// The random run prints its seed when it fails: LARDER_SEED=<seed> runs that sequence alone.
#include <larder/detail/timer_wheel.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/random.hpp"

using larder::detail::Tick;
using larder::detail::Timer;
using larder::detail::TimerWheel;
using larder_tests::Random;

namespace {

/// The width of a slot of each wheel.
constexpr std::array<Tick, 8> widths = {
    1, 64, 4096, 262144, Tick{1} << 24, Tick{1} << 30, Tick{1} << 36, Tick{1} << 42};

Timer* pop(TimerWheel& wheel, Tick now) {
  std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  return wheel.pop_due(now, unlimited);
}

/// How many steps it takes until nothing is due any more.
std::size_t steps_to_pop_all(TimerWheel& wheel, Tick now) {
  std::size_t steps = std::numeric_limits<std::size_t>::max();
  while (wheel.pop_due(now, steps) != nullptr) continue;
  return std::numeric_limits<std::size_t>::max() - steps;
}

/// Fails unless a lone timer, inserted at `present`, comes out at its deadline and not a tick before.
void check_exact(Tick present, Tick deadline) {
  CAPTURE(present, deadline);
  TimerWheel wheel;
  pop(wheel, present);
  Timer timer{.deadline = deadline};
  wheel.insert(timer);
  REQUIRE(pop(wheel, deadline - 1) == nullptr);
  REQUIRE(pop(wheel, deadline) == &timer);
  REQUIRE(wheel.empty());
}

/// Fails unless a lone timer comes out at its deadline where `pop_due` is called only when `next_due` says so, and so
/// no more often than there are wheels.
void check_next_due(Tick present, Tick deadline) {
  CAPTURE(present, deadline);
  TimerWheel wheel;
  pop(wheel, present);
  Timer timer{.deadline = deadline};
  wheel.insert(timer);
  Tick now = present;
  for (std::size_t calls = 1; calls <= widths.size(); ++calls) {
    const Tick next = wheel.next_due();
    REQUIRE(next > now);
    REQUIRE(next <= deadline);
    now = next;
    Timer* const popped = pop(wheel, now);
    REQUIRE((popped != nullptr) == (now == deadline));
    if (popped != nullptr) return;
  }
  FAIL("more calls than there are wheels");
}

/// A wheel and a std::multimap that get the same timers, and the same time.
class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : seed_(seed), random_(seed) {}

  void run(std::size_t operations) {
    for (std::size_t step = 0; step < operations; ++step) {
      switch (random_.below(8)) {
        case 0:
        case 1:
        case 2: insert(); break;
        case 3: erase(); break;
        case 4: advance(magnitude()); break;
        case 5: pop_with(random_.below(12)); break;
        case 6: pop_all(); break;
        case 7: advance_to_a_deadline(); break;
      }
      expect(wheel_.empty() == by_deadline_.empty(), "empty");
      expect(wheel_.present() <= now_, "present");
      expect_next_due();
      if (random_.one_in(5000)) clear();
    }
    advance(TimerWheel::last_tick / 2);
    pop_all();
    advance(TimerWheel::last_tick);
    pop_all();
    expect(by_deadline_.empty(), "nothing stays for ever");
  }

 private:
  using Position = std::multimap<Tick, Timer*>::iterator;

  /// Small numbers and large ones, each size as likely as the others.
  Tick magnitude() { return random_.next() >> (24 + random_.below(40)); }

  void advance(Tick by) { now_ = std::min(now_ + by, TimerWheel::last_tick); }

  void insert() {
    Timer& timer = free_.empty() ? timers_.emplace_back() : *free_.back();
    if (!free_.empty()) free_.pop_back();
    // One in eight is due already.
    const Tick deadline = random_.one_in(8) ? now_ - std::min(now_, magnitude()) : now_ + 1 + magnitude();
    timer.deadline = std::min(deadline, TimerWheel::last_tick);
    wheel_.insert(timer);
    by_deadline_.emplace(timer.deadline, &timer);
  }

  void erase() {
    if (by_deadline_.empty()) return;
    auto position = by_deadline_.lower_bound(now_ + magnitude());
    if (position == by_deadline_.end()) --position;
    wheel_.erase(*position->second);
    forget(position);
  }

  void advance_to_a_deadline() {
    const auto next = by_deadline_.upper_bound(now_);
    if (next == by_deadline_.end()) return;
    now_ = next->first - 1;
    pop_all();
    ++now_;
  }

  void pop_with(std::size_t steps) {
    const std::size_t given = steps;
    std::size_t popped = 0;
    while (Timer* timer = wheel_.pop_due(now_, steps)) {
      ++popped;
      account_for(*timer);
    }
    expect(steps <= given && popped <= given - steps, "each timer takes a step");
    if (steps == 0) return;
    expect_nothing_due();
    expect(wheel_.next_due() > now_, "next_due, once all that was due is out");
  }

  void pop_all() {
    while (Timer* timer = pop(wheel_, now_)) account_for(*timer);
    expect_nothing_due();
    expect(wheel_.present() == now_, "the present, once all that was due is out");
    expect(wheel_.next_due() > now_, "next_due, once all that was due is out");
  }

  void account_for(Timer& timer) {
    expect(timer.deadline <= now_, "too early");
    auto [position, end] = by_deadline_.equal_range(timer.deadline);
    while (position != end && position->second != &timer) ++position;
    expect(position != end, "a timer that is not there");
    forget(position);
  }

  void expect_nothing_due() const { expect(by_deadline_.empty() || by_deadline_.begin()->first > now_, "too late"); }

  void expect_next_due() const {
    if (by_deadline_.empty()) {
      expect(wheel_.next_due() == TimerWheel::no_deadline, "next_due of an empty wheel");
    } else {
      expect(wheel_.next_due() <= by_deadline_.begin()->first, "next_due is too late");
    }
  }

  void clear() {
    wheel_.clear();
    while (!by_deadline_.empty()) forget(by_deadline_.begin());
  }

  void forget(Position position) {
    std::construct_at(position->second);
    free_.push_back(position->second);
    by_deadline_.erase(position);
  }

  void expect(bool as_it_should_be, const char* what) const {
    if (!as_it_should_be) FAIL("LARDER_SEED=" << seed_ << ", at " << now_ << ": " << what);
  }

  std::uint64_t seed_;
  Random random_;
  Tick now_ = 0;
  TimerWheel wheel_;
  std::multimap<Tick, Timer*> by_deadline_;
  std::deque<Timer> timers_;
  std::vector<Timer*> free_;
};

}  // namespace

TEST_CASE("an empty wheel has nothing due", "[timer_wheel]") {
  TimerWheel wheel;
  CHECK(wheel.empty());
  CHECK(pop(wheel, 0) == nullptr);
  CHECK(pop(wheel, TimerWheel::last_tick) == nullptr);
}

TEST_CASE("a timer comes out at its deadline to the tick, in every wheel", "[timer_wheel]") {
  for (const Tick width : widths) {
    for (const Tick slot : {1u, 2u, 31u, 32u}) {
      check_exact(0, width * slot);
      check_exact(0, width * slot + 1);
      check_exact(0, width * slot + width / 2 + 1);
      check_exact(0, width * (slot + 1) - 1);
    }
  }
}

TEST_CASE("a timer is as exact wherever the present stands in its slots", "[timer_wheel]") {
  for (const Tick width : widths) {
    for (const Tick present : {width - 1, width, width + 1, width * 31 - 1, width * 31 + width / 2}) {
      for (const Tick ahead : {Tick{1}, Tick{2}, Tick{63}, Tick{64}, Tick{65}, width, width * 2 - 1}) {
        check_exact(present, present + ahead);
      }
    }
  }
}

TEST_CASE("a deadline that has passed already is due at once", "[timer_wheel]") {
  TimerWheel wheel;
  pop(wheel, 1000);
  Timer past{.deadline = 999};
  Timer long_past{.deadline = 0};
  Timer now{.deadline = 1000};
  SECTION("just passed") {
    wheel.insert(past);
    CHECK(pop(wheel, 1000) == &past);
  }
  SECTION("long passed") {
    wheel.insert(long_past);
    CHECK(pop(wheel, 1000) == &long_past);
  }
  SECTION("this very tick") {
    wheel.insert(now);
    CHECK(pop(wheel, 1000) == &now);
  }
  CHECK(wheel.empty());
}

TEST_CASE("timers of one deadline all come out", "[timer_wheel]") {
  TimerWheel wheel;
  std::array<Timer, 100> timers;
  for (Timer& timer : timers) {
    timer.deadline = 5000;
    wheel.insert(timer);
  }
  CHECK(pop(wheel, 4999) == nullptr);
  int popped = 0;
  while (pop(wheel, 5000) != nullptr) ++popped;
  CHECK(popped == 100);
}

TEST_CASE("timers come out in the order of their deadlines however far the time jumps", "[timer_wheel]") {
  TimerWheel wheel;
  std::array<Timer, 8> timers;
  for (std::size_t i = 0; i < timers.size(); ++i) {
    timers[i].deadline = widths[i] * 3 + 1;
    wheel.insert(timers[i]);
  }
  for (Timer& timer : timers) CHECK(pop(wheel, TimerWheel::last_tick) == &timer);
}

TEST_CASE("an erased timer never comes out, and its neighbours do", "[timer_wheel]") {
  for (std::size_t erased = 0; erased < 3; ++erased) {
    CAPTURE(erased);
    TimerWheel wheel;
    std::array<Timer, 3> timers;
    for (Timer& timer : timers) {
      timer.deadline = 100000;
      wheel.insert(timer);
    }
    wheel.erase(timers[erased]);
    std::array<bool, 3> popped{};
    while (Timer* timer = pop(wheel, 100000)) popped[static_cast<std::size_t>(timer - timers.data())] = true;
    for (std::size_t i = 0; i < 3; ++i) CHECK(popped[i] == (i != erased));
  }
}

TEST_CASE("a timer can be erased after it has moved to a finer wheel", "[timer_wheel]") {
  TimerWheel wheel;
  Timer timer{.deadline = 5000};
  Timer other{.deadline = 5000};
  wheel.insert(timer);
  wheel.insert(other);
  pop(wheel, 4999);
  wheel.erase(timer);
  CHECK(pop(wheel, 5000) == &other);
  CHECK(wheel.empty());
}

TEST_CASE("the slot of an erased timer holds up none of the others", "[timer_wheel]") {
  TimerWheel wheel;
  Timer erased{.deadline = 70000};
  Timer timer{.deadline = 70001};
  wheel.insert(erased);
  wheel.erase(erased);
  wheel.insert(timer);
  CHECK(pop(wheel, 70000) == nullptr);
  CHECK(pop(wheel, 70001) == &timer);
}

TEST_CASE("a cleared wheel has forgotten its timers without touching them, and works on", "[timer_wheel]") {
  TimerWheel wheel;
  pop(wheel, 10);
  {
    Timer gone{.deadline = 20};
    Timer gone_later{.deadline = 5000};
    wheel.insert(gone);
    wheel.insert(gone_later);
    wheel.clear();
  }
  CHECK(wheel.empty());
  CHECK(wheel.present() == 10);
  Timer timer{.deadline = 30};
  wheel.insert(timer);
  CHECK(pop(wheel, 29) == nullptr);
  CHECK(pop(wheel, 6000) == &timer);
  CHECK(pop(wheel, 6000) == nullptr);
}

TEST_CASE("the present keeps up while the wheel is empty", "[timer_wheel]") {
  TimerWheel wheel;
  pop(wheel, 123456789);
  CHECK(wheel.present() == 123456789);
  Timer timer{.deadline = 123456790};
  wheel.insert(timer);
  CHECK(pop(wheel, 123456789) == nullptr);
  CHECK(pop(wheel, 123456790) == &timer);
}

TEST_CASE("the present never goes back", "[timer_wheel]") {
  TimerWheel wheel;
  pop(wheel, 1000);
  pop(wheel, 900);
  CHECK(wheel.present() == 1000);
  Timer timer{.deadline = 2000};
  wheel.insert(timer);
  pop(wheel, 1500);
  CHECK(pop(wheel, 1400) == nullptr);
  CHECK(wheel.present() == 1500);
}

TEST_CASE("the last tick is a deadline like any other", "[timer_wheel]") {
  check_exact(0, TimerWheel::last_tick);
  check_exact(TimerWheel::last_tick / 2 + 5, TimerWheel::last_tick);
  check_exact(TimerWheel::last_tick - 1, TimerWheel::last_tick);
}

TEST_CASE("without steps nothing comes out", "[timer_wheel]") {
  TimerWheel wheel;
  Timer timer{.deadline = 5};
  wheel.insert(timer);
  std::size_t steps = 0;
  CHECK(wheel.pop_due(5, steps) == nullptr);
  CHECK(steps == 0);
  CHECK(pop(wheel, 5) == &timer);
}

TEST_CASE("no more timers come out than there are steps, and the rest come later", "[timer_wheel]") {
  TimerWheel wheel;
  std::array<Timer, 20> timers;
  for (Timer& timer : timers) {
    timer.deadline = 10;
    wheel.insert(timer);
  }
  std::size_t popped = 0;
  for (int round = 0; round < 4; ++round) {
    std::size_t steps = 5;
    while (wheel.pop_due(10, steps) != nullptr) ++popped;
    CHECK(steps == 0);
    CHECK(popped <= 5u * static_cast<std::size_t>(round + 1));
  }
  CHECK(popped == 20);
  CHECK(wheel.empty());
}

TEST_CASE("moving timers to finer wheels takes steps, and goes on where it stopped", "[timer_wheel]") {
  TimerWheel wheel;
  std::array<Timer, 20> timers;
  for (std::size_t i = 0; i < timers.size(); ++i) {
    timers[i].deadline = 64 + i;
    wheel.insert(timers[i]);
  }
  std::size_t steps = 10;
  CHECK(wheel.pop_due(1000, steps) == nullptr);  // too few to empty the slot
  CHECK(steps == 0);
  steps = 10;
  CHECK(wheel.pop_due(1000, steps) == nullptr);
  steps = 1;
  CHECK(wheel.pop_due(1000, steps) == &timers[0]);
}

TEST_CASE("a timer may be erased or inserted while a slot is being emptied step by step", "[timer_wheel]") {
  TimerWheel wheel;
  std::array<Timer, 20> timers;
  for (Timer& timer : timers) {
    timer.deadline = 100;
    wheel.insert(timer);
  }
  std::size_t steps = 10;
  CHECK(wheel.pop_due(99, steps) == nullptr);
  for (std::size_t i = 0; i < timers.size(); i += 2) wheel.erase(timers[i]);
  Timer late{.deadline = 100};
  wheel.insert(late);
  CHECK(pop(wheel, 99) == nullptr);
  int popped = 0;
  while (pop(wheel, 100) != nullptr) ++popped;
  CHECK(popped == 11);
  CHECK(wheel.empty());
}

TEST_CASE("a timer takes at most eight steps in its life", "[timer_wheel]") {
  Random random(1);
  TimerWheel wheel;
  std::vector<Timer> timers(1000);
  for (Timer& timer : timers) {
    timer.deadline = random.next() >> (17 + random.below(40));
    wheel.insert(timer);
  }
  std::size_t steps = 0;
  for (Tick now = 0; now < TimerWheel::last_tick; now = now * 5 / 4 + 1) steps += steps_to_pop_all(wheel, now);
  steps += steps_to_pop_all(wheel, TimerWheel::last_tick);
  CHECK(wheel.empty());
  CHECK(steps <= 8 * timers.size());
}

TEST_CASE("next_due leads to each deadline in as many calls as there are wheels", "[timer_wheel]") {
  for (const Tick width : widths) {
    for (const Tick present : {Tick{0}, width - 1, width, width * 31 + width / 2}) {
      for (const Tick ahead : {Tick{1}, Tick{63}, Tick{64}, Tick{65}, width, width * 2 - 1}) {
        check_next_due(present, present + ahead);
      }
    }
  }
  check_next_due(0, TimerWheel::last_tick);
}

TEST_CASE("next_due of a wheel without timers is no deadline", "[timer_wheel]") {
  TimerWheel wheel;
  CHECK(wheel.next_due() == TimerWheel::no_deadline);
  Timer timer{.deadline = 5};
  SECTION("because the last one was erased") {
    wheel.insert(timer);
    wheel.erase(timer);
  }
  SECTION("because the last one came out") {
    wheel.insert(timer);
    pop(wheel, 5);
  }
  SECTION("because it was cleared") {
    wheel.insert(timer);
    wheel.clear();
  }
  CHECK(wheel.next_due() == TimerWheel::no_deadline);
}

TEST_CASE("next_due is exact where all deadlines are near, and that of the earliest one", "[timer_wheel]") {
  TimerWheel wheel;
  Timer later{.deadline = 50};
  Timer sooner{.deadline = 20};
  Timer far{.deadline = 5000};
  wheel.insert(far);
  CHECK(wheel.next_due() == 4096);  // where its slot begins
  wheel.insert(later);
  CHECK(wheel.next_due() == 50);
  wheel.insert(sooner);
  CHECK(wheel.next_due() == 20);
  CHECK(pop(wheel, 20) == &sooner);
  CHECK(pop(wheel, 20) == nullptr);
  CHECK(wheel.next_due() == 50);
}

TEST_CASE("next_due is not later than the deadline of what is due already", "[timer_wheel]") {
  TimerWheel wheel;
  pop(wheel, 1000);
  Timer overdue{.deadline = 3};
  wheel.insert(overdue);
  CHECK(wheel.next_due() <= 3);
  std::size_t no_steps = 0;
  CHECK(wheel.pop_due(1000, no_steps) == nullptr);
  CHECK(wheel.next_due() <= 3);
  CHECK(pop(wheel, 1000) == &overdue);
}

TEST_CASE("next_due waits for nothing while a slot is being emptied step by step", "[timer_wheel]") {
  TimerWheel wheel;
  std::array<Timer, 20> timers;
  for (std::size_t i = 0; i < timers.size(); ++i) {
    timers[i].deadline = 100 + i;
    wheel.insert(timers[i]);
  }
  std::size_t steps = 10;
  CHECK(wheel.pop_due(99, steps) == nullptr);
  CHECK(wheel.next_due() <= 99);  // there is work left to do
  CHECK(pop(wheel, 99) == nullptr);
  CHECK(wheel.next_due() == 100);
}

TEST_CASE("the slots of erased timers make next_due too early, but each pop_due brings it on", "[timer_wheel]") {
  TimerWheel wheel;
  Timer erased{.deadline = 10};
  Timer erased_later{.deadline = 30};
  Timer timer{.deadline = 60};
  wheel.insert(erased);
  wheel.insert(erased_later);
  wheel.insert(timer);
  wheel.erase(erased);
  wheel.erase(erased_later);
  for (Tick next = wheel.next_due(); next < 60; next = wheel.next_due()) {
    REQUIRE(pop(wheel, next) == nullptr);
    REQUIRE(wheel.next_due() > next);
  }
  CHECK(wheel.next_due() == 60);
  CHECK(pop(wheel, 60) == &timer);
}

TEST_CASE("random timers expire as in a sorted map", "[timer_wheel]") {
  const std::uint64_t given = larder_tests::environment_number("LARDER_SEED", 0);
  const std::size_t seeds = given == 0 ? 50 : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    ModelRun run(given == 0 ? seed : given);
    run.run(larder_tests::scaled(5000));
  }
}
