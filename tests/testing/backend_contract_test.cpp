/// \file backend_contract_test.cpp
/// What the contract kit makes of what it is given. Whether it finds bugs is in backend_contract_mutants_test.cpp.
#include <larder/testing/backend_contract.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <larder/in_memory_backend.hpp>
#include <larder/layers/forwarding_backend.hpp>
#include <larder/testing/manual_clock.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/fixture.hpp"
#include "tests/support/mutant_backend.hpp"
#include "tests/support/narrow_backend.hpp"
#include "tests/support/six_functions.hpp"

using Catch::Matchers::ContainsSubstring;
using larder::BackendCapabilities;
using larder::testing::BackendContract;
using larder::testing::BackendRequest;
using larder::testing::CheckResult;
using larder::testing::ContractCheck;
using larder::testing::ContractSubject;
using larder::testing::ManualClock;
using larder::testing::Verdict;
using larder_tests::MutantBackend;
using larder_tests::Mutation;
using namespace std::chrono_literals;

namespace {

/// The result of the check with this name, which must be there.
CheckResult result_of(const BackendContract<>& contract, std::string_view name) {
  for (const ContractCheck& check : contract.checks()) {
    if (check.name() == name) return check.run();
  }
  throw std::logic_error("there is no check " + std::string(name));
}

CheckResult first_result(ContractSubject<> subject) {
  return BackendContract<>(std::move(subject)).checks().front().run();
}

/// The naive reference, or one with a bug.
ContractSubject<> subject_with(Mutation mutation) {
  const ManualClock clock;
  return {
      .name = "MutantBackend",
      .make = [=] { return std::make_unique<MutantBackend>(mutation, clock); },
      .clock = clock,
  };
}

}  // namespace

TEST_CASE("each check has a name of its own, and can be run more than once") {
  const BackendContract<> contract(subject_with(Mutation::none));
  std::set<std::string> names;
  for (const ContractCheck& check : contract.checks()) names.insert(check.name());
  CHECK(names.size() == contract.checks().size());
  CHECK(names.size() > 150);
  const ContractCheck& check = contract.checks().front();
  CHECK(check.run().verdict == Verdict::passed);
  CHECK(check.run().verdict == Verdict::passed);
}

TEST_CASE("a failed check tells what was expected, and the calls that show it") {
  const BackendContract<> contract(subject_with(Mutation::keeps_ttl_on_overwrite));
  const CheckResult result = result_of(contract, "overwriting: set clears the old TTL if it has none");
  CHECK(result.verdict == Verdict::failed);
  CHECK_FALSE(result.ok());
  CHECK_THAT(result.reason, ContainsSubstring("expected: the new value"));
  CHECK(result.story ==
        "  // cache is a fresh MutantBackend\n"
        "  cache.set(\"k\", \"old\", 10ms);  // true\n"
        "  cache.set(\"k\", \"new\");  // true\n"
        "  clock.advance(10ms);\n"
        "  cache.get(\"k\");  // a miss\n");
  CHECK_THAT(result.to_text(), ContainsSubstring("failed: overwriting: set clears") && ContainsSubstring(result.story));
}

TEST_CASE("a random sequence that fails is shrunk to the calls that matter, and its seed is told") {
  ContractSubject<> subject = subject_with(Mutation::keeps_ttl_on_overwrite);
  subject.options.seed = 7;
  const CheckResult result =
      result_of(BackendContract<>(std::move(subject)), "random: sequences of operations agree with the model");
  CHECK(result.verdict == Verdict::failed);
  CHECK_THAT(result.reason, ContainsSubstring("ContractOptions::seed = 7"));
  INFO(result.story);
  CHECK(std::count(result.story.begin(), result.story.end(), '\n') <= 5);
}

