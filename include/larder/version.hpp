/// \file version.hpp
/// The library's version. CMakeLists.txt reads these three numbers, so that they are written down once.
#pragma once

#define LARDER_VERSION_MAJOR 0
#define LARDER_VERSION_MINOR 1
#define LARDER_VERSION_PATCH 0

/// One number to compare in `#if`: 10000 * major + 100 * minor + patch.
#define LARDER_VERSION (LARDER_VERSION_MAJOR * 10000 + LARDER_VERSION_MINOR * 100 + LARDER_VERSION_PATCH)

namespace larder {

/// How keys and values stand in stores: the format of this version. It changes with the major version alone, and what is
/// stored bears it where it is not plain: an envelope or a compressed value of a version that is not known is a miss,
/// counted as `undecodable` and reported to `on_undecodable`; entries under keys that are spelt in another way are not
/// found, and expire.
inline constexpr int stored_format = 1;

}  // namespace larder
