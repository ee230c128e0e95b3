/// \file full_stack_test.cpp
/// Tagged over tiered (memory, resilient store), as two processes that share the store have it, in virtual time. By a
/// seed, calls of the store fail before or after they took effect or take long, operations of both processes come in
/// between the steps of others, invalidations are late, and the links that bring them break. Whatever is read must have
/// been in the store at a time that the reader may be behind, and nothing is thrown.
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/tagged_backend.hpp>
#include <larder/layers/tiered_backend.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/in_memory_backend.hpp>
#include <larder/layers/detail/tag_stamps.hpp>
#include <larder/testing/chaos_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/interposed_backend.hpp"
#include "tests/support/manual_source.hpp"
#include "tests/support/random.hpp"
#include "tests/support/true_store.hpp"

using namespace std::chrono_literals;
using larder::Bytes;
using larder::testing::ChaosBackend;
using larder::testing::ManualClock;
using larder_tests::InterposedBackend;
using larder_tests::TrueStore;

namespace {

using Memory = larder::InMemoryBackend<std::string, Bytes, larder_tests::OnManualClock<larder::InMemoryTraits<>>>;

/// One process's stack, and what it has been told.
class Process {
 public:
  Process(const std::shared_ptr<TrueStore>& store, ManualClock clock, std::uint64_t seed, double faults)
      : near_(std::make_shared<InterposedBackend>(std::make_shared<Memory>(Memory::Options{.clock = clock}))),
        chaos_(std::make_shared<ChaosBackend<>>(
            store, larder::testing::ChaosOptions{.seed = seed,
                                                 .errors = faults / 2,
                                                 .errors_after = faults / 2,
                                                 .delays = 0.1,
                                                 .wait = [time = clock](auto by) mutable { time.advance(by); }})),
        far_(std::make_shared<InterposedBackend>(std::make_shared<larder::ResilientBackend<>>(
            chaos_, larder::ResilientOptions<>{.breaker = {.min_failures = 4, .open_for = 100ms},
                                               .now = [clock] { return clock.now(); },
                                               .wait = [time = clock](auto by) mutable { time.advance(by); },
                                               .seed = seed}))),
        cache_(std::make_shared<larder::TieredBackend<>>(
            near_, far_,
            larder::TieredOptions<>{.near_ttl = 10s,
                                    .invalidation =
                                        [this](auto& events) {
                                          events_ = &events;
                                          return std::make_unique<larder_tests::ManualSource>();
                                        },
                                    .now = [clock] { return clock.now(); }})),
        store_(store) {}

  larder::TaggedBackend<>& cache() noexcept { return cache_; }
  InterposedBackend& near() noexcept { return *near_; }
  InterposedBackend& far() noexcept { return *far_; }

  /// Since which change of a key a read that begins now may be behind.
  std::uint64_t knows(const std::string& key) const {
    if (!armed_) return store_->now();
    const auto found = known_.find(key);
    return found == known_.end() ? armed_at_ : found->second;
  }
  /// It has been told of a change, or made it itself and that is over.
  void learn(const std::string& key, std::uint64_t change) {
    auto& known = known_.try_emplace(key, armed_at_).first->second;
    known = std::max(known, change);
  }

  void hear(const std::string& key) {
    if (armed_) pending_.emplace_back(key, store_->now());
  }
  /// The next invalidation comes.
  void deliver() {
    if (pending_.empty()) return;
    const auto [key, change] = std::move(pending_.front());
    pending_.pop_front();
    events_->on_invalidated(key);
    learn(key, change);
  }
  void lose_link() {
    if (!armed_) return;
    events_->on_lost();
    armed_ = false;
    pending_.clear();
  }
  void arm() {
    if (armed_) return;
    events_->on_armed();
    armed_ = true;
    armed_at_ = store_->now();
    known_.clear();
  }

 private:
  std::shared_ptr<InterposedBackend> near_;
  std::shared_ptr<ChaosBackend<>> chaos_;
  std::shared_ptr<InterposedBackend> far_;
  larder::InvalidationEvents<>* events_ = nullptr;
  larder::TaggedBackend<> cache_;
  std::shared_ptr<TrueStore> store_;
  bool armed_ = false;
  std::uint64_t armed_at_ = 0;
  std::deque<std::pair<std::string, std::uint64_t>> pending_;
  std::map<std::string, std::uint64_t> known_;
};

class Run {
 public:
  Run(std::uint64_t seed, double faults)
      : random_(seed), processes_{Process(store_, clock_, seed, faults), Process(store_, clock_, ~seed, faults)} {
    store_->on_change = [this](const std::string& key) {
      for (Process& each : processes_) each.hear(key);
      if (writing_ != nullptr) writing_->changes[key] = store_->now();
    };
    for (Process& each : processes_) {
      for (InterposedBackend* place : {&each.near(), &each.far()}) {
        place->before = place->after = [this](std::string_view) { interfere(); };
      }
    }
  }

  /// Result: what is wrong, or nothing.
  std::string operations(std::size_t count) {
    try {
      for (std::size_t i = 0; i < count && wrong_.empty(); ++i) step();
    } catch (const std::exception& error) {
      wrong_ = std::string("an exception escaped: ") + error.what();
    }
    return wrong_;
  }

  std::size_t hits() const noexcept { return hits_; }

 private:
  static constexpr std::array<std::string_view, 3> keys = {"a", "b", "c"};
  static constexpr std::array<std::string_view, 2> tags = {"red", "blue"};