TEST_CASE("a random sequence that fails once, and not again, is told as it was when it failed") {
  /// One hit, of all that the check's caches ever have, is a miss.
  class OnceForgetful final : public larder::ForwardingBackend<> {
   public:
    OnceForgetful(const ManualClock& clock, std::shared_ptr<int> hits)
        : ForwardingBackend(std::make_shared<MutantBackend>(Mutation::none, clock), "OnceForgetful"),
          hits_(std::move(hits)) {}

   private:
    std::optional<larder::Bytes> do_get(std::string_view key) override {
      auto value = wrapped().get(key);
      if (value && ++*hits_ == 30) return std::nullopt;
      return value;
    }

    std::shared_ptr<int> hits_;
  };
  const ManualClock clock;
  const auto hits = std::make_shared<int>(0);
  const ContractSubject<> subject{
      .name = "OnceForgetful",
      .make = [=] { return std::make_unique<OnceForgetful>(clock, hits); },
      .clock = clock,
  };
  const CheckResult result =
      result_of(BackendContract<>(subject), "random: sequences of operations agree with the model");
  REQUIRE(result.verdict == Verdict::failed);
  CHECK_THAT(result.reason, ContainsSubstring("in the last call (found by a random sequence"));
  CHECK_THAT(result.story,
             ContainsSubstring("  // a miss\n  // carried out once more, the same calls gave no wrong answer"));
}

TEST_CASE("the same seed gives the same story") {
  const auto story = [](std::uint64_t seed) {
    ContractSubject<> subject = subject_with(Mutation::erase_of_absent_returns_true);
    subject.options.seed = seed;
    return result_of(BackendContract<>(std::move(subject)), "random: sequences of operations agree with the model")
        .to_text();
  };
  CHECK(story(3) == story(3));
}

TEST_CASE("the setup is blamed, and not the backend, where there is no backend") {
  const CheckResult nothing = first_result({});
  CHECK(nothing.verdict == Verdict::invalid_setup);
  CHECK_THAT(nothing.reason, ContainsSubstring("make is not given"));
  const CheckResult null = first_result({.make = [] { return std::unique_ptr<MutantBackend>(); }});
  CHECK(null.verdict == Verdict::invalid_setup);
  CHECK_THAT(null.reason, ContainsSubstring("returned no backend"));
  const CheckResult thrown =
      first_result({.make = []() -> std::unique_ptr<MutantBackend> { throw std::runtime_error("no server"); }});
  CHECK(thrown.verdict == Verdict::invalid_setup);
  CHECK_THAT(thrown.reason, ContainsSubstring("the factory threw std::exception: no server"));
}

TEST_CASE("a factory that returns a used backend is told so, in every check") {
  const auto only = std::make_shared<MutantBackend>(Mutation::none, ManualClock());
  const BackendContract<> contract({.make = [only] { return only; }});
  const CheckResult twice = contract.checks().front().run();
  CHECK(twice.verdict == Verdict::invalid_setup);
  CHECK_THAT(twice.reason, ContainsSubstring("the same backend twice"));
  for (const ContractCheck& check : contract.checks()) {
    const CheckResult result = check.run();
    INFO(result.to_text());
    CHECK((result.verdict == Verdict::invalid_setup || result.verdict == Verdict::not_applicable));
  }
}

TEST_CASE("a used backend shows by its statistics, by its keys, or by what is found in it") {
  const auto used = [](BackendCapabilities capabilities, auto use) {
    const CheckResult result = first_result({.make =
                                                 [use] {
                                                   auto backend =
                                                       std::make_unique<MutantBackend>(Mutation::none, ManualClock());
                                                   use(*backend);
                                                   return backend;
                                                 },
                                             .capabilities = capabilities});
    CHECK(result.verdict == Verdict::invalid_setup);
    return result.reason;
  };
  CHECK_THAT(used({}, [](MutantBackend& backend) { backend.get("k"); }), ContainsSubstring("misses=1"));
  CHECK_THAT(used({}, [](MutantBackend& backend) { backend.set("k", "v"), backend.reset_stats(); }),
             ContainsSubstring("current_entries=1"));
  // Two backends of one store that has no statistics: the second one sees what the first one stored.
  const auto store = std::make_shared<larder_tests::SixFunctions>();
  struct View final : larder::CacheBackend<> {
    explicit View(std::shared_ptr<larder_tests::SixFunctions> shared) : store(std::move(shared)) {}
    std::optional<larder::Bytes> do_get(std::string_view key) override { return store->get(key); }
    bool do_set(std::string_view key, larder::Bytes value, larder::Ttl, larder::Metadata) override {
      return store->set(key, value);
    }
    bool do_erase(std::string_view key) override { return store->erase(key); }
    bool do_exists(std::string_view key) override { return store->exists(key); }
    std::size_t do_clear() override { return store->clear(); }
    larder::CacheStats do_stats() const override { return {}; }
    std::shared_ptr<larder_tests::SixFunctions> store;
  };
  const BackendContract<> shared(
      {.make = [store] { return std::make_unique<View>(store); },
       .capabilities = BackendCapabilities{.enumerable_keys = false, .exact_size_accounting = false}});
  const CheckResult result = shared.checks().front().run();
  CHECK(result.verdict != Verdict::passed);
  CHECK_THAT(result.reason, ContainsSubstring("each backend that the factory makes has its own entries"));
}

