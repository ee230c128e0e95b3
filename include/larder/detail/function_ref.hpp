/// \file function_ref.hpp
/// FunctionRef: how a function object is handed to a virtual function.
#pragma once

#include <memory>
#include <type_traits>

namespace larder::detail {

template <class Signature>
class FunctionRef;

/// Refers to a function object for as long as a call lasts. Allocates nothing and copies nothing.
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class Function>
    requires(std::is_object_v<Function> && !std::is_same_v<std::remove_const_t<Function>, FunctionRef> &&
             std::is_invocable_r_v<Result, Function&, Arguments...>)
  FunctionRef(Function& function) noexcept  // NOLINT(google-explicit-constructor)
      : function_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* object, Arguments... arguments) -> Result {
          return static_cast<Result>((*static_cast<Function*>(object))(static_cast<Arguments>(arguments)...));
        }) {}

  Result operator()(Arguments... arguments) const {
    return call_(function_, static_cast<Arguments>(arguments)...);
  }

 private:
  void* function_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace larder::detail
