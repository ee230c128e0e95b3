/// \file compressed_backend.hpp
/// CompressedBackend: a cache that stores large values compressed. Needs the component `zstd` (libzstd).
///
/// A value is stored as it is, so that one from before the layer was added stays readable, unless it is compressed or
/// begins like one that is. Then, with numbers little-endian:
///
///     0   8  magic
///     8   1  version: 1
///     9   1  0: the value as it is; 1: a Zstandard frame with a checksum
///     10  8  bytes of the value
///     18     the value, or its frame
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backend_capabilities.hpp>
#include <larder/bytes.hpp>
#include <larder/cache_backend.hpp>
#include <larder/codec.hpp>
#include <larder/layers/compressed_options.hpp>
#include <larder/layers/detail/zstd/zstd_frames.hpp>
#include <larder/layers/forwarding_backend.hpp>
#include <larder/value_size.hpp>

namespace larder {

/// Compresses what is stored in another cache, where that pays:
///
///     CompressedBackend<> cache{redis, {.min_size_bytes = 1024}};
///
/// - For values that are texts. Small ones, and those that do not shrink, are handed through without a copy.
/// - A value that cannot be read back (corrupt, of a later version, larger than `max_decompressed_bytes`) is a miss,
///   counted as `undecodable` and told to `on_undecodable`.
/// - The wrapped cache sees, limits and counts compressed values; `get_entry` tells the size of the value itself.
/// - Threads and errors: as the wrapped cache. Each thread keeps what libzstd works with, about a megabyte at the
///   default level once it has compressed something.
template <class Key, class Value>
class CompressedBackend final : public ForwardingBackend<Key, Value> {
  static_assert(detail::IsText<Value>, "larder: only values that are texts can be compressed");

  using Base = CacheBackend<Key, Value>;
  using Layer = ForwardingBackend<Key, Value>;

 public:
  using typename Base::entry_type;
  using typename Base::item;
  using typename Base::key_item;
  using typename Base::key_view;

  /// What a CompressedBackend over a cache with such capabilities can do. Its limit is on what it stores.
  static constexpr BackendCapabilities capabilities_over(BackendCapabilities wrapped) {
    wrapped.exact_size_accounting = wrapped.size_limit = wrapped.exact_size_limit = wrapped.removal_listener = false;
    wrapped.largest_value = BackendCapabilities::unlimited;
    wrapped.error_hook = true;
    return wrapped;
  }

  /// \throws InvalidArgumentError if `wrapped` is null or the options make no sense.
  explicit CompressedBackend(std::shared_ptr<Base> wrapped, CompressedOptions options = {})
      : Layer(std::move(wrapped), "CompressedBackend"), options_((options.validate(), std::move(options))) {}

 private:
  static constexpr std::string_view magic{"\xd3LRDZ\r\n\0", 8};
  static constexpr char version = 1;
  static constexpr char as_it_is = 0;
  static constexpr char compressed = 1;
  static constexpr std::size_t header_size = 18;

  std::optional<Value> do_get(key_view key) override {
    std::optional<Value> stored = this->wrapped().get(key);
    if (stored && is_packed(*stored)) stored = unpack(key, *stored, Counted::as_hit);
    return stored;
  }

  bool do_set(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return this->wrapped().set(key, pack(std::move(value)), ttl, std::move(metadata));
  }

  bool do_set_if_absent(key_view key, Value value, Ttl ttl, Metadata metadata) override {
    return this->wrapped().set_if_absent(key, pack(std::move(value)), ttl, std::move(metadata));
  }

  std::optional<entry_type> do_get_entry(key_view key) override {
    auto entry = this->wrapped().get_entry(key);
    if (!entry || !is_packed(entry->value)) return entry;
    auto value = unpack(key, entry->value, Counted::as_nothing);
    if (!value) return std::nullopt;
    entry->value = std::move(*value);
    entry->size_bytes = value_size(entry->value);
    return entry;
  }

  bool do_visit_entry(key_view key, typename Base::EntryVisitor visit) override {
    std::optional<Packed> packed;
    const bool found = this->wrapped().visit_entry(key, [&](const EntryView<Value>& entry) {
      if (is_packed(entry.value)) {
        packed.emplace(Packed{0, entry.value, entry.metadata, entry.ttl});
      } else {
        visit(entry);
      }
    });
    return packed ? show(key, *packed, visit) : found;
  }

  std::size_t do_visit_entries(std::span<const key_item> keys, typename Base::EntriesVisitor visit) override {
    std::vector<Packed> packed;
    std::size_t found = this->wrapped().visit_entries(keys, [&](std::size_t i, const EntryView<Value>& entry) {
      if (is_packed(entry.value)) {
        packed.push_back({i, entry.value, entry.metadata, entry.ttl});
      } else {
        visit(i, entry);
      }
    });
    for (const Packed& each : packed) {
      const auto visit_this = [&](const EntryView<Value>& entry) { visit(each.position, entry); };
      if (!show(keys[each.position], each, visit_this)) --found;
    }
    return found;
  }

  void do_get_many(std::span<const key_item> keys, std::span<std::optional<Value>> values) override {
    this->wrapped().get_many(keys, values);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (values[i] && is_packed(*values[i])) values[i] = unpack(keys[i], *values[i], Counted::as_hit);
    }
  }

  std::size_t do_set_many(std::span<item> items, Ttl ttl) override {
    for (auto& [key, value] : items) value = pack(std::move(value));
    return Base::move_many(this->wrapped(), items, ttl);
  }

