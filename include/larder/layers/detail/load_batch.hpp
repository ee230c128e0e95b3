/// \file load_batch.hpp
/// LoadBatch: many keys at once, of which those that are missing are loaded by one call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <larder/key_view.hpp>
#include <larder/layers/detail/load_engine.hpp>

namespace larder::detail {

/// Flights that are led together. All of them end before a flight of somebody else is waited for, so that two batches
/// never wait for one another.
template <class Key, class Value>
class LoadBatch {
 public:
  using Engine = LoadEngine<Key, Value>;
  using Boarding = typename Engine::Boarding;
  using Clock = typename Engine::Clock;
  using Departure = typename Engine::Departure;
  using Flight = typename Engine::Flight;
  using Result = typename Engine::Result;
  using Sight = typename Engine::Sight;
  using key_item = KeyItem<Key>;
  using Found = std::unordered_map<Key, Value>;

  LoadBatch(std::shared_ptr<Engine> engine, std::span<const key_item> keys, const std::optional<Ttl>& ttl)
      : engine_(std::move(engine)), ttl_(ttl) {
    found_.reserve(keys.size());
    keys_.reserve(keys.size());
    std::unordered_map<Key, bool> seen;
    for (const key_item& key : keys) {
      if (seen.try_emplace(Key(key), true).second) keys_.push_back(key);
    }
    sights_.resize(keys_.size());
    pending_.resize(keys_.size());
    for (std::size_t i = 0; i < keys_.size(); ++i) pending_[i] = i;
  }

  template <class BatchLoader>
  Found run(BatchLoader&& loader) {
    std::uint64_t landings = engine_->flights().landings();
    look_at(pending_);
    take_fresh();
    while (!pending_.empty()) {
      std::vector<std::pair<std::size_t, std::shared_ptr<Flight>>> awaited;
      std::vector<Led> led = board(landings, awaited);
      look_again(led);
      for (Led& each : led) each.replaces = sights_[each.index].is_usable();
      std::vector<Led> refreshed = split_off_refreshed(led);
      if (!refreshed.empty()) refresh(std::move(refreshed), loader);
      if (!led.empty()) settle(led, fly(*engine_, led, ttl_, loader));
      pending_.clear();
      for (const auto& [i, flight] : awaited) await(i, flight);
      landings = engine_->flights().landings();
      look_at(pending_);
      take_fresh();
    }
    if (error_) std::rethrow_exception(error_);
    return std::move(found_);
  }

 private:
  struct Led {
    std::size_t index;
    Departure departure;
    bool replaces = false;  ///< whether there was a value before
  };

  void look_at(const std::vector<std::size_t>& indices) {
    if (indices.empty()) return;
    std::vector<key_item> keys;
    keys.reserve(indices.size());
    for (const std::size_t i : indices) keys.push_back(keys_[i]);
    std::vector<Sight> sights = engine_->values().look(std::span<const key_item>(keys));
    for (std::size_t position = 0; position < keys.size(); ++position) {
      sights_[indices[position]] = std::move(sights[position]);
    }
  }

  void take_fresh() {
    std::erase_if(pending_, [this](std::size_t i) {
      if (sights_[i].quality != Quality::fresh) return false;
      answer(i, {.value = std::move(sights_[i].value)});
      return true;
    });
  }

  void answer(std::size_t i, Result result) {
    if (result.error && !error_) error_ = std::move(result.error);
    if (result.value) found_.insert_or_assign(Key(keys_[i]), std::move(*result.value));
  }
  void serve(std::size_t i) { answer(i, engine_->served(sights_[i])); }

  /// Result: the flights that are ours.
  std::vector<Led> board(std::uint64_t landings,
                         std::vector<std::pair<std::size_t, std::shared_ptr<Flight>>>& awaited) {
    std::vector<Led> led;
    for (const std::size_t i : pending_) {
      Boarding boarding = engine_->board(keys_[i], landings, sights_[i], true);
      if (boarding.failure) {
        answer(i, engine_->settled(std::move(*boarding.failure), sights_[i]));
      } else if (boarding.leads) {
        led.push_back({i, Departure(engine_, keys_[i], boarding)});
      } else if (sights_[i].is_good_for_now()) {
        serve(i);
      } else {
        engine_->counters().add(&LoadStats::joined);
        awaited.emplace_back(i, std::move(boarding.flight));
      }
    }
    return led;
  }

