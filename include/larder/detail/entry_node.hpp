/// \file entry_node.hpp
/// EntryNode: one cached entry, in one block of memory.
///
///     | references, hash, number | creation time | sizes, or Key and Value |                  fixed part
///     | Timer ?| Metadata* ?| Bytes ?| key's characters ?| value's bytes ?|    tail: what this entry has
///
/// A hit should touch as few cache lines as can be, so whatever it needs lies together: the characters of a
/// `std::string` key follow the fixed part, and so do the bytes of a `Bytes` value up to `inline_limit` (a
/// longer one is shared with the caller rather than copied). What few entries have (a deadline, metadata)
/// costs the others nothing.
///
/// Invariants:
/// - The block begins with its reference count. The cache holds one reference while the entry is in it; a
///   caller that copies a value outside the lock holds one (`Pin`); and every `Bytes` that shows bytes of
///   this block holds one. Who drops the last one frees the block.
/// - A `Bytes` frees blocks without knowing what is in them. So where `bytes_inline`, whatever needs a
///   destructor is destroyed when the cache lets go (`retire`), and the key needs none.
/// - Key, value, sizes and layout never change once the entry is in the cache, and may be read by whoever keeps the
///   node from being freed: by a reference, or as a reader of its shard. So may a timer's deadline, which does change.
///   The rest is read and written under the shard's mutex.
/// - What a look-up reads is found by a branch, not by arithmetic on what the node says (`characters`): so the
///   processor can guess it, and asks for the key and the value before the node's first line has come.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <larder/bytes.hpp>
#include <larder/cache_entry.hpp>
#include <larder/cache_error.hpp>
#include <larder/detail/node_head.hpp>
#include <larder/detail/timer_wheel.hpp>
#include <larder/key_view.hpp>

namespace larder::detail {

template <class Key>
struct KeyPart {
  Key key;
};
template <>
struct KeyPart<std::string> {
  std::uint32_t size;
};

template <class Value, bool Inline>
struct ValuePart {
  std::size_t size;  // value_size, computed before the lock because it may be user code
  Value value;
};
template <>
struct ValuePart<Bytes, true> {
  std::uint16_t inline_size;
};

template <bool Weighed>
struct WeightPart {
  std::size_t weight;
};
template <>
struct WeightPart<false> {};

template <class Type>
inline constexpr bool is_shared_ptr = false;
template <class Type>
inline constexpr bool is_shared_ptr<std::shared_ptr<Type>> = true;

/// What a node is made of besides its value.
template <class Key>
struct NodeRecipe {
  KeyView<Key> key;
  std::uint32_t hash;
  std::size_t size;    // value_size
  std::size_t weight;  // what counts towards the limit
  bool expires;
};

/// `Weighed`: whether weights differ from sizes, and so need room of their own.
template <class Key, class Value, bool Weighed>
class EntryNode : public NodeHead {
 public:
  static constexpr bool key_inline = std::same_as<Key, std::string>;
  static constexpr bool bytes_inline =
      std::same_as<Value, Bytes> &&
      (key_inline || (std::is_trivially_copyable_v<Key> && alignof(Key) <= alignof(std::max_align_t)));
  /// Copying such a value is no user code and cannot throw: it may happen under a lock.
  static constexpr bool copied_under_lock =
      std::same_as<Value, Bytes> || std::is_trivially_copyable_v<Value> || is_shared_ptr<Value>;
  /// Copying so many bytes costs less than the cache miss and the allocation that it saves.
  static constexpr std::size_t inline_limit = 1024;

  struct Retire {
    void operator()(EntryNode* node) const noexcept { retire(node); }
  };
  using Owner = std::unique_ptr<EntryNode, Retire>;

  struct Unpin {
    void operator()(EntryNode* node) const noexcept { unpin(node); }
  };
  /// A reference to an entry that keeps it readable without the lock.
  using Pin = std::unique_ptr<EntryNode, Unpin>;

  /// Makes a node that holds one reference. Metadata and value are moved from.
  /// \throws InvalidArgumentError if the key exceeds 4 GiB; std::bad_alloc; what moving a Value or copying a Key
  /// throws.
  static Owner create(const NodeRecipe<Key>& recipe, Value&& value, Metadata&& metadata) {
    const std::uint8_t layout = layout_for(value, recipe.expires, !metadata.empty());
    const std::size_t bytes = bytes_for(layout, recipe.key, value);
    auto own_metadata = (layout & has_metadata) ? std::make_unique<Metadata>(std::move(metadata)) : nullptr;
    Memory memory(allocate(bytes));
    auto* node = new (memory.get()) EntryNode(recipe, layout, value);
    static_cast<void>(memory.release());
    node->fill_tail(recipe, value, own_metadata.release());
    return Owner(node);
  }

  /// The bytes that a node with such an entry takes.
  static std::size_t node_bytes(KeyView<Key> key, const Value& value, bool expires, bool metadata) {
    return bytes_for(layout_for(value, expires, metadata), key, value);
  }

