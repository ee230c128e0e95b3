/// \file trace_recorder_test.cpp
#include <larder/observability/trace_recorder.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

using larder::TraceRecorder;
using namespace std::chrono_literals;

namespace {

struct Recorded {
  larder_tests::TemporaryFolder folder;
  std::string file = folder.path() + "/live.trace";

  std::string text() const {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

}  // namespace

TEST_CASE("a request is a line of key, size and TTL", "[trace_recorder]") {
  Recorded r;
  TraceRecorder recorder({.file = r.file});
  CHECK(recorder.records(0xffffffffffffffffu));
  recorder.record(0xab, 100);
  recorder.record(0xffffffffffffffffu, 0, 1500ms);
  recorder.record(1, 7, 2ms);
  recorder.stop();
  CHECK(r.text() == "ab 100\nffffffffffffffff 0 1.500\n1 7 0.002\n");
  CHECK(recorder.requests() == 3);
  CHECK(recorder.bytes() == r.text().size());
  CHECK_FALSE(recorder.failed());
  CHECK_FALSE(recorder.is_recording());
  CHECK_FALSE(recorder.records(1));
  recorder.record(2, 1);  // nobody asks for it
  CHECK(recorder.requests() == 3);
}

TEST_CASE("of so many keys one is recorded, by its hash", "[trace_recorder]") {
  Recorded r;
  const TraceRecorder recorder({.file = r.file, .one_key_in = 8});
  int recorded = 0;
  for (std::uint64_t key = 0; key < 80'000; ++key)
    recorded += recorder.records(key * 0x9e3779b97f4a7c15u >> 16) ? 1 : 0;
  CHECK(recorded == Approx(10'000).epsilon(0.05));
}

TEST_CASE("recording ends before the file is too large", "[trace_recorder]") {
  Recorded r;
  TraceRecorder recorder({.file = r.file, .max_bytes = 20});
  for (std::uint64_t key = 1; key < 10; ++key) recorder.record(key, 1);
  CHECK_FALSE(recorder.is_recording());
  CHECK(r.text() == "1 1\n2 1\n3 1\n4 1\n5 1\n");
  CHECK_FALSE(recorder.failed());
}

TEST_CASE("a full disk ends recording, and nothing else", "[trace_recorder]") {
  if (!std::filesystem::exists("/dev/full")) return;
  TraceRecorder recorder({.file = "/dev/full"});
  for (std::uint64_t key = 1; key < 100'000 && recorder.is_recording(); ++key) recorder.record(key, 1);
  CHECK_FALSE(recorder.is_recording());
  CHECK(recorder.failed());
}

TEST_CASE("a file that cannot be opened is an error, and so are options without sense", "[trace_recorder]") {
  CHECK_THROWS_AS(TraceRecorder({.file = "/nowhere/at/all"}), larder::CacheError);
  CHECK_THROWS_AS(TraceRecorder({}), larder::InvalidArgumentError);
  Recorded r;
  CHECK_THROWS_AS(TraceRecorder({.file = r.file, .one_key_in = 0}), larder::InvalidArgumentError);
  CHECK_THROWS_AS(TraceRecorder({.file = r.file, .max_bytes = 0}), larder::InvalidArgumentError);
  CHECK_FALSE(std::filesystem::exists(r.file));
}