  void look_again(std::vector<Led>& led) {
    std::vector<std::size_t> indices;
    for (const Led& each : led) {
      if (each.departure.should_look_again()) indices.push_back(each.index);
    }
    look_at(indices);
    erase_led(led, [this](Led& each) {
      if (!each.departure.should_look_again() || !sights_[each.index].is_fresh()) return false;
      each.departure.land({.value = sights_[each.index].value});
      answer(each.index, {.value = std::move(sights_[each.index].value)});
      return true;
    });
  }

  /// Takes out those whose callers need not wait, who are served.
  std::vector<Led> split_off_refreshed(std::vector<Led>& led) {
    std::vector<Led> refreshed;
    erase_led(led, [&](Led& each) {
      if (!sights_[each.index].is_good_for_now()) return false;
      refreshed.push_back(std::move(each));
      return true;
    });
    return refreshed;
  }

  template <class Predicate>
  static void erase_led(std::vector<Led>& led, const Predicate& is_done) {
    std::vector<Led> left;
    for (Led& each : led) {
      if (!is_done(each)) left.push_back(std::move(each));
    }
    led.swap(left);
  }

  template <class BatchLoader>
  void refresh(std::vector<Led> led, BatchLoader&& loader) {
    const std::vector<std::size_t> indices = indices_of(led);
    auto shared = std::make_shared<std::vector<Led>>(std::move(led));
    auto kept = std::make_shared<std::decay_t<BatchLoader>>(loader);
    const bool begun =
        engine_->jobs().begin([engine = engine_, shared, kept, ttl = ttl_] { fly(*engine, *shared, ttl, *kept); });
    for (const std::size_t i : indices) {
      if (begun) engine_->count_refresh(sights_[i]);
      serve(i);
    }
  }

  static std::vector<std::size_t> indices_of(const std::vector<Led>& led) {
    std::vector<std::size_t> indices;
    for (const Led& each : led) indices.push_back(each.index);
    return indices;
  }

  void settle(const std::vector<Led>& led, std::vector<Result> results) {
    for (std::size_t i = 0; i < led.size(); ++i) {
      answer(led[i].index, engine_->settled(std::move(results[i]), sights_[led[i].index]));
    }
  }

  void await(std::size_t i, const std::shared_ptr<Flight>& flight) {
    if (auto result = engine_->await(flight, sights_[i], Clock::now(), true)) {
      answer(i, std::move(*result));
    } else {
      pending_.push_back(i);
    }
  }

  /// The calling thread leads them all.
  class LeadingAll {
   public:
    explicit LeadingAll(const std::vector<Led>& led) : led_(led) {
      for (const Led& each : led) leading_.push_back(std::make_unique<LedLoads::Leading>(each.departure.flight()));
    }
    LeadingAll(const LeadingAll&) = delete;
    LeadingAll& operator=(const LeadingAll&) = delete;
    ~LeadingAll() {
      while (!leading_.empty()) leading_.pop_back();
      for (const Led& each : led_) LedLoads::Leading::end_for_others(each.departure.flight());
    }

   private:
    const std::vector<Led>& led_;
    std::vector<std::unique_ptr<LedLoads::Leading>> leading_;
  };

  /// Loads by one call, stores, and lands. Result: what each came to.
  template <class BatchLoader>
  static std::vector<Result> fly(Engine& engine, std::vector<Led>& led, const std::optional<Ttl>& ttl,
                                 BatchLoader& loader) {
    std::vector<Result> results(led.size());
    {
      const LeadingAll leading(led);
      std::vector<key_item> keys;
      for (const Led& each : led) keys.emplace_back(each.departure.key());
      Found loaded;
      Result outcome;
      const auto begin = engine.now();
      engine.attempt(begin, outcome, [&] {
        for (auto&& [key, value] : loader(std::span<const key_item>(keys))) {
          loaded.insert_or_assign(Key(key), Value(std::forward<decltype(value)>(value)));
        }
      });
      const auto took = engine.now() - begin;
      for (std::size_t i = 0; i < led.size(); ++i) {
        if (outcome.error) {
          results[i].error = outcome.error;
        } else if (const auto found = loaded.find(led[i].departure.key()); found != loaded.end()) {
          results[i].value = std::move(found->second);
        }
      }
      if (!outcome.error) engine.values().store_all(led, results, ttl, took);
    }
    for (std::size_t i = 0; i < led.size(); ++i) led[i].departure.land(results[i]);
    return results;
  }

  const std::shared_ptr<Engine> engine_;
  const std::optional<Ttl> ttl_;
  std::vector<key_item> keys_;  // each once
  std::vector<Sight> sights_;
  std::vector<std::size_t> pending_;  // those that have no answer yet
  Found found_;
  std::exception_ptr error_;
};

}  // namespace larder::detail
