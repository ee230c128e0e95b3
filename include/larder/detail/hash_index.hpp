/// \file hash_index.hpp
/// HashIndex: from a hash to the entries that have it, one cache line a look-up, and no lock for those who only look.
///
/// One thread at a time may write; any number may look meanwhile, by `find_shared` and the prefetching functions. The
/// caller keeps alive what they may see: an entry that has left the index is not freed, nor is `free_retired` called,
/// before all look-ups have ended that began earlier.
///
/// Invariants:
/// - There is one table, or there are two while the index grows: `old_`, and `current_` with room for a quarter more.
///   An entry is in one of them, or, for a moment while it moves, in both; one that comes goes to `current_`.
/// - Growing is incremental: each insertion moves `moves_an_insertion` buckets, in order, out of the old table, so that
///   no single call pays for a whole one. The old table is empty before the new one is full. For growth begins with
///   as many entries as the old table takes; each insertion brings one more at most; so there are, up to the moment
///   when the new table is full, at least as many insertions as it takes more entries than the old one. That is 5.5
///   for each bucket more, or 1.4 for each bucket of the old table: one move an insertion would be enough. There are
///   some more, so that there are two tables for a short time only, in which look-ups may have to search both.
/// - `only_` is `current_` while there is one table, and null else. To load it is to load `current_`, and then `old_`
///   and to find that null. It becomes null before a growth begins, and is set again when that has ended.
/// - A growth is published in this order: `old_`, then `current_`, then moves begin, each to the new table first and
///   out of the old one then; last, `old_` becomes null. A reader loads `current_` first.
/// - Only the writer reads a node's hash, and only of nodes that are in the index.
/// - Nothing here allocates, throws or calls user code but `reserve_one` (allocates, before anything changes) and the
///   predicates given to `find` and `find_shared`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ratio>
#include <utility>

#include <larder/detail/index_table.hpp>
#include <larder/detail/prefetch.hpp>

namespace larder::detail {

/// A hash table of pointers to `Node`, which has a 32-bit `hash` member. The index owns no nodes.
template <class Node>
class HashIndex {
 public:
  /// What a look-up without a lock has found. Only where it is not certain, it says nothing: there is no node then.
  struct SharedFind {
    Node* node;
    bool certain;
  };

  HashIndex() = default;
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;
  ~HashIndex() {
    delete current();
    delete old();
    free_retired();
  }

  std::size_t size() const noexcept { return size_; }

  /// Makes sure that one `insert` finds room. \throws std::bad_alloc; nothing has changed then.
  void reserve_one() {
    Table* table = current();
    const std::size_t buckets = table == nullptr ? 0 : table->bucket_count();
    if (size_ < Table::capacity_of(buckets)) return;
    auto larger = std::make_unique<Table>(grown(buckets));
    while (old() != nullptr) move_bucket();  // there is none: see the invariants
    only_.store(nullptr, std::memory_order_release);
    old_.store(table, std::memory_order_release);
    old_next_.store(0, std::memory_order_relaxed);
    old_given_back_ = 0;
    current_.store(larger.release(), std::memory_order_release);
    announce(current());
    if (table == nullptr) end_growth();
  }

  /// For the writer: the node with this hash for which `matches(node)` holds, or null. It is asked for nodes of other
  /// hashes as well, and may be copied. Throws what `matches` throws.
  template <class Predicate>
  Node* find(std::uint32_t hash, const Predicate& matches) const {
    const Table* table = current();
    return find_in(table, old(), hash, matches);
  }

  /// For any thread: what `find` does, unless the index begins to grow meanwhile: then it may be uncertain that there
  /// is no such node, and the caller should ask again under its lock. `matches` must be able to bear nodes that have
  /// left the index.
  ///
  /// Linearizable: the node was in the index at some moment during the call, and where there certainly is none, there
  /// was none at some moment.
  /// - A hit: the pointer was read from a slot, so the node was in it at that moment (IndexBucket), whatever had become
  ///   of the one whose tag was seen before. And the slot was one of the index's: a table that has been replaced is
  ///   empty, and one that was swapped away since the call began holds what was in the index just before that.
  /// - A miss: suppose that an entry that matches was there all the time. If it is in `table` all that time, its slot
  ///   has its tag and a pointer to it, or to what replaces it, whenever they are read, and the way there is marked
  ///   (IndexTable): it is found. It can have come to `table` from `old` during the call. But then `old` was not null
  ///   when it was read (it becomes null after the last move, and to read that null is to see all moves), and was
  ///   searched: either the entry was found there, or what was read says that it has gone, and to read that is to see
  ///   that it is in `table`, which is searched after that. And it can have left `table` for a larger one. Again, to
  ///   read that it has gone is to see what came before: that the larger one had become `current_`. So if `current_`
  ///   is `table` still, this has not happened.
  ///   A table's address does not come back while this call lasts, since no table is freed meanwhile.
  template <class Predicate>
  [[gnu::always_inline]] SharedFind find_shared(std::uint32_t hash, const Predicate& matches) const {
    const Table* only = only_.load(std::memory_order_acquire);
    if (only == nullptr) [[unlikely]] {
      return find_shared_in_two(hash, matches);
    }
    if (Node* node = only->find(hash, matches)) [[likely]] {
      return {node, true};
    }
    return {nullptr, only_.load(std::memory_order_acquire) == only};
  }