  KeyView<Key> key() const noexcept {
    if constexpr (key_inline) {
      return std::string_view(characters(), key_.size);
    } else {
      return key_.key;
    }
  }

  std::size_t size() const noexcept {
    if constexpr (bytes_inline) {
      return (layout & shares_value) ? shared_value().size() : value_.inline_size;
    } else {
      return value_.size;
    }
  }

  std::size_t weight() const noexcept {
    if constexpr (Weighed) {
      return weight_.weight;
    } else {
      return size();
    }
  }

  /// Calls f(const Value&) in place.
  template <class Function>
  decltype(auto) with_value(Function&& f) {
    return with_value(key(), std::forward<Function>(f));
  }

  /// The same for who has the node's key already: then to find the value needs nothing that the node has to tell first.
  template <class Function>
  [[gnu::always_inline]] decltype(auto) with_value([[maybe_unused]] KeyView<Key> own_key, Function&& f) {
    if constexpr (bytes_inline) {
      if (value_.inline_size == 0) [[unlikely]] {
        if (layout & shares_value) return std::forward<Function>(f)(std::as_const(shared_value()));
        return std::forward<Function>(f)(Bytes());
      }
      const BorrowedBytes borrowed(&block, inline_value(own_key), value_.inline_size);
      return std::forward<Function>(f)(borrowed.get());
    } else {
      return std::forward<Function>(f)(std::as_const(value_.value));
    }
  }

  /// A copy of the value.
  Value copy_value() { return copy_value(key()); }

  /// The same for who has the node's key already, see with_value.
  [[gnu::always_inline]] Value copy_value([[maybe_unused]] KeyView<Key> own_key) {
    if constexpr (bytes_inline) {
      if (value_.inline_size == 0) [[unlikely]] {
        return (layout & shares_value) ? shared_value() : Bytes();
      }
      const char* const data = inline_value(own_key);
      const std::size_t size = value_.inline_size;
      block.add_reference();
      return BytesAccess::adopt(&block, data, size);
    } else {
      return value_.value;
    }
  }

  /// Whether the node may be freed later than its entry leaves: nobody can tell, and it holds nothing large.
  bool can_linger() const noexcept {
    return (std::is_trivially_copyable_v<Value> || (bytes_inline && !(layout & shares_value))) &&
           (key_inline || std::is_trivially_copyable_v<Key>) && !(layout & has_metadata) &&
           size() + key_size() <= inline_limit;
  }

  bool expires() const noexcept { return (layout & has_timer) != 0; }
  Timer& timer() const noexcept { return *std::launder(reinterpret_cast<Timer*>(at(aligned_tail_at()))); }
  static EntryNode& of(Timer& timer) noexcept {
    return *std::launder(reinterpret_cast<EntryNode*>(reinterpret_cast<std::byte*>(&timer) - aligned_tail_at()));
  }

  /// The metadata, or null if there is none.
  const Metadata* metadata() const noexcept { return (layout & has_metadata) ? metadata_slot() : nullptr; }

  Pin pin() noexcept {
    block.add_reference();
    return Pin(this);
  }

  /// Drops a reference, and frees the node with the last one.
  static void unpin(EntryNode* node) noexcept {
    if (!node->block.drop_reference()) return;
    if constexpr (!bytes_inline) {
      node->destroy_tail();
      node->~EntryNode();
    }
    deallocate(node);
  }

  /// Drops the cache's reference: the entry is no longer in it.
  static void retire(EntryNode* node) noexcept {
    if constexpr (bytes_inline) node->destroy_tail();
    unpin(node);
  }

 private:
  /// What the tail holds in front of the characters, and above these bits how many bytes that takes: as all of it
  /// is a multiple of eight, finding the key takes one instruction.
  enum Layout : std::uint8_t { has_timer = 1, has_metadata = 2, shares_value = 4 };
  static constexpr std::uint8_t size_bits = 0xf8;

  struct Free {
    void operator()(void* memory) const noexcept { deallocate(memory); }
  };
  using Memory = std::unique_ptr<void, Free>;

  EntryNode(const NodeRecipe<Key>& recipe, std::uint8_t node_layout, Value& value)
      : NodeHead(recipe.hash, std::chrono::system_clock::now()),
        value_(make_value_part(recipe, node_layout, value)),
        key_(make_key_part(recipe)) {
    layout = node_layout;
    if constexpr (Weighed) weight_.weight = recipe.weight;
  }
  ~EntryNode() = default;

  static auto make_value_part(const NodeRecipe<Key>& recipe, std::uint8_t node_layout, Value& value) {
    if constexpr (bytes_inline) {
      const bool shared = (node_layout & shares_value) != 0;
      return ValuePart<Value, true>{static_cast<std::uint16_t>(shared ? 0 : recipe.size)};
    } else {
      return ValuePart<Value, false>{recipe.size, std::move(value)};
    }
  }

