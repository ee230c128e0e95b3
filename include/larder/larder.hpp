/// \file larder.hpp
/// All of larder that needs no client library: the interface, the value types, the cache in process memory, and layers.
#pragma once

#include <larder/backend_capabilities.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/cache_stats.hpp>
#include <larder/call_deadline.hpp>
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
#include <larder/layers/circuit_breaker.hpp>
#include <larder/layers/forwarding_backend.hpp>
#include <larder/layers/namespaced_backend.hpp>
#include <larder/layers/resilient_backend.hpp>
#include <larder/layers/resilient_options.hpp>
#include <larder/layers/tagged_backend.hpp>
#include <larder/layers/tagged_options.hpp>
#include <larder/layers/tiered_backend.hpp>
#include <larder/layers/tiered_options.hpp>
#include <larder/mutex.hpp>
#include <larder/removal_cause.hpp>
#include <larder/ttl.hpp>
#include <larder/value_size.hpp>
#include <larder/version.hpp>
#include <larder/weigher.hpp>
