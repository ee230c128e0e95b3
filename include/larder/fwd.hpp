/// \file fwd.hpp
/// Forward declarations, and the one place where default template arguments stand.
#pragma once

#include <string>

namespace larder {

class Bytes;
class Ttl;
class CacheError;
struct CacheStats;
enum class RemovalCause : unsigned char;

template <class Key = std::string, class Value = Bytes>
struct CacheEntry;

template <class Key = std::string, class Value = Bytes>
class CacheBackend;

template <class Key = std::string, class Value = Bytes>
struct InMemoryTraits;

template <class Key = std::string, class Value = Bytes, class Traits = InMemoryTraits<Key, Value>>
struct InMemoryOptions;

template <class Key = std::string, class Value = Bytes, class Traits = InMemoryTraits<Key, Value>>
class InMemoryBackend;

template <class Value>
struct DefaultCodec;

struct RedisOptions;

template <class Key = std::string, class Value = Bytes, class Codec = DefaultCodec<Value>>
class RedisBackend;

struct MemcachedOptions;

template <class Key = std::string, class Value = Bytes, class Codec = DefaultCodec<Value>>
class MemcachedBackend;

struct DynamoDbOptions;

template <class Key = std::string, class Value = Bytes, class Codec = DefaultCodec<Value>>
class DynamoDbBackend;

template <class Key = std::string>
class InvalidationEvents;

class InvalidationSource;

template <class Key = std::string>
class RedisInvalidationListener;

template <class Key = std::string, class Value = Bytes>
class ForwardingBackend;

template <class Key = std::string>
struct TieredOptions;

template <class Key = std::string, class Value = Bytes>
class TieredBackend;

template <class Key = std::string, class Value = Bytes>
class NamespacedBackend;

template <class Key = std::string, class Value = Bytes>
struct ResilientOptions;

template <class Key = std::string, class Value = Bytes>
class ResilientBackend;

template <class Key = std::string, class Value = Bytes>
class TaggedBackend;

template <class Key = std::string, class Value = Bytes>
class CompressedBackend;

template <class Key = std::string, class Value = Bytes>
class RemovalObserver;

template <class Key = std::string, class Value = Bytes>
struct ObservedOptions;

template <class Key = std::string, class Value = Bytes>
class ObservedBackend;

template <class Value = Bytes>
struct Loaded;

struct LoadingOptions;

template <class Key = std::string, class Value = Bytes>
class LoadingCache;

}  // namespace larder
