/// \file mutant_hooks.hpp
/// MutantHooks: how a MutantBackend calls its removal listener and its hook for what could not be decoded.
///
/// Invariants, if there is no mutation: each is told of everything once, and what it throws is swallowed and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <larder/removal_cause.hpp>

#include "tests/support/mutant/mutant_options.hpp"
#include "tests/support/mutant/mutant_store.hpp"
#include "tests/support/mutant/mutation.hpp"

namespace larder_tests {

/// What an operation leaves to tell once the lock is released.
struct MutantAftermath {
  MutantStore::Entries gone;
  std::vector<std::string> undecodable;
};

/// Thread-safe.
class MutantHooks {
 public:
  MutantHooks(Mutation mutation, MutantOptions options) : mutation_(mutation), options_(std::move(options)) {}

  /// Tells what there is to tell, and takes it out.
  void tell(MutantAftermath& after) const {
    const MutantAftermath news = std::exchange(after, {});
    for (const MutantStore::Entry& entry : news.gone) {
      call_safely([&] { tell_listener(entry); });
      if (is(Mutation::listener_told_twice)) call_safely([&] { tell_listener(entry); });
    }
    for (const std::string& key : news.undecodable) {
      if (options_.on_undecodable) call_safely([&] { options_.on_undecodable(key); });
    }
  }

  /// How often a hook has thrown.
  std::uint64_t errors() const noexcept { return errors_; }
  void reset_errors() noexcept { errors_ = 0; }

 private:
  bool is(Mutation mutation) const noexcept { return mutation_ == mutation; }

  void tell_listener(const MutantStore::Entry& entry) const {
    using enum larder::RemovalCause;
    if (!options_.on_removal || (entry.cause == replaced && is(Mutation::listener_not_told_of_replaced)) ||
        (entry.cause == expired && is(Mutation::listener_not_told_of_expired))) {
      return;
    }
    const bool is_wrong = entry.cause == expired && is(Mutation::listener_wrong_cause_for_expiry);
    options_.on_removal(entry.key, entry.value, is_wrong ? evicted : entry.cause);
  }

  template <class Hook>
  void call_safely(Hook&& hook) const {
    try {
      hook();
    } catch (...) {
      if (is(Mutation::listener_exception_escapes)) throw;
      if (!is(Mutation::listener_exceptions_not_counted)) ++errors_;
    }
  }

  Mutation mutation_;
  MutantOptions options_;
  mutable std::atomic<std::uint64_t> errors_{0};
};

}  // namespace larder_tests