  static KeyPart<Key> make_key_part(const NodeRecipe<Key>& recipe) {
    if constexpr (key_inline) {
      return {static_cast<std::uint32_t>(recipe.key.size())};
    } else {
      return {recipe.key};
    }
  }

  void fill_tail(const NodeRecipe<Key>& recipe, Value& value, Metadata* own_metadata) noexcept {
    if (layout & has_timer) new (at(aligned_tail_at())) Timer;
    if (layout & has_metadata) metadata_slot() = own_metadata;
    if constexpr (bytes_inline) {
      if (layout & shares_value) {
        new (&shared_value()) Bytes(std::move(value));
      } else if (!value.empty()) {
        std::memcpy(inline_value(recipe.key), value.data(), value.size());
      }
    }
    if constexpr (key_inline) {
      if (!recipe.key.empty()) std::memcpy(characters(), recipe.key.data(), recipe.key.size());
    }
  }

  void destroy_tail() noexcept {
    if (layout & has_metadata) delete metadata_slot();
    if constexpr (bytes_inline) {
      if (layout & shares_value) shared_value().~Bytes();
    }
  }

  static std::uint8_t layout_for(const Value& value, bool expires, bool metadata) noexcept {
    bool shared = false;
    if constexpr (bytes_inline) shared = value.size() > inline_limit;
    const int flags = (expires ? has_timer : 0) | (metadata ? has_metadata : 0) | (shared ? shares_value : 0);
    const std::size_t bytes =
        (expires ? padded<Timer> : 0) + (metadata ? padded<Metadata*> : 0) + (shared ? padded<Bytes> : 0);
    return static_cast<std::uint8_t>(static_cast<std::size_t>(flags) | bytes);
  }

  template <class Part>
  static constexpr std::size_t padded = (sizeof(Part) + 7) / 8 * 8;
  static_assert(padded<Timer> + padded<Metadata*> + padded<Bytes> <= size_bits);

  std::size_t key_size() const noexcept {
    if constexpr (key_inline) {
      return key_.size;
    } else {
      return sizeof(Key);
    }
  }

  /// Where the parts of the tail begin that are aligned.
  static constexpr std::size_t aligned_tail_at() noexcept { return (sizeof(EntryNode) + 7) / 8 * 8; }

  /// Where the text begins: behind the parts that are aligned, or, without any, right behind the fixed part.
  static std::size_t text_at(std::uint8_t layout) noexcept {
    return layout == 0 ? sizeof(EntryNode) : aligned_tail_at() + (layout & size_bits);
  }

  /// The size of the node.
  static std::size_t bytes_for(std::uint8_t layout, KeyView<Key> key, const Value& value) {
    std::size_t bytes = text_at(layout);
    if constexpr (key_inline) {
      if (key.size() > std::numeric_limits<std::uint32_t>::max()) {
        throw InvalidArgumentError("key of " + std::to_string(key.size()) + " bytes: at most 4 GiB are allowed");
      }
      bytes += key.size();
    }
    if constexpr (bytes_inline) bytes += (layout & shares_value) ? 0 : value.size();
    return bytes;
  }

  static constexpr bool over_aligned() noexcept { return alignof(EntryNode) > __STDCPP_DEFAULT_NEW_ALIGNMENT__; }

  static void* allocate(std::size_t bytes) {
    if constexpr (over_aligned()) {
      return ::operator new(bytes, std::align_val_t(alignof(EntryNode)));
    } else {
      return ::operator new(bytes);
    }
  }

  static void deallocate(void* memory) noexcept {
    if constexpr (over_aligned()) {
      ::operator delete(memory, std::align_val_t(alignof(EntryNode)));
    } else {
      ::operator delete(memory);
    }
  }

  std::byte* at(std::size_t offset) const noexcept {
    return const_cast<std::byte*>(reinterpret_cast<const std::byte*>(this)) + offset;
  }
  Metadata*& metadata_slot() const noexcept {
    return *reinterpret_cast<Metadata**>(at(aligned_tail_at() + ((layout & has_timer) ? padded<Timer> : 0)));
  }
  Bytes& shared_value() const noexcept {
    return *reinterpret_cast<Bytes*>(at(text_at(layout) - padded<Bytes>));
  }
  char* characters() const noexcept {
    if (layout != 0) [[unlikely]] {
      return reinterpret_cast<char*>(at(text_at(layout)));
    }
    return reinterpret_cast<char*>(at(sizeof(EntryNode)));
  }
  char* inline_value([[maybe_unused]] KeyView<Key> own_key) const noexcept {
    if constexpr (key_inline) {
      return characters() + own_key.size();
    } else {
      return characters();
    }
  }

  [[no_unique_address]] ValuePart<Value, bytes_inline> value_;
  [[no_unique_address]] KeyPart<Key> key_;
  [[no_unique_address]] WeightPart<Weighed> weight_{};
};

static_assert(sizeof(void*) != 8 || sizeof(EntryNode<std::string, Bytes, false>) == 28);

}  // namespace larder::detail
