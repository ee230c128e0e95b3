/// \file invalidation_test.cpp
/// A source of invalidations as a user may write one: here, for a store that lives in the same process.
#include <larder/invalidation.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/layers/tiered_backend.hpp>

#include "tests/support/catch.hpp"

using larder::Bytes;
using larder::InvalidationEvents;
using larder::InvalidationSource;
using namespace std::chrono_literals;

static_assert(std::is_abstract_v<InvalidationSource> && std::has_virtual_destructor_v<InvalidationSource>);
static_assert(!std::is_copy_constructible_v<InvalidationSource> && !std::is_move_constructible_v<InvalidationSource>);
// Who receives events is destroyed as what it is, and not as that.
static_assert(std::is_abstract_v<InvalidationEvents<std::string>> &&
              !std::is_destructible_v<InvalidationEvents<std::string>>);

namespace {

/// Tells, on a thread of its own, what `tell` was called with.
class QueueSource final : public InvalidationSource {
 public:
  explicit QueueSource(InvalidationEvents<std::string>& events) : thread_([this, &events] { run(events); }) {}
  ~QueueSource() override {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  bool is_armed() const noexcept override {
    const std::lock_guard lock(mutex_);
    return armed_;
  }
  bool wait_until_armed(std::chrono::milliseconds timeout) const override {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return armed_; });
  }

  /// Returns when the event is over.
  void tell(std::string_view key) {
    std::unique_lock lock(mutex_);
    keys_.emplace_back(key);
    changed_.notify_all();
    changed_.wait(lock, [this] { return keys_.empty(); });
  }

 private:
  void run(InvalidationEvents<std::string>& events) {
    events.on_armed();
    std::unique_lock lock(mutex_);
    armed_ = true;
    changed_.notify_all();
    while (!ends_) {
      for (const std::string& key : keys_) events.on_invalidated(key);
      keys_.clear();
      changed_.notify_all();
      changed_.wait(lock, [this] { return ends_ || !keys_.empty(); });
    }
    armed_ = false;
    events.on_lost();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> keys_;
  bool armed_ = false;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a source of one's own keeps a near cache true", "[invalidation]") {
  const auto near = std::make_shared<larder::InMemoryBackend<>>();
  const auto far = std::make_shared<larder::InMemoryBackend<>>();
  QueueSource* source = nullptr;
  {
    larder::TieredBackend<> cache(near, far, {.invalidation = [&source](InvalidationEvents<std::string>& events) {
                                    auto made = std::make_unique<QueueSource>(events);
                                    source = made.get();
                                    return made;
                                  }});
    REQUIRE(cache.invalidation()->wait_until_armed(10s));
    CHECK(cache.invalidation()->is_armed());
    far->set("k", "old");
    CHECK(cache.get("k") == Bytes("old"));
    far->set("k", "new");  // by somebody else
    CHECK(cache.get("k") == Bytes("old"));
    source->tell("k");
    CHECK(cache.get("k") == Bytes("new"));
    CHECK(near->exists("k"));
  }
  CHECK_FALSE(near->exists("k"));  // the end of the source is a loss
}

TEST_CASE("at first a source has seen nothing", "[invalidation]") {
  const larder::InvalidationStats stats;
  CHECK(stats.invalidations == 0);
  CHECK(stats.flushes == 0);
  CHECK(stats.losses == 0);
  CHECK(stats.reconnects == 0);
  CHECK(stats.last_error.empty());
}
