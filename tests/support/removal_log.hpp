/// \file removal_log.hpp
/// A removal listener that writes down what it is told.
#pragma once

#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/key_view.hpp>
#include <larder/removal_cause.hpp>

namespace larder_tests {

template <class Key = std::string, class Value = larder::Bytes>
struct Removal {
  Key key;
  Value value;
  larder::RemovalCause cause;

  friend bool operator==(const Removal&, const Removal&) = default;
};

/// Copies share one log, so that a test keeps one and gives the cache another. Thread-safe.
template <class Key = std::string, class Value = larder::Bytes>
class RemovalLog {
 public:
  void operator()(larder::KeyView<Key> key, const Value& value, larder::RemovalCause cause) const {
    const std::lock_guard lock(log_->mutex);
    log_->removals.push_back({Key(key), value, cause});
  }

  /// The removals since the last time.
  std::vector<Removal<Key, Value>> take() const {
    const std::lock_guard lock(log_->mutex);
    return std::exchange(log_->removals, {});
  }

  /// The same as text, such as "a=1 erased, b=2 evicted".
  std::string take_text() const {
    std::ostringstream text;
    const char* separator = "";
    for (const auto& removal : take()) {
      text << separator << removal.key << '=' << removal.value << ' ' << to_string(removal.cause);
      separator = ", ";
    }
    return text.str();
  }

 private:
  struct Log {
    std::mutex mutex;
    std::vector<Removal<Key, Value>> removals;
  };

  std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

}  // namespace larder_tests