  /// What others do between two steps of an operation.
  void interfere() {
    if (depth_ >= 2 || random_.below(6) != 0) return;
    ++depth_;
    step();
    --depth_;
  }

  void step() {
    Process& process = processes_[random_.below(2)];
    switch (random_.below(16)) {
      case 0: process.lose_link(); break;
      case 1:
      case 2: process.arm(); break;
      case 3:
      case 4:
      case 5: process.deliver(); break;
      case 6: clock_.advance(std::chrono::milliseconds(random_.below(2000))); break;
      default: operate(process);
    }
  }

  /// An operation that may write. When it is over, its process does not see what was before.
  struct Writing {
    Writing(Run& run, Process& writer) : run_(run), writer_(writer), outer_(std::exchange(run.writing_, this)) {}
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing() {
      run_.writing_ = outer_;
      for (const auto& [key, change] : changes) writer_.learn(key, change);
    }

    std::map<std::string, std::uint64_t> changes{};

   private:
    Run& run_;
    Process& writer_;
    Writing* outer_;
  };

  void operate(Process& process) {
    const std::string key(keys[random_.below(keys.size())]);
    const Writing writing(*this, process);
    switch (random_.below(13)) {
      case 0:
      case 1: process.cache().set(key, fresh_value(), random_ttl(), random_tags()); return;
      case 2: process.cache().set_many({{key, Bytes(fresh_value())}}, random_ttl()); return;
      case 3: process.cache().erase(key); return;
      case 4: process.cache().erase_tag(tags[random_.below(tags.size())]); return;
      case 5: process.cache().set_if_absent(key, fresh_value(), random_ttl(), random_tags()); return;
      case 6: process.cache().touch(key, random_ttl()); return;
      case 7: return read_many(process);
      case 8: {
        const Reading reading(*this, process, key);
        process.cache().visit_entry(key, [&](const larder::EntryView<Bytes>& entry) { reading.check(entry.value); });
        return;
      }
      default: {
        const Reading reading(*this, process, key);
        const auto value = process.cache().get(key);
        if (value) reading.check(*value);
      }
    }
  }

  void read_many(Process& process) {
    std::vector<Reading> readings;
    for (const std::string_view key : keys) readings.emplace_back(*this, process, std::string(key));
    std::array<std::optional<Bytes>, keys.size()> values;
    process.cache().get_many(keys, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i]) readings[i].check(*values[i]);
    }
  }

  /// What a read that begins may answer when it ends.
  class Reading {
   public:
    Reading(Run& run, Process& process, const std::string& key)
        : run_(run), key_("entry:" + key), since_(process.knows(key_)), began_(run.clock_.now()) {
      for (const std::string_view tag : tags) {
        const std::string name = "tag:t" + std::string(tag);
        tags_since_.emplace(name, process.knows(name));
      }
    }

    void check(const Bytes& value) const {
      ++run_.hits_;
      const bool may_be = run_.store_->was(key_, since_, [&](const TrueStore::State& state) {
        return state.value && *state.value == value && state.ends > began_ - 1ms && tags_hold(state.metadata);
      });
      if (!may_be && run_.wrong_.empty()) run_.wrong_ = key_ + " is read as " + value.str() + ", which is over";
    }

   private:
    bool tags_hold(const larder::Metadata& metadata) const {
      const auto found = metadata.find("tags");
      if (found == metadata.end()) return true;
      larder::detail::RememberedStamps remembered(larder::detail::TagText::read(found->second).remembered);
      while (const auto each = remembered.next()) {
        const std::string name = "tag:" + std::string(each->key);
        const bool held = run_.store_->was(name, tags_since_.at(name), [&](const TrueStore::State& state) {
          return state.value && *state.value == each->stamp;
        });
        if (!held) return false;
      }
      return true;
    }

    Run& run_;
    std::string key_;
    std::uint64_t since_;
    ManualClock::time_point began_;
    std::map<std::string, std::uint64_t> tags_since_;
  };

  std::string fresh_value() { return "v" + std::to_string(++values_); }
  larder::Ttl random_ttl() {
    return random_.below(3) == 0 ? larder::Ttl() : larder::Ttl(std::chrono::milliseconds(1 + random_.below(5000)));
  }
  larder::Metadata random_tags() {
    switch (random_.below(4)) {
      case 0: return {{"tags", "red"}};
      case 1: return {{"tags", "red,blue"}};
      default: return {};
    }
  }

  larder_tests::Random random_;
  ManualClock clock_;
  std::shared_ptr<TrueStore> store_ =
      std::make_shared<TrueStore>(std::make_shared<Memory>(Memory::Options{.clock = clock_}), clock_);
  std::array<Process, 2> processes_;
  int depth_ = 0;
  Writing* writing_ = nullptr;  // the innermost
  std::size_t values_ = 0;
  std::size_t hits_ = 0;
  std::string wrong_;
};

}  // namespace

TEST_CASE("the full stack: ten thousand runs of random faults read nothing wrong and throw nothing", "[full_stack]") {
  const std::size_t runs = larder_tests::scaled(10'000);
  std::size_t hits = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const double faults = seed % 4 == 0 ? 0 : seed % 4 == 1 ? 0.4 : 0.1;
    Run run(seed, faults);
    const std::string wrong = run.operations(60);
    hits += run.hits();
    if (!wrong.empty()) {
      INFO("seed " << seed << ": " << wrong);
      REQUIRE(wrong.empty());
    }
  }
  CHECK(hits > runs);  // that something was read at all
}
