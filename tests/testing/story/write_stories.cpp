/// \file write_stories.cpp
/// Prints a program made of the stories that the contract kit tells of broken backends: what it prints must compile.
#include <cstddef>
#include <iostream>
#include <memory>
#include <string>

#include <larder/testing/manual_clock.hpp>

#include "tests/support/contract.hpp"
#include "tests/support/mutant_backend.hpp"

using larder::testing::BackendRequest;
using larder_tests::Mutation;

int main() {
  using enum Mutation;
  std::cout << "#include <chrono>\n#include <map>\n#include <string>\n#include <thread>\n#include <vector>\n\n"
               "#include <larder/larder.hpp>\n#include <larder/testing/manual_clock.hpp>\n\n"
               "using namespace std::literals;\n\n"
               "struct Traits : larder::InMemoryTraits<> {\n  using Clock = larder::testing::ManualClock;\n};\n"
               "using Cache = larder::InMemoryBackend<std::string, larder::Bytes, Traits>;\n\n"
               "int main() {\n";
  std::size_t stories = 0;
  // Enough to hear of every operation.
  for (const Mutation mutation :
       {keeps_ttl_on_overwrite, get_entry_hides_expiry, metadata_lost, large_ttl_overflows, key_truncated_at_nul,
        key_truncated_at_250, value_truncated_at_64k, empty_value_is_a_miss, keys_ignores_pattern,
        reset_stats_forgets_hits, get_many_reverses_order, set_many_first_duplicate_wins, erase_many_returns_size,
        clear_returns_zero, set_if_absent_forgets_ttl, touch_drops_metadata, listener_told_twice,
        evicts_key_being_written, torn_value_under_threads}) {
    const larder::testing::ManualClock clock;
    const larder::testing::BackendContract<> contract({
        .name = to_string(mutation),
        .make =
            [=](const BackendRequest<>& request) {
              return std::make_unique<larder_tests::MutantBackend>(
                  mutation, clock,
                  larder_tests::MutantOptions{.max_size_bytes = request.max_size_bytes,
                                              .on_removal = request.on_removal});
            },
        .clock = clock,
        .options = {.sequences = 300, .history_operations = 2000},
    });
    for (const auto& check : contract.checks()) {
      const auto result = check.run();
      if (result.story.empty()) continue;
      ++stories;
      std::cout << "{  // " << result.name << "\n  larder::testing::ManualClock clock;\n"
                << "  Cache cache{{.clock = clock}};\n  Cache other{{.clock = clock}};\n"
                << result.story << "}\n";
    }
  }
  std::cout << "}\n";
  return stories > 50 ? 0 : 1;
}
