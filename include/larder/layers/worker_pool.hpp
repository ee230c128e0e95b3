/// \file worker_pool.hpp
/// WorkerPool: a few threads that do jobs in the background.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <larder/cache_error.hpp>

namespace larder {

/// How a LoadingCache has something done later, on another thread. Result: whether it will be; where it is false, or
/// throws, the job is never run.
using Executor = std::function<bool(std::function<void()> job)>;

/// Threads are started when there is something to do, up to `threads`. At most `queue` jobs wait for one.
///
/// Its end waits for the jobs that are running, and drops those that wait. It must not come from one of its jobs.
/// Thread-safe.
class WorkerPool {
 public:
  /// \throws InvalidArgumentError if one of the two is zero.
  WorkerPool(std::size_t threads, std::size_t queue) : most_threads_(threads), most_waiting_(queue) {
    if (threads == 0 || queue == 0) {
      throw InvalidArgumentError("WorkerPool: threads = " + std::to_string(threads) +
                                 ", queue = " + std::to_string(queue) + ", but there must be one at least of each");
    }
  }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() {
    std::deque<std::function<void()>> dropped;  // whose ends are user code, and come when no lock is held
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      dropped.swap(waiting_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  /// Has a job done, which must not throw. Result: false if too many wait already, or there can be no thread at all.
  bool submit(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= most_waiting_) return false;
      if (idle_ <= waiting_.size() && threads_.size() < most_threads_ && !start_thread()) return false;
      waiting_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
  }

 private:
  /// Result: whether there is a thread.
  bool start_thread() {
    threads_.reserve(most_threads_);
    try {
      threads_.emplace_back([this] { work(); });
      ++idle_;  // from its beginning on
    } catch (const std::system_error&) {  // the system has none left: others may be there
    }
    return !threads_.empty();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (ending_) return;
      std::function<void()> job = std::move(waiting_.front());
      waiting_.pop_front();
      --idle_;
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      ++idle_;
    }
  }

  const std::size_t most_threads_;
  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;  // threads that wait for a job, or will as soon as they run
  bool ending_ = false;
};

}  // namespace larder
