/// \file forwarding_backend_test.cpp
/// ForwardingBackend: a layer that overrides nothing is not noticed.
#include <larder/layers/forwarding_backend.hpp>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/call_witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"

namespace {

class Plain final : public larder::ForwardingBackend<> {
 public:
  explicit Plain(std::shared_ptr<larder::CacheBackend<>> wrapped) : ForwardingBackend(std::move(wrapped), "Plain") {}
};

}  // namespace

TEST_CASE("ForwardingBackend: each call is one call of the wrapped cache, the same", "[forwarding]") {
  const auto store = std::make_shared<larder_tests::CallWitness>();
  Plain layer(store);
  for (const auto& named : larder_tests::all_calls()) {
    INFO(named.name);
    named.call(*store);
    const std::string expected = store->take_calls();
    named.call(layer);
    CHECK(store->take_calls() == expected);
  }
  CHECK(layer.get("k") == store->get("k"));
  CHECK(layer.stats() == store->stats());
  CHECK(layer.can_list_keys() == store->can_list_keys());
}

TEST_CASE("ForwardingBackend: over nothing it is refused, by its own name", "[forwarding]") {
  CHECK(larder_tests::message_of<larder::InvalidArgumentError>([] { Plain layer(nullptr); }) ==
        "Plain: wrapped = nullptr, but there must be a cache");
}
