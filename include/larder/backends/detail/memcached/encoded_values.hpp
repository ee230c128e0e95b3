/// \file encoded_values.hpp
/// EncodedValues: what is to be stored for the values of a batch.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace larder::detail {

/// Texts, one behind the other in one block, which is kept from one exchange to the next.
class EncodedValues {
 public:
  void add(std::string_view form) {
    bytes_.append(form);
    ends_.push_back(bytes_.size());
  }
  /// Valid until the next `add`.
  std::string_view operator[](std::size_t index) const noexcept {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }
  /// Of the one that was added last.
  std::size_t last_size() const noexcept { return (*this)[ends_.size() - 1].size(); }
  void clear() noexcept {
    bytes_.clear();
    ends_.clear();
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace larder::detail
