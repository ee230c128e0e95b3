/// \file compressed_options.hpp
/// CompressedOptions: which values a CompressedBackend compresses, and how much it takes back.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <larder/cache_error.hpp>
#include <larder/layers/detail/zstd/zstd_frames.hpp>

namespace larder {

struct CompressedOptions {
  /// Smaller values are stored as they are.
  std::size_t min_size_bytes = 1024;
  /// So is a value of which compressing does not save this share.
  double min_saving = 0.1;
  /// Zstandard's: 1 is quick, 19 thorough, negative ones quicker still.
  int level = 3;
  /// Larger values are stored as they are, and what claims to become larger is not decompressed.
  std::size_t max_decompressed_bytes = std::size_t{64} << 20;
  /// Called for each value that cannot be read back, with its key's text where it has one, and why. What it throws is
  /// swallowed.
  std::function<void(std::string_view key, std::string_view reason)> on_undecodable{};

  /// \throws InvalidArgumentError that names the option and its value if the options make no sense.
  void validate() const {
    // Also false of what is not a number.
    require(min_saving >= 0 && min_saving < 1,
            "min_saving = " + std::to_string(min_saving) + ", but it is from 0 to less than 1");
    require(level >= detail::ZstdFrames::least_level() && level <= detail::ZstdFrames::largest_level(),
            "level = " + std::to_string(level) + ", but zstd knows " +
                std::to_string(detail::ZstdFrames::least_level()) + " to " +
                std::to_string(detail::ZstdFrames::largest_level()));
    require(max_decompressed_bytes > 0, "max_decompressed_bytes = 0, but then nothing could be read back");
  }

 private:
  static void require(bool holds, const std::string& otherwise) {
    if (!holds) throw InvalidArgumentError("CompressedOptions: " + otherwise);
  }
};

}  // namespace larder
