/// \file bytes.hpp
/// Bytes: the default Value.
///
/// Invariants:
/// - The bytes that a `Bytes` shows never change, so any number of threads may read them without a lock.
/// - A `Bytes` is a window (data, size) into a block of memory whose first member counts the windows. Copying
///   it copies the window and adds one to the count: never the payload. The last one to go frees the block.
/// - An empty `Bytes` holds no block.
#pragma once

#include <atomic>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <larder/cache_error.hpp>

namespace larder {

namespace detail {

struct BytesAccess;

/// The head of every reference-counted block that a `Bytes` may look into. The block was allocated by
/// `::operator new` and begins with this head, so freeing it needs to know nothing else about it: the
/// in-memory cache hands out windows into its own entries this way, and reading a value copies nothing.
struct SharedBlock {
  std::atomic<std::uint32_t> references{1};

  void add_reference() noexcept { references.fetch_add(1, std::memory_order_relaxed); }

  /// Result: whether this was the last reference.
  bool drop_reference() noexcept {
    // acq_rel: what other threads read from the block happens before it is freed by this one.
    return references.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  static void release(SharedBlock* block) noexcept {
    if (block != nullptr && block->drop_reference()) ::operator delete(static_cast<void*>(block));
  }
};

}  // namespace detail

/// An immutable, reference-counted byte string: what `get` returns without copying the payload.
///
/// Any bytes, NUL included. Converts from and to `std::string_view` and `std::span<const std::byte>`; the
/// views live as long as some `Bytes` of the same origin does. Making one from a view copies the bytes once
/// (one allocation, none for an empty one); copying, moving and `substr` are O(1) and allocate nothing.
///
/// Thread-safety: like a `std::shared_ptr` to const. Different objects may be used from different threads
/// even where they share their bytes; one object may be read from many threads or changed from one.
class Bytes {
 public:
  using value_type = char;
  using const_iterator = const char*;
  using iterator = const_iterator;

  constexpr Bytes() noexcept = default;

  /// Copies the characters of anything that converts to `std::string_view` (a literal, a `std::string` ...).
  /// \throws std::bad_alloc.
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, Bytes>)
  Bytes(const Text& text) : Bytes(copy_of(std::string_view(text))) {}

  /// Copies anything that converts to a span of `std::byte` (a `std::vector<std::byte>`, an array ...).
  /// \throws std::bad_alloc.
  template <class Range>
    requires(std::convertible_to<const Range&, std::span<const std::byte>> &&
             !std::convertible_to<const Range&, std::string_view>)
  Bytes(const Range& range) : Bytes(copy_of(std::span<const std::byte>(range))) {}

  /// Copies `size` bytes from `data`. \throws std::bad_alloc.
  Bytes(const void* data, std::size_t size) : Bytes(copy_of(std::string_view(static_cast<const char*>(data), size))) {}

  Bytes(const Bytes& other) noexcept : block_(other.block_), data_(other.data_), size_(other.size_) {
    if (block_ != nullptr) block_->add_reference();
  }
  Bytes(Bytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, "")),
        size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(const Bytes& other) noexcept {
    Bytes(other).swap(*this);
    return *this;
  }
  Bytes& operator=(Bytes&& other) noexcept {
    Bytes(std::move(other)).swap(*this);
    return *this;
  }
  ~Bytes() { detail::SharedBlock::release(block_); }

  /// Makes a `Bytes` of `size` bytes that `fill(char*)` writes, without a copy in between: for decoders.
  /// \throws std::bad_alloc, and whatever `fill` throws.
  template <std::invocable<char*> Fill>
  static Bytes generate(std::size_t size, Fill&& fill) {
    if (size == 0) return {};
    if (size > SIZE_MAX / 2) throw std::bad_alloc();
    void* memory = ::operator new(sizeof(detail::SharedBlock) + size);
    auto* block = new (memory) detail::SharedBlock;
    char* data = static_cast<char*>(memory) + sizeof(detail::SharedBlock);
    Bytes bytes(block, data, size);  // owns the block from here, also if fill throws
    std::forward<Fill>(fill)(data);
    return bytes;
  }

