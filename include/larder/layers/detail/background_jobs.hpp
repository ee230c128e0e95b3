/// \file background_jobs.hpp
/// BackgroundJobs: what a LoadingCache has done on its executor, and how that ends.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

#include <larder/layers/worker_pool.hpp>

namespace larder::detail {

/// Jobs keep it alive, since an executor may run them when its owner is gone; then they do nothing.
class BackgroundJobs : public std::enable_shared_from_this<BackgroundJobs> {
 public:
  void set_executor(Executor executor) { executor_ = std::move(executor); }

  /// Has a job done, which may throw. Result: whether it will be done.
  bool begin(std::function<void()> job) {
    if (is_closed()) return false;
    try {
      return executor_([self = shared_from_this(), job = std::move(job)] {
        const Running running(*self);
        if (running.is_allowed()) swallow(job);
      });
    } catch (const std::exception&) {
      return false;
    }
  }

  /// No job begins any more. Waits for those that run.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  /// Nobody could catch what a job throws.
  static void swallow(const std::function<void()>& job) {
    try {
      job();
#if defined(__GLIBCXX__)
    } catch (const abi::__forced_unwind&) {  // the thread is being cancelled, which must go on
      throw;
#endif
    } catch (...) {  // a flight was abandoned, and so the next one tries
    }
  }

  /// A job that runs, unless all has come to its end.
  class Running {
   public:
    explicit Running(BackgroundJobs& jobs) : jobs_(jobs) {
      const std::lock_guard lock(jobs.mutex_);
      allowed_ = !jobs.closed_;
      if (allowed_) ++jobs.running_;
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      if (!allowed_) return;
      const std::lock_guard lock(jobs_.mutex_);
      if (--jobs_.running_ == 0) jobs_.changed_.notify_all();
    }
    bool is_allowed() const noexcept { return allowed_; }

   private:
    BackgroundJobs& jobs_;
    bool allowed_;
  };

  bool is_closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  Executor executor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
  bool closed_ = false;
};

}  // namespace larder::detail
