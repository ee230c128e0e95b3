/// \file led_loads.hpp
/// LedLoads: which loads a thread is in the middle of, so that a loader that waits for itself is found out.
///
/// A thread leads a load while it runs the loader. If the loader asks for a value that is being loaded by somebody
/// else, the thread waits for that one's leader, who may wait in turn. A wait that would close such a circle throws
/// instead. Only threads that lead a load can be part of one: nobody else pays for this.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include <larder/cache_error.hpp>

namespace larder::detail {

class LedLoads {
 public:
  /// A thread, as others see it.
  struct Thread;

  /// What one waits for.
  class Load {
   public:
    /// Result: the thread that runs its loader; null if none does at the moment.
    std::shared_ptr<Thread> leader() const {
      const std::lock_guard lock(leader_mutex_);
      return leader_;
    }

   protected:
    ~Load() = default;

   private:
    friend LedLoads;

    void set_leader(std::shared_ptr<Thread> leader) {
      const std::lock_guard lock(leader_mutex_);
      leader_.swap(leader);
    }

    mutable std::mutex leader_mutex_;
    std::shared_ptr<Thread> leader_;
  };

  struct Thread {
    std::shared_ptr<const Load> awaited{};  // guarded by `waits_mutex`
  };

  /// Whether the calling thread is running a loader.
  static bool is_leading() noexcept {
    for (const Leading* each = innermost_; each != nullptr; each = each->outer_) {
      if (each->load_ != nullptr) return true;
    }
    return false;
  }
  /// Whether it is running the one of this load.
  static bool is_leading(const Load& load) noexcept {
    for (const Leading* each = innermost_; each != nullptr; each = each->outer_) {
      if (each->load_ == &load) return true;
    }
    return false;
  }
  /// The loader of this load has come back, though to a place further in than where it was called.
  static void end(const Load& load) noexcept {
    for (Leading* each = innermost_; each != nullptr; each = each->outer_) {
      if (each->load_ == &load) each->load_ = nullptr;
    }
  }

  /// While it lives, the calling thread leads this load. For automatic variables only.
  class Leading {
   public:
    /// `may_be_awaited`: other threads wait until this one comes back from the loader, and not for something else.
    explicit Leading(Load& load, bool may_be_awaited = true) : load_(&load), outer_(innermost_) {
      if (may_be_awaited) load.set_leader(this_thread());
      innermost_ = this;
    }
    Leading(const Leading&) = delete;
    Leading& operator=(const Leading&) = delete;
    ~Leading() { innermost_ = outer_; }

    static void end_for_others(Load& load) { load.set_leader(nullptr); }

   private:
    friend LedLoads;

    const Load* load_;
    Leading* const outer_;
  };

  /// While it lives, the calling thread, which leads a load, waits for another one.
  class Waiting {
   public:
    /// \throws RecursiveLoadError if that one waits for this thread.
    explicit Waiting(std::shared_ptr<const Load> load) : thread_(this_thread()) {
      const std::lock_guard lock(waits_mutex());
      for (std::shared_ptr<const Load> next = load; next != nullptr;) {
        const std::shared_ptr<Thread> leader = next->leader();
        if (leader == thread_) fail();
        next = leader != nullptr ? leader->awaited : nullptr;
      }
      thread_->awaited = std::move(load);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
      std::shared_ptr<const Load> ended;
      const std::lock_guard lock(waits_mutex());
      thread_->awaited.swap(ended);
    }

   private:
    const std::shared_ptr<Thread> thread_;
  };

  [[noreturn]] static void fail() {
    throw RecursiveLoadError("a loader asks for a value whose load waits for that loader");
  }

 private:
  static std::mutex& waits_mutex() noexcept {
    static std::mutex mutex;
    return mutex;
  }
  static const std::shared_ptr<Thread>& this_thread() {
    thread_local const std::shared_ptr<Thread> thread = std::make_shared<Thread>();
    return thread;
  }

  static inline constinit thread_local Leading* innermost_ = nullptr;
};

}  // namespace larder::detail
