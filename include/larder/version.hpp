/// \file version.hpp
/// The library's version. CMakeLists.txt reads these three numbers, so that they are written down once.
#pragma once

#define LARDER_VERSION_MAJOR 0
#define LARDER_VERSION_MINOR 1
#define LARDER_VERSION_PATCH 0

/// One number to compare in `#if`: 10000 * major + 100 * minor + patch.
#define LARDER_VERSION (LARDER_VERSION_MAJOR * 10000 + LARDER_VERSION_MINOR * 100 + LARDER_VERSION_PATCH)