TEST_CASE("capabilities that contradict each other, or the factory, are told so") {
  const auto make = [] { return std::make_unique<MutantBackend>(Mutation::none, ManualClock()); };
  const auto reason = [&](BackendCapabilities capabilities) {
    const CheckResult result = first_result({.make = make, .capabilities = capabilities});
    CHECK(result.verdict == Verdict::invalid_setup);
    return result.reason;
  };
  CHECK_THAT(reason({.ttl_granularity = 0ms}), ContainsSubstring("contradict each other: ttl_granularity = 0 ms"));
  CHECK_THAT(reason({.largest_key = 0}), ContainsSubstring("contradict each other: largest_key = 0"));
  CHECK_THAT(reason({.size_limit = true}), ContainsSubstring("size_limit, but the factory takes no BackendRequest"));
  CHECK_THAT(reason({.removal_listener = true}),
             ContainsSubstring("removal_listener, but the factory takes no BackendRequest"));
  // A factory that is asked for a limit and gives none.
  const BackendContract<> deaf({.make = [make](const BackendRequest<>&) { return make(); }});
  const CheckResult result = result_of(deaf, "setup: the capabilities are true");
  CHECK(result.verdict == Verdict::invalid_setup);
  CHECK_THAT(result.reason, ContainsSubstring("asked to hold at most"));
}

TEST_CASE("capabilities that the backend does not show are told so") {
  const BackendContract<> contract({.make = [] { return std::make_unique<larder_tests::SixFunctions>(); },
                                    .capabilities = BackendCapabilities{.enumerable_keys = false, .entries = false}});
  const CheckResult result = result_of(contract, "setup: the capabilities are true");
  CHECK(result.verdict == Verdict::invalid_setup);
  CHECK_THAT(result.reason, ContainsSubstring("exact_size_accounting"));
}

TEST_CASE("what a backend cannot do by its capabilities is checked to be refused, or said not to apply") {
  const BackendContract<> contract({.make = [] { return std::make_unique<larder_tests::SixFunctions>(); },
                                    .capabilities = BackendCapabilities{.enumerable_keys = false,
                                                                        .entries = false,
                                                                        .conditional_set = false,
                                                                        .touch = false,
                                                                        .largest_value = 1000,
                                                                        .request_counters = false,
                                                                        .removal_counters = false,
                                                                        .resettable_stats = false,
                                                                        .exact_size_accounting = false}});
  CHECK(result_of(contract, "patterns: keys lists each key once").verdict == Verdict::passed);
  CHECK(result_of(contract, "entries: metadata come back").verdict == Verdict::passed);
  CHECK(result_of(contract, "counting: reset_stats zeroes the counters and keeps the entries").verdict ==
        Verdict::passed);
  CHECK(result_of(contract, "values: one that is too large is declined, and no older one survives").verdict ==
        Verdict::passed);
  CHECK(result_of(contract, "set_if_absent, touch: what is not offered is refused").verdict == Verdict::passed);
  CHECK(result_of(contract, "values: a value of 1 MB round-trips").verdict == Verdict::passed);
  const CheckResult listener = result_of(contract, "listener: it hears of what is erased");
  CHECK(listener.verdict == Verdict::not_applicable);
  CHECK(listener.ok());
  CHECK_THAT(listener.reason, ContainsSubstring("removal_listener = false"));
}