  /// Calls f(node) for each node, in no particular order. f must not change the index. For the writer.
  template <class Function>
  void for_each(Function&& f) const {
    if (const Table* table = current()) table->for_each(f);
    if (const Table* table = old()) table->for_each(f);
  }

  /// Reads the home bucket ahead of a look-up, also before the caller keeps anything alive: it may be the bucket of a
  /// table that is there no more, and is only asked for, never looked at. For any thread.
  [[gnu::always_inline]] void prefetch_early(std::uint32_t hash) const noexcept {
    // relaxed: the two may not even belong together.
    const std::size_t home = Table::home_of(hash, early_count_.load(std::memory_order_relaxed));
    // A number, since there may be no pointer to count from.
    const auto address = early_buckets_.load(std::memory_order_relaxed) + home * sizeof(typename Table::Bucket);
    prefetch(reinterpret_cast<const void*>(address));
  }

  /// Reads the home bucket ahead of a look-up. For any thread.
  void prefetch_bucket(std::uint32_t hash) const noexcept {
    if (const Table* table = likely_table(hash)) table->prefetch_bucket(hash);
  }

  /// Reads the node that a look-up is likely to look at first, once the bucket is there. For any thread.
  void prefetch_node(std::uint32_t hash) const noexcept {
    if (const Table* table = likely_table(hash)) table->prefetch_node(hash);
  }

  /// Takes a node in. There must be room (`reserve_one`), and the node must not be in the index.
  void insert(Node& node) noexcept {
    current()->insert(node);
    ++size_;
    advance(moves_an_insertion);
  }

  /// Goes on with the growth if there is one, by so many buckets. Insertions do that by themselves; but while there are
  /// two tables, look-ups search both, so that it is good to come to an end where no more insertions follow.
  void advance(std::size_t buckets) noexcept {
    for (; buckets > 0 && old() != nullptr; --buckets) move_bucket();
  }

  void erase(const Node& node) noexcept {
    if (!current()->erase(node)) old()->erase(node);
    --size_;
  }

  /// Puts `fresh`, which has the same hash, into the slot of `node`.
  void replace(const Node& node, Node& fresh) noexcept {
    if (!current()->replace(node, fresh)) old()->replace(node, fresh);
  }

  /// Whether there are tables that are of no more use, but for readers who still may be in them.
  bool has_retired() const noexcept { return retired_ != nullptr; }

  /// Frees them. No look-up may be going on that began before a table was retired.
  void free_retired() noexcept {
    while (retired_ != nullptr) delete std::exchange(retired_, retired_->next_retired);
  }

  /// Forgets every node and frees all tables. No look-up may be going on.
  void clear() noexcept {
    HashIndex cleared;
    cleared.swap(*this);
  }

  /// Exchanges all that there is, retired tables too. For the writer of both. Look-ups may go on in one of them if the
  /// other has not been used yet: so an index can be taken away from its readers, who may be in the tables still when
  /// those belong to the other one, which therefore must not change until they have left.
  void swap(HashIndex& other) noexcept {
    // The order matters to readers: who has seen `old_` change will see that `current_` has changed, and before them
    // `only_`.
    exchange(only_, other.only_);
    exchange(current_, other.current_);
    announce(current());
    other.announce(other.current());
    exchange(old_, other.old_);
    exchange(old_next_, other.old_next_);
    std::swap(old_given_back_, other.old_given_back_);
    std::swap(retired_, other.retired_);
    std::swap(size_, other.size_);
  }

 private:
  using Table = IndexTable<Node>;

  /// How much larger the next table is. Less makes for more moves, more for more memory that lies idle: with this an
  /// entry has 11.6 to 14.5 bytes of buckets, where doubling would let it have up to 23.
  using Growth = std::ratio<5, 4>;

  static constexpr std::size_t grown(std::size_t buckets) noexcept {
    constexpr std::size_t gained = Growth::num - Growth::den;
    constexpr std::size_t of = Growth::den;
    return buckets == 0 ? 1 : buckets + buckets / of * gained + (buckets % of * gained + of - 1) / of;
  }

  static constexpr std::size_t moves_an_insertion = 4;

  /// Large tables have the most room to spare; small ones lose some of it by rounding.
  static constexpr bool keeps_up(std::size_t old_buckets) noexcept {
    const std::size_t insertions = Table::capacity_of(grown(old_buckets)) - Table::capacity_of(old_buckets);
    return insertions * moves_an_insertion >= old_buckets;
  }
  static_assert([] {
    for (std::size_t buckets = 1; buckets < 100; ++buckets) {
      if (!keeps_up(buckets)) return false;
    }
    return true;
  }());

  /// How far ahead of the moves nodes are read, and buckets ahead of that: memory answers within two insertions.
  static constexpr std::size_t nodes_ahead = 2 * moves_an_insertion;
  static constexpr std::size_t buckets_ahead = 2 * nodes_ahead;

