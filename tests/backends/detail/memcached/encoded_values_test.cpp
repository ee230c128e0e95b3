/// \file encoded_values_test.cpp
#include <larder/backends/detail/memcached/encoded_values.hpp>

#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

using larder::detail::EncodedValues;

TEST_CASE("encoded values are found by their number, empty ones and any bytes included", "[encoded_values]") {
  EncodedValues values;
  const std::string any("\0\r\n\xff", 4);
  for (const std::string_view form : {std::string_view("first"), std::string_view(), std::string_view(any)}) {
    values.add(form);
    CHECK(values.last_size() == form.size());
  }
  CHECK(values[0] == "first");
  CHECK(values[1].empty());
  CHECK(values[2] == any);
}

TEST_CASE("cleared encoded values begin at number 0 again", "[encoded_values]") {
  EncodedValues values;
  values.add("before");
  values.clear();
  values.add("now");
  CHECK(values[0] == "now");
  CHECK(values.last_size() == 3);
}
