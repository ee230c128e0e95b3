#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests.
#
# Usage: bash tests/run.sh [PIECE]...      gcc, asan and tsan if none is named:
#   gcc     g++: tests, benchmarks, examples; each header alone; the package; the README's snippets
#   asan    the tests and, for a moment, the fuzzers, by clang++ with AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan    the tests that start threads, by clang++ with ThreadSanitizer
#   clang   what gcc does, by clang++ and optimised further; left out unless it is named, since it takes its time
#
# What finds out more the longer it runs has a longer version: tests/campaign.sh.
#
# Builds in build/ (or $LARDER_BUILD_DIR), with $CMAKE_BUILD_PARALLEL_LEVEL compilers at once (default: as many as
# there are processors). May be run again, and then builds only what has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${LARDER_BUILD_DIR:-$PWD/build}
source tests/setup.sh

# configure_and_build PRESET [TARGET]...
configure_and_build() {
  local preset=$1 at_once=30 without=()
  shift
  # Somewhere each test file must be seen to compile by itself.
  if [[ $preset == clang ]]; then at_once=1; fi
  say "$preset: building"
  # The lines for a debugger take a tenth of the time. Where threads race, they are what there is to go by.
  if [[ $preset != tsan ]]; then without=(-DCMAKE_CXX_FLAGS=); fi
  quietly "$build/logs/$preset-configure" cmake --preset "$preset" -B "$build/$preset" "${without[@]}" \
    -DLARDER_TESTS_AT_ONCE="$at_once" -DLARDER_DYNALITE="$dynalite"
  grep 'larder:' "$build/logs/$preset-configure" || true
  quietly "$build/logs/$preset-build" cmake --build "$build/$preset" --parallel "$(jobs_at_once)" --target "$@"
}

# run_tests PRESET [OPTION OF CTEST]...
run_tests() {
  local preset=$1 launcher=()
  shift
  # Clang 14's sanitizers may fail to start where addresses are very random; not everywhere may one ask for less.
  if [[ $preset == *san ]] && setarch -R true 2> /dev/null; then launcher=(setarch -R); fi
  wait_for_dynalite
  say "$preset: testing"
  # Two more than there are processors, since two of the longest do nothing but wait for a clock.
  "${launcher[@]}" ctest --test-dir "$build/$preset" --output-on-failure --no-tests=error --no-label-summary \
    --parallel "$(($(jobs_at_once) + 2))" "$@"
}

run_gcc() {
  configure_and_build dev all all_verify_interface_header_sets
  run_tests dev
}

run_clang() {
  configure_and_build clang all all_verify_interface_header_sets
  run_tests clang
}

run_asan() {
  configure_and_build asan larder_tests larder_thread_tests larder_contract_tests larder_allocation_tests \
    larder_remote_tests larder_replay_tests larder_campaign larder_portability_libcxx larder_fuzzers
  # What real traces must give, g++ compares.
  run_tests asan --tests-regex '^(tests|campaign|portability|fuzz)' --exclude-regex reference
}

run_tsan() {
  configure_and_build tsan larder_thread_tests larder_contract_tests larder_remote_tests larder_histories
  run_tests tsan --label-regex threads
}

pieces=("$@")
if [[ ${#pieces[@]} -eq 0 ]]; then pieces=(gcc asan tsan); fi
packages=(cmake ninja-build g++ g++-multilib catch2 libgtest-dev xz-utils gnuplot-nox
          libbenchmark-dev libboost1.81-dev libleveldb-dev librocksdb-dev
          redis-server memcached openssl libhiredis-dev libssl-dev nlohmann-json3-dev libcurl4-openssl-dev
          libmemcached-dev libzstd-dev libsqlite3-dev zstd libcpp-httplib-dev pkg-config prometheus)
if [[ "${pieces[*]}" != gcc ]]; then packages+=(clang libclang-rt-dev llvm libc++-14-dev libc++abi-14-dev); fi
for piece in "${pieces[@]}"; do
  case $piece in
    gcc | clang | asan | tsan) ;;
    *) fail "there is no piece '$piece'; there are: gcc clang asan tsan" ;;
  esac
done

install_missing "${packages[@]}"
install_dynalite_meanwhile
for piece in "${pieces[@]}"; do
  started=$SECONDS
  "run_$piece"
  say "$piece: passed in $((SECONDS - started)) s"
done
say "larder: all tests passed (${pieces[*]}), in $SECONDS s"
