/// \file cache_observation_test.cpp
#include <larder/observability/cache_observation.hpp>

#include <cstddef>
#include <new>
#include <set>
#include <string>

#include "tests/support/catch.hpp"

using larder::CacheOperation;
using larder::ErrorKind;

namespace {

template <class Error>
ErrorKind kind_of(Error error) {
  try {
    throw error;
  } catch (...) {
    return larder::kind_of_current_error();
  }
}

}  // namespace

TEST_CASE("errors are told apart by the error tree", "[observed]") {
  CHECK(kind_of(larder::ConnectionError("")) == ErrorKind::connection);
  CHECK(kind_of(larder::TimeoutError("")) == ErrorKind::timeout);
  CHECK(kind_of(larder::ProtocolError("")) == ErrorKind::protocol);
  CHECK(kind_of(larder::ServerError("OOM", "")) == ErrorKind::server);
  CHECK(kind_of(larder::NotSupportedError("")) == ErrorKind::not_supported);
  CHECK(kind_of(larder::InvalidArgumentError("")) == ErrorKind::invalid_argument);
  CHECK(kind_of(larder::CacheError("")) == ErrorKind::cache);
  CHECK(kind_of(std::bad_alloc()) == ErrorKind::memory);
  CHECK(kind_of(5) == ErrorKind::foreign);
}

TEST_CASE("each operation and each kind of error has a name", "[observed]") {
  std::set<std::string> names;
  for (std::size_t i = 0; i < larder::cache_operation_count; ++i) {
    names.insert(to_string(static_cast<CacheOperation>(i)));
  }
  for (std::size_t i = 0; i < larder::error_kind_count; ++i) names.insert(to_string(static_cast<ErrorKind>(i)));
  CHECK(names.size() == larder::cache_operation_count + larder::error_kind_count);
  CHECK(to_string(CacheOperation::visit_entries) == std::string("visit_entries"));
  CHECK(to_string(ErrorKind::foreign) == std::string("foreign"));
}
