/// \file flight.hpp
/// Flight: one load of one key, and all who wait for it.
///
/// It is under way, then lands with a result, or is abandoned without one; then those who wait go on: after an
/// abandoned one they begin anew, and one of them leads the next. Whoever sets or invalidates the key overtakes the
/// flight. Then its value is for those who wait already, but is not stored.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <larder/layers/detail/led_loads.hpp>

namespace larder::detail {

/// What a load came to: a value, an exception, or neither if there is no such value.
template <class Value>
struct LoadResult {
  std::optional<Value> value{};
  std::exception_ptr error{};
  bool is_stale = false;
};

template <class Value>
class Flight final : public LedLoads::Load {
 public:
  using Clock = std::chrono::steady_clock;
  using Result = LoadResult<Value>;

  /// A write is no load: nobody's value comes of it, but those who miss the key wait until it is over.
  enum class Kind : unsigned char { load, write };
  explicit Flight(Kind kind = Kind::load) : kind_(kind) {}

  Kind kind() const noexcept { return kind_; }

  /// Begins to store the value, of which there are several steps. Result: false if the flight was overtaken.
  bool begin_store() {
    const std::lock_guard lock(mutex_);
    storing_ = !overtaken_;
    return storing_;
  }
  /// Result: whether what was stored may stay.
  bool end_store() {
    const std::lock_guard lock(mutex_);
    storing_ = false;
    changed_.notify_all();
    return !overtaken_;
  }
  /// Its value is out of date. What is being stored right now is stored when this returns. A thread that runs a loader,
  /// or is told of removals by a cache, must not wait for that; then the value is removed again instead.
  void overtake(bool may_wait) {
    std::unique_lock lock(mutex_);
    if (may_wait) changed_.wait(lock, [this] { return !storing_; });
    overtaken_ = true;
  }

  /// What those who wait will get when it lands. Takes no lock, since nobody looks before.
  void set_result(const Result& result) { result_ = result; }
  /// Ends it, which is done once. Those who wait go on.
  void land() noexcept { end(State::landed); }
  void abandon() noexcept { end(State::abandoned); }

  enum class State : unsigned char { under_way, landed, abandoned };

  /// Blocks until it has ended, at most until then. Result: whether it has.
  bool wait_until(Clock::time_point end) const {
    std::unique_lock lock(mutex_);
    const auto has_ended = [this] { return state_ != State::under_way; };
    if (end != Clock::time_point::max()) return changed_.wait_until(lock, end, has_ended);
    changed_.wait(lock, has_ended);
    return true;
  }
  State state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  /// Of one that has landed. It changes no more.
  const Result& result() const noexcept { return result_; }

  /// To `co_await` its end. The coroutine goes on on the thread that ends it.
  class Arrival {
   public:
    explicit Arrival(Flight& flight) : flight_(flight) {}
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;
    ~Arrival() { flight_.remove(*this); }

    bool await_ready() const { return flight_.state() != State::under_way; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
      awaiting_ = awaiting;
      return flight_.add(*this);
    }
    void await_resume() const noexcept {}

   private:
    friend Flight;

    Flight& flight_;
    std::coroutine_handle<> awaiting_{};
    Arrival* next_ = nullptr;
  };

 private:
  void end(State state) noexcept {
    {
      const std::lock_guard lock(mutex_);
      state_ = state;
      storing_ = false;
      changed_.notify_all();
    }
    // One by one, since the coroutine that goes on may destroy others that wait.
    while (const std::coroutine_handle<> next = take_awaiting()) next.resume();
  }

  /// Result: whether the coroutine is to wait.
  bool add(Arrival& arrival) {
    const std::lock_guard lock(mutex_);
    if (state_ != State::under_way) return false;
    arrival.next_ = std::exchange(awaiting_, &arrival);
    return true;
  }
  void remove(Arrival& arrival) noexcept {
    const std::lock_guard lock(mutex_);
    for (Arrival** each = &awaiting_; *each != nullptr; each = &(*each)->next_) {
      if (*each != &arrival) continue;
      *each = arrival.next_;
      return;
    }
  }
  std::coroutine_handle<> take_awaiting() noexcept {
    const std::lock_guard lock(mutex_);
    if (awaiting_ == nullptr) return {};
    Arrival& first = *awaiting_;
    awaiting_ = first.next_;
    return first.awaiting_;
  }

  const Kind kind_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  State state_ = State::under_way;
  bool storing_ = false;
  bool overtaken_ = false;
  Result result_;
  Arrival* awaiting_ = nullptr;
};

}  // namespace larder::detail
