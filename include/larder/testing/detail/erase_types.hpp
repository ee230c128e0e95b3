/// \file erase_types.hpp
/// From a ContractSubject of any keys and values to one of strings and `Bytes`.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <larder/testing/contract_subject.hpp>
#include <larder/testing/detail/translated_backend.hpp>
#include <larder/testing/detail/trial.hpp>
#include <larder/value_size.hpp>

namespace larder::testing::detail {

/// Result: what makes a subject useless for every check, or nothing.
template <class Key, class Value>
std::string misuse_of(const ContractSubject<Key, Value>& subject, const BackendCapabilities& capabilities) {
  if (!subject.make) return "ContractSubject::make is not given: there is no way to make a backend";
  if (!subject.samples.key.make || !subject.samples.key.text) {
    return "ContractSubject::samples.key is not given: there is no way to make keys of this type";
  }
  if (!subject.samples.value.make || !subject.samples.value.text) {
    return "ContractSubject::samples.value is not given: there is no way to make values of this type";
  }
  if (std::string contradiction = capabilities.contradiction(); !contradiction.empty()) {
    return "the capabilities contradict each other: " + contradiction;
  }
  if (subject.options.threads == 0) return "ContractOptions::threads = 0, but a history needs one at least";
  if (subject.make.takes_request()) return {};
  const auto cannot_ask = [](const char* what) {
    return std::string("the capabilities declare ") + what +
           ", but the factory takes no BackendRequest, by which it would be asked for one";
  };
  if (!subject.capabilities) return {};
  if (capabilities.size_limit) return cannot_ask("a size_limit");
  if (capabilities.removal_listener) return cannot_ask("a removal_listener");
  if (capabilities.error_hook) return cannot_ask("an error_hook");
  return {};
}

template <class Key, class Value>
class TypeEraser {
  using Translated = TranslatedBackend<Key, Value>;
  static constexpr bool is_plain = std::same_as<Key, std::string> && std::same_as<Value, Bytes>;

 public:
  explicit TypeEraser(const ContractSubject<Key, Value>& subject) : samples_(subject.samples) {}

  std::shared_ptr<CacheBackend<>> wrap(std::shared_ptr<CacheBackend<Key, Value>> backend) const {
    if constexpr (is_plain) {
      return backend;
    } else {
      return backend == nullptr ? nullptr : std::make_shared<Translated>(std::move(backend), samples_);
    }
  }

  static CacheBackend<Key, Value>& unwrap(CacheBackend<>& backend) {
    if constexpr (is_plain) {
      return backend;
    } else {
      return static_cast<Translated&>(backend).inner();
    }
  }

  BackendRequest<Key, Value> translate(const BackendRequest<>& request) const {
    if constexpr (is_plain) {
      return request;
    } else {
      BackendRequest<Key, Value> own{.max_size_bytes = request.max_size_bytes,
                                     .on_undecodable = request.on_undecodable};
      if (!request.on_removal) return own;
      own.on_removal = [samples = samples_, heard = request.on_removal](KeyView<Key> key, const Value& value,
                                                                        RemovalCause cause) {
        heard(samples.key.text(Key(key)), samples.value.text(value), cause);
      };
      return own;
    }
  }

  std::size_t size_of(std::string_view text) const { return value_size(samples_.value.make(text)); }

  /// Calls `f` with the backend and a key of its own type.
  template <class Function>
  void with_key(CacheBackend<>& backend, std::string_view key, Function&& f) const {
    f(unwrap(backend), samples_.key.make(key));
  }

 private:
  ContractSamples<Key, Value> samples_;
};

template <class Key, class Value>
ErasedSubject erase_types(ContractSubject<Key, Value> subject) {
  ErasedSubject erased;
  erased.name = subject.name;
  erased.capabilities = subject.capabilities.value_or(subject.make.capabilities());
  erased.misuse = misuse_of(subject, erased.capabilities);
  if (!subject.make.takes_request()) {
    // What the class can do and this factory cannot be asked for.
    erased.capabilities.size_limit = erased.capabilities.exact_size_limit = false;
    erased.capabilities.removal_listener = erased.capabilities.error_hook = false;
  }
  erased.clock = subject.clock;
  erased.options = subject.options;
  const TypeEraser<Key, Value> eraser(subject);
  erased.make = [eraser, make = subject.make](const BackendRequest<>& request) {
    return eraser.wrap(make(eraser.translate(request)));
  };
  erased.size_of = [eraser](std::string_view text) { return eraser.size_of(text); };
  if (subject.plant_undecodable) {
    erased.plant_undecodable = [eraser, plant = subject.plant_undecodable](CacheBackend<>& backend,
                                                                           std::string_view key) {
      eraser.with_key(backend, key, plant);
    };
  }
  if (subject.break_store) {
    erased.break_store = [f = subject.break_store](CacheBackend<>& backend) {
      f(TypeEraser<Key, Value>::unwrap(backend));
    };
  }
  if (subject.mend_store) {
    erased.mend_store = [f = subject.mend_store](CacheBackend<>& backend) {
      f(TypeEraser<Key, Value>::unwrap(backend));
    };
  }
  return erased;
}

}  // namespace larder::testing::detail