TEST_CASE("a capability that promises less than the backend does is no excuse") {
  // It says that it cannot list keys, and does.
  ContractSubject<> subject = subject_with(Mutation::none);
  subject.capabilities = BackendCapabilities{.enumerable_keys = false};
  CHECK(result_of(BackendContract<>(subject), "patterns: keys lists each key once").verdict == Verdict::failed);
  subject.capabilities = BackendCapabilities{.request_counters = false};
  CHECK(result_of(BackendContract<>(subject), "counting: what is not counted stays 0").verdict == Verdict::failed);
  subject.capabilities = BackendCapabilities{.expiry = false};
  CHECK(result_of(BackendContract<>(subject), "expiry: a TTL is refused where there are none").verdict ==
        Verdict::failed);
  const char* const refused = "set_if_absent, touch: what is not offered is refused";
  CHECK(result_of(BackendContract<>(subject), refused).verdict == Verdict::failed);
  subject.capabilities = BackendCapabilities{.conditional_set = false};
  CHECK(result_of(BackendContract<>(subject), refused).verdict == Verdict::failed);
  subject.capabilities = BackendCapabilities{.touch = false};
  CHECK(result_of(BackendContract<>(subject), refused).verdict == Verdict::failed);
  subject.capabilities = BackendCapabilities{.creation_times = false};
  CHECK(result_of(BackendContract<>(subject), "overwriting: set renews created_at").verdict == Verdict::failed);
  CHECK(result_of(BackendContract<>(subject), "entries: get_entry tells when an entry was made and when it expires")
            .verdict == Verdict::failed);
  subject.capabilities = BackendCapabilities{.largest_key = 100};
  CHECK(result_of(BackendContract<>(subject), "keys: one that is too long is refused, and nothing is lost").verdict ==
        Verdict::failed);
}

TEST_CASE("the capabilities of the class are taken where none are given") {
  using Traits = larder_tests::OnManualClock<larder::InMemoryTraits<>>;
  const ManualClock clock;
  const BackendContract<> contract({.make =
                                        [clock](const BackendRequest<>& request) {
                                          using Backend = larder::InMemoryBackend<std::string, larder::Bytes, Traits>;
                                          return std::make_unique<Backend>(Backend::Options{
                                              .max_size_bytes = request.max_size_bytes.value_or(1 << 28),
                                              .on_removal = request.on_removal,
                                              .clock = clock});
                                        },
                                    .clock = clock});
  CHECK(result_of(contract, "listener: it hears of what is erased").verdict == Verdict::passed);
  CHECK(result_of(contract, "limit: it holds after every operation").verdict == Verdict::passed);
}

TEST_CASE("keys and values of a type that the kit does not know must be explained to it") {
  struct Point {
    int x;
    std::size_t size_bytes() const { return sizeof(Point); }
  };
  const BackendContract<std::string, Point> contract(
      {.make = [] { return std::make_unique<larder::InMemoryBackend<std::string, Point>>(); }});
  const CheckResult result = contract.checks().front().run();
  CHECK(result.verdict == Verdict::invalid_setup);
  CHECK_THAT(result.reason, ContainsSubstring("samples.value is not given"));
}

TEST_CASE("a whole run prints what is wrong, and a summary") {
  std::ostringstream out;
  CHECK(BackendContract<>(subject_with(Mutation::none)).run(out, larder::testing::Report::failures));
  CHECK_THAT(out.str(), ContainsSubstring("MutantBackend: ") && ContainsSubstring(" passed, ") &&
                            ContainsSubstring(" not applicable\n"));
  const std::string summary = out.str();
  CHECK(std::count(summary.begin(), summary.end(), '\n') == 1);
  std::ostringstream wrong;
  CHECK_FALSE(BackendContract<>(subject_with(Mutation::empty_value_is_a_miss)).run(wrong));
  CHECK_THAT(wrong.str(), ContainsSubstring("failed: values: an empty one is a hit") &&
                              ContainsSubstring("): removal_listener = false\n"));
  std::ostringstream invalid;
  CHECK_FALSE(BackendContract<>({}).run(invalid));
  CHECK_THAT(invalid.str(),
             ContainsSubstring("invalid setup: setup: ") && ContainsSubstring("cache: 1 invalid setup\n"));
}

TEST_CASE("a backend that can do little, and declares it, keeps the contract") {
  const ManualClock clock;
  for (const bool expires : {true, false}) {
    const BackendContract<> contract({
        .name = "NarrowBackend",
        .make = [clock, expires] { return std::make_unique<larder_tests::NarrowBackend>(clock, expires); },
        .capabilities =
            expires ? larder_tests::NarrowBackend::capabilities : larder_tests::NarrowBackend::capabilities_without_ttl,
        .clock = clock,
        .options = {.sequences = 200},
    });
    std::size_t passed = 0;
    for (const ContractCheck& check : contract.checks()) {
      const CheckResult result = check.run();
      INFO(result.to_text());
      CHECK(result.ok());
      passed += result.verdict == Verdict::passed ? 1 : 0;
    }
    CHECK(passed > (expires ? 80 : 50));
  }
}