  const char* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const_iterator begin() const noexcept { return data_; }
  const_iterator end() const noexcept { return data_ + size_; }
  /// The byte at `index`, which must be less than `size()`.
  char operator[](std::size_t index) const noexcept { return data_[index]; }

  std::string_view view() const noexcept { return {data_, size_}; }
  std::string str() const { return std::string(data_, size_); }
  std::span<const std::byte> bytes() const noexcept { return {reinterpret_cast<const std::byte*>(data_), size_}; }
  operator std::string_view() const noexcept { return view(); }
  operator std::span<const std::byte>() const noexcept { return bytes(); }

  /// Result: the bytes from `position`, `count` of them or as many as there are, sharing this one's memory
  /// (and keeping all of it alive). O(1). \throws InvalidArgumentError if `position > size()`.
  Bytes substr(std::size_t position, std::size_t count = std::string_view::npos) const {
    if (position > size_) {
      throw InvalidArgumentError("Bytes::substr: position " + std::to_string(position) + " is beyond the size " +
                                 std::to_string(size_));
    }
    if (count > size_ - position) count = size_ - position;
    if (count == 0) return {};
    Bytes part(*this);
    part.data_ += position;
    part.size_ = count;
    return part;
  }

  void swap(Bytes& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  friend void swap(Bytes& left, Bytes& right) noexcept { left.swap(right); }

  /// Bytewise, as unsigned bytes, also against anything that converts to `std::string_view`.
  template <std::convertible_to<std::string_view> Text>
  friend bool operator==(const Bytes& left, const Text& right) noexcept {
    return left.view() == std::string_view(right);
  }
  template <std::convertible_to<std::string_view> Text>
  friend std::strong_ordering operator<=>(const Bytes& left, const Text& right) noexcept {
    return left.view().compare(std::string_view(right)) <=> 0;  // not every library has <=> for views
  }

  template <class CharTraits>
  friend std::basic_ostream<char, CharTraits>& operator<<(std::basic_ostream<char, CharTraits>& out,
                                                          const Bytes& bytes) {
    return out << std::basic_string_view<char, CharTraits>(bytes.data_, bytes.size_);
  }

 private:
  friend struct detail::BytesAccess;

  /// Takes over one reference to `block`.
  Bytes(detail::SharedBlock* block, const char* data, std::size_t size) noexcept
      : block_(block), data_(data), size_(size) {}

  static Bytes copy_of(std::string_view text) {
    return generate(text.size(), [text](char* to) { std::memcpy(to, text.data(), text.size()); });
  }

  static Bytes copy_of(std::span<const std::byte> bytes) {
    return copy_of(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

  detail::SharedBlock* block_ = nullptr;
  const char* data_ = "";
  std::size_t size_ = 0;
};

namespace detail {

/// How the in-memory cache makes windows into blocks of its own.
struct BytesAccess {
  /// Takes over one reference to `block`.
  static Bytes adopt(SharedBlock* block, const char* data, std::size_t size) noexcept { return {block, data, size}; }
  /// Lets go of the block without dropping a reference.
  static void abandon(Bytes& bytes) noexcept { bytes.block_ = nullptr; }
};

/// A `Bytes` that counts nothing: valid while somebody else holds the block. A copy of it counts as usual.
class BorrowedBytes {
 public:
  BorrowedBytes(SharedBlock* block, const char* data, std::size_t size) noexcept
      : bytes_(BytesAccess::adopt(block, data, size)) {}
  BorrowedBytes(const BorrowedBytes&) = delete;
  BorrowedBytes& operator=(const BorrowedBytes&) = delete;
  ~BorrowedBytes() { BytesAccess::abandon(bytes_); }

  const Bytes& get() const noexcept { return bytes_; }

 private:
  Bytes bytes_;
};

}  // namespace detail

}  // namespace larder

template <>
struct std::hash<larder::Bytes> {
  std::size_t operator()(const larder::Bytes& bytes) const noexcept { return std::hash<std::string_view>()(bytes); }
};