  CacheStats do_stats() const override {
    CacheStats stats = this->wrapped().stats();
    const std::uint64_t misses = std::min(undecodable_hits_.load(std::memory_order_relaxed), stats.hits);
    stats.hits -= misses;
    stats.misses += misses;
    stats.undecodable += undecodable_.load(std::memory_order_relaxed);
    return stats;
  }

  void do_reset_stats() override {
    this->wrapped().reset_stats();
    undecodable_hits_.store(0, std::memory_order_relaxed);
    undecodable_.store(0, std::memory_order_relaxed);
  }

  /// An entry that was shown and has to be unpacked where nobody waits.
  struct Packed {
    std::size_t position;
    Value value;
    Metadata metadata;
    Ttl ttl;
  };

  template <class Visit>
  bool show(key_view key, const Packed& packed, const Visit& visit) {
    const auto value = unpack(key, packed.value, Counted::as_hit);
    if (value) visit({*value, packed.metadata, packed.ttl});
    return value.has_value();
  }

  static bool is_packed(std::string_view stored) noexcept { return stored.starts_with(magic); }

  /// Result: what is to be stored for a value: itself, if nothing has to be done.
  Value pack(Value value) const {
    const std::string_view bytes(value);
    if (bytes.size() >= options_.min_size_bytes && bytes.size() <= options_.max_decompressed_bytes) {
      if (std::optional<Value> packed = compress(bytes)) return std::move(*packed);
    }
    if (!is_packed(bytes)) return value;
    std::string escaped;
    begin(escaped, as_it_is, bytes.size());
    escaped.append(bytes);
    return Value(std::string_view(escaped));
  }

  /// Result: empty if it does not pay.
  std::optional<Value> compress(std::string_view bytes) const {
    const auto most = static_cast<std::size_t>(static_cast<double>(bytes.size()) * (1 - options_.min_saving));
    if (most <= header_size) return std::nullopt;
    thread_local std::string scratch;
    begin(scratch, compressed, bytes.size());
    scratch.resize(most);
    const std::size_t size =
        detail::ZstdFrames::compress(bytes, scratch.data() + header_size, most - header_size, options_.level);
    std::optional<Value> packed;
    if (size != 0) packed.emplace(std::string_view(scratch).substr(0, header_size + size));
    if (scratch.capacity() > most_scratch) std::string().swap(scratch);
    return packed;
  }

  static void begin(std::string& to, char kind, std::size_t size) {
    to.assign(magic);
    to.push_back(version);
    to.push_back(kind);
    for (int i = 0; i < 8; ++i) to.push_back(static_cast<char>((std::uint64_t{size} >> (8 * i)) & 0xffU));
  }

  enum class Counted : bool { as_nothing, as_hit };

  /// Result: the value, or empty if it cannot be read back, which is reported. `counted` is what the wrapped cache took
  /// it for.
  std::optional<Value> unpack(key_view key, std::string_view stored, Counted counted) {
    if (stored.size() < header_size) return report(key, "a compressed value that ends too soon", counted);
    if (stored[8] != version) return report(key, "a compressed value of an unknown version", counted);
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < 8; ++i) size |= std::uint64_t{static_cast<unsigned char>(stored[10 + i])} << (8 * i);
    const std::string_view rest = stored.substr(header_size);
    if (stored[9] == as_it_is && size == rest.size()) return Value(rest);
    if (stored[9] != compressed) return report(key, "a compressed value that makes no sense", counted);
    if (size > options_.max_decompressed_bytes) {
      return report(key, "a compressed value that exceeds max_decompressed_bytes", counted);
    }
    auto value = decompressed(rest, static_cast<std::size_t>(size));
    if (!value) return report(key, "a compressed value that is corrupt", counted);
    return value;
  }

  static std::optional<Value> decompressed(std::string_view frame, std::size_t size) {
    bool sound = false;
    if constexpr (std::same_as<Value, Bytes>) {
      Bytes value = Bytes::generate(size, [&](char* to) { sound = detail::ZstdFrames::decompress(frame, to, size); });
      return sound ? std::optional<Value>(std::move(value)) : std::nullopt;
    } else {
      std::string value(size, '\0');
      sound = detail::ZstdFrames::decompress(frame, value.data(), size);
      if (!sound) return std::nullopt;
      if constexpr (std::same_as<Value, std::string>) {
        return value;
      } else {
        return Value(std::string_view(value));
      }
    }
  }

  std::nullopt_t report(key_view key, std::string_view reason, Counted counted) {
    undecodable_.fetch_add(1, std::memory_order_relaxed);
    if (counted == Counted::as_hit) undecodable_hits_.fetch_add(1, std::memory_order_relaxed);
    if (options_.on_undecodable) {
      try {
        if constexpr (std::convertible_to<key_view, std::string_view>) {
          options_.on_undecodable(std::string_view(key), reason);
        } else {
          options_.on_undecodable(std::string_view(), reason);
        }
      } catch (...) {  // the hook's own affair
      }
    }
    return std::nullopt;
  }

  /// What a thread keeps to compress into.
  static constexpr std::size_t most_scratch = std::size_t{1} << 20;

  const CompressedOptions options_;
  std::atomic<std::uint64_t> undecodable_{0};
  std::atomic<std::uint64_t> undecodable_hits_{0};
};

}  // namespace larder