  // Both loads are acquires, so that the reader of a pointer sees the table that it points to, and that a reader who
  // loads current_ before old_ gets an old_ which is no older.
  Table* current() const noexcept { return current_.load(std::memory_order_acquire); }
  Table* old() const noexcept { return old_.load(std::memory_order_acquire); }

  /// Where an entry is most likely while the index grows. Tables hold hashes in order, and so the moves tell. No reader
  /// relies on it: thus relaxed.
  bool has_moved(const Table& old, std::uint32_t hash) const noexcept {
    return old.home_of(hash) < old_next_.load(std::memory_order_relaxed);
  }

  const Table* likely_table(std::uint32_t hash) const noexcept {
    const Table* table = current();
    const Table* growing_from = old();
    return growing_from == nullptr || has_moved(*growing_from, hash) ? table : growing_from;
  }

  template <class Predicate>
  [[gnu::noinline]] SharedFind find_shared_in_two(std::uint32_t hash, Predicate matches) const {
    const Table* table = current();
    if (Node* node = find_in(table, old(), hash, matches)) return {node, true};
    return {nullptr, current() == table};
  }

  /// Both pointers are parameters since a reader must have loaded them in this order, and before it looks.
  template <class Predicate>
  Node* find_in(const Table* table, const Table* old, std::uint32_t hash, const Predicate& matches) const {
    if (table == nullptr) [[unlikely]] {
      return nullptr;
    }
    if (old != nullptr) [[unlikely]] {
      return find_while_growing(*table, *old, hash, matches);
    }
    return table->find(hash, matches);
  }

  /// The predicate is a copy for the reason that IndexTable has.
  template <class Predicate>
  [[gnu::noinline]] Node* find_while_growing(const Table& table, const Table& old, std::uint32_t hash,
                                             Predicate matches) const {
    // This is only a guess. A miss needs the old table to be searched first, then the new one.
    if (has_moved(old, hash)) {
      if (Node* node = table.find(hash, matches)) return node;
    }
    if (Node* node = old.find(hash, matches)) return node;
    return table.find(hash, matches);
  }

  /// Moves the next bucket of the old table, which there must be.
  void move_bucket() noexcept {
    Table& from = *old();
    Table& to = *current();
    const std::size_t index = old_next_.load(std::memory_order_relaxed);
    const auto& bucket = from.bucket(index);
    for (SlotSet used = bucket.word().used(); !used.empty(); used.drop_first()) {
      Node& node = *bucket.node(used.first());
      to.insert(node);
      from.take_out(index, used.first(), node.hash);
    }
    old_next_.store(index + 1, std::memory_order_relaxed);
    old_given_back_ = from.give_back(old_given_back_, index + 1);
    if (index + 1 == from.bucket_count()) {
      retire(from);
    } else {
      prefetch_moves(from, index);
    }
  }

  static void prefetch_moves(const Table& from, std::size_t index) noexcept {
    if (index + buckets_ahead < from.bucket_count()) prefetch(&from.bucket(index + buckets_ahead));
    if (index + nodes_ahead >= from.bucket_count()) return;
    const auto& bucket = from.bucket(index + nodes_ahead);
    for (SlotSet used = bucket.word().used(); !used.empty(); used.drop_first()) {
      prefetch(&bucket.node(used.first())->hash);
    }
  }

  void retire(Table& table) noexcept {
    old_.store(nullptr, std::memory_order_release);
    end_growth();
    table.next_retired = std::exchange(retired_, &table);
  }

  void end_growth() noexcept { only_.store(current(), std::memory_order_release); }

  /// Says where `prefetch_early` should look.
  void announce(const Table* table) noexcept {
    const std::uintptr_t buckets = table == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(&table->bucket(0));
    early_buckets_.store(buckets, std::memory_order_relaxed);
    early_count_.store(table == nullptr ? 0 : table->bucket_count(), std::memory_order_relaxed);
  }

  template <class Value>
  static void exchange(std::atomic<Value>& one, std::atomic<Value>& other) noexcept {
    const Value value = one.load(std::memory_order_relaxed);
    one.store(other.load(std::memory_order_relaxed), std::memory_order_release);
    other.store(value, std::memory_order_release);
  }

  // What readers read seldom changes, and shares no cache line with what every insertion writes.
  alignas(cache_line) std::atomic<Table*> current_{nullptr};
  std::atomic<Table*> old_{nullptr};   // null but while the index grows
  std::atomic<Table*> only_{nullptr};  // current_ if there is no old_, else null: tells both by one look
  std::atomic<std::uintptr_t> early_buckets_{0};
  std::atomic<std::size_t> early_count_{0};

  alignas(cache_line) std::atomic<std::size_t> old_next_{0};  // the first bucket of old_ that has not been moved
  std::size_t old_given_back_ = 0;                            // the first whose memory may still be needed
  std::size_t size_ = 0;
  Table* retired_ = nullptr;  // chained by next_retired
};

}  // namespace larder::detail
