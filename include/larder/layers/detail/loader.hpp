/// \file loader.hpp
/// Loader: a user's loader, whatever its type and whatever it returns.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <larder/key_view.hpp>
#include <larder/layers/loading_options.hpp>

namespace larder::detail {

/// Result: what a loader of keys returns, which is called with the key or with nothing.
template <class Key, class Function>
decltype(auto) call_loader(Function& function, KeyView<Key> key) {
  if constexpr (std::invocable<Function&, KeyView<Key>>) {
    return std::invoke(function, key);
  } else {
    return std::invoke(function);
  }
}

template <class Function, class Key>
concept LoaderOf = std::invocable<Function&, KeyView<Key>> || std::invocable<Function&>;

/// Whether a loader with such a result can say that there is no value.
template <class Value, class Result>
constexpr bool may_be_absent = std::same_as<std::remove_cvref_t<Result>, Loaded<Value>> ||
                               std::same_as<std::remove_cvref_t<Result>, std::optional<Value>>;

/// What a caller gets whose loader has such a result.
template <class Value, class Result>
using Answer = std::conditional_t<may_be_absent<Value, Result>, std::optional<Value>, Value>;

template <class Value, class Result>
Loaded<Value> to_loaded(Result&& result) {
  if constexpr (std::same_as<std::remove_cvref_t<Result>, Loaded<Value>>) {
    return std::forward<Result>(result);
  } else {
    return Loaded<Value>{.value = std::forward<Result>(result)};
  }
}

template <class Key, class Value>
class Loader {
 public:
  Loader() = default;
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  virtual ~Loader() = default;

  virtual Loaded<Value> operator()(KeyView<Key> key) = 0;
  /// Result: the same loader, to be called when the caller is gone.
  virtual std::shared_ptr<Loader> keep() = 0;
};

/// One of its own.
template <class Key, class Value, class Function>
class OwnLoader final : public Loader<Key, Value>,
                        public std::enable_shared_from_this<OwnLoader<Key, Value, Function>> {
 public:
  template <class Given>
  explicit OwnLoader(std::in_place_t, Given&& given) : function_(std::forward<Given>(given)) {}

  Loaded<Value> operator()(KeyView<Key> key) override { return to_loaded<Value>(call_loader<Key>(function_, key)); }
  std::shared_ptr<Loader<Key, Value>> keep() override { return this->shared_from_this(); }

 private:
  Function function_;
};

/// A caller's, which is copied, or moved if he lets go of it, only if it is kept.
template <class Key, class Value, class Given>
class CallersLoader final : public Loader<Key, Value> {
  using Function = std::decay_t<Given>;
  static_assert(std::constructible_from<Function, Given>,
                "larder: a loader must be copyable, or be handed over by std::move: it may have to go on in the "
                "background when its caller is gone");

 public:
  explicit CallersLoader(std::remove_reference_t<Given>& given) : given_(given) {}

  Loaded<Value> operator()(KeyView<Key> key) override {
    return kept_ != nullptr ? (*kept_)(key) : to_loaded<Value>(call_loader<Key>(given_, key));
  }
  std::shared_ptr<Loader<Key, Value>> keep() override {
    if (kept_ == nullptr) {
      kept_ = std::make_shared<OwnLoader<Key, Value, Function>>(std::in_place, std::forward<Given>(given_));
    }
    return kept_;
  }

 private:
  std::remove_reference_t<Given>& given_;
  std::shared_ptr<Loader<Key, Value>> kept_;
};

}  // namespace larder::detail
