/// \file larder.hpp
/// All of larder that needs no client library: the interface, the value types and the cache in process memory.
#pragma once

#include <larder/backend_capabilities.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/clock.hpp>
#include <larder/codec.hpp>
#include <larder/eviction/lru.hpp>
#include <larder/fwd.hpp>
#include <larder/glob.hpp>
#include <larder/hash.hpp>
#include <larder/in_memory_backend.hpp>
#include <larder/in_memory_options.hpp>
#include <larder/invalidation.hpp>
#include <larder/key_view.hpp>
#include <larder/mutex.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>
#include <larder/value_size.hpp>
#include <larder/version.hpp>
#include <larder/weigher.hpp>
