/// \file names.cpp
/// See names.hpp.
#include "names.hpp"

#include <charconv>
#include <map>
#include <utility>

namespace larder::bench {

namespace {

const std::map<std::string, std::string>& work_labels() {
  static const std::map<std::string, std::string> labels{
      {"get", "`get`, hit"},
      {"get_many_32", "`get_many` of 32 (others: a loop), hit"},
      {"hit", "`get`, hit, keys of 16 bytes"},
      {"miss", "`get`, miss"},
      {"mixed", "95 % `get`, 5 % `set`"},
      {"set", "`set` of a key among twice as many as there is room for"},
      {"set_evicting", "one `set`, each evicts"},
      {"set_growing", "one `set`, growing from empty"},
      {"set_many_32", "`set_many` of 32, each key evicts"},
      {"set_new", "`set`, each evicts"},
      {"visit", "`visit`, hit"},
      {"visit_16", "`visit`, hit, keys of 16 bytes"},
  };
  return labels;
}

const std::map<std::string, std::string>& subject_labels() {
  static const std::map<std::string, std::string> labels{
      {"flat_map", "bare boost::unordered_flat_map"},
      {"larder", "larder"},
      {"larder_16_shards", "larder, 16 shards"},
      {"larder_clock", "larder, Clock"},
      {"larder_clock_full", "Clock"},
      {"larder_full", "Lru"},
      {"larder_gdsf_full", "Gdsf"},
      {"larder_interface", "larder through CacheBackend&"},
      {"larder_s3_fifo", "larder, S3Fifo"},
      {"larder_s3_fifo_full", "S3Fifo"},
      {"larder_unlocked", "larder, null mutex"},
      {"larder_w_tiny_lfu", "larder, WTinyLfu"},
      {"larder_w_tiny_lfu_full", "WTinyLfu"},
      {"leveldb_lru", "LevelDB LRU"},
      {"list_and_map", "std::list + unordered_map, std::mutex"},
      {"list_and_map_unlocked", "std::list + unordered_map, no lock"},
      {"multi_index", "Boost.MultiIndex, larder's lock"},
      {"multi_index_unlocked", "Boost.MultiIndex, no lock"},
      {"rocksdb_hyper_clock", "RocksDB HyperClockCache"},
      {"rocksdb_lru", "RocksDB LRU"},
  };
  return labels;
}

std::string label_in(const std::map<std::string, std::string>& labels, const std::string& name) {
  const auto found = labels.find(name);
  return found == labels.end() ? name : found->second;
}

/// The number after `prefix`, or nothing if `part` does not begin so.
std::optional<std::size_t> number_after(std::string_view prefix, std::string_view part) {
  if (!part.starts_with(prefix)) return std::nullopt;
  std::size_t number = 0;
  std::from_chars(part.data() + prefix.size(), part.data() + part.size(), number);
  return number;
}

std::string_view take_part(std::string_view& text) {
  const std::size_t end = text.find('/');
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

}  // namespace

std::string TimingName::text() const {
  std::string text = work + "/" + subject;
  if (!distribution.empty()) text += "/" + distribution;
  if (threads != 0) text += "/threads:" + std::to_string(threads);
  if (entries != 0) text += "/entries:" + std::to_string(entries);
  return text;
}

std::optional<TimingName> parse_name(std::string_view text) {
  TimingName name;
  name.work = take_part(text);
  name.subject = take_part(text);
  if (name.work == "adversarial") return std::nullopt;
  while (!text.empty()) {
    const std::string_view part = take_part(text);
    if (const auto threads = number_after("threads:", part)) {
      name.threads = *threads;
    } else if (const auto entries = number_after("entries:", part)) {
      name.entries = *entries;
    } else {
      name.distribution = part;
    }
  }
  return name;
}

std::string with_distribution(std::string name, std::string_view distribution) {
  const std::size_t star = name.find('*');
  return star == std::string::npos ? name : name.replace(star, 1, distribution);
}

std::string label_of_work(const std::string& work) { return label_in(work_labels(), work); }
std::string label_of_subject(const std::string& subject) { return label_in(subject_labels(), subject); }
bool is_larder(std::string_view subject) { return subject.starts_with("larder"); }

}  // namespace larder::bench
