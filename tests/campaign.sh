#!/usr/bin/env bash
# The campaign: everything that finds out more the longer it runs, and what takes too long for each day.
#
# Usage: bash tests/campaign.sh [--minutes N] [--seed N] [PIECE]...      all pieces, 30 minutes, seed 1 if not told
#   fuzz         libFuzzer on all that comes from outside, and on operation sequences beside a model: 10^7 runs each
#   histories    10^8 operations of 2 to 16 threads on every cache in memory, checked for impossible reads
#   failures     each allocation, copy, hash, comparison, weigher, listener, loader and codec failing in turn
#   faults       10^6 operations on each store behind a network and servers that fail; kills, resharding, fail-over
#   soak         mixed load on caches under every policy: memory, latencies and counters
#   portability  32 bits, no RTTI, libc++, C++23: the tests, not only a program
#   sanitizers   the tests under ASan+UBSan and TSan by g++ and clang++, libstdc++'s debug mode, valgrind
#
# A piece ends with its work or with its share of the time, whichever comes first; one for whose beginning there is no
# time left is left out, and the table says so. Prints a table at its end, which is in build/campaign/results.md, and
# fails if there was a finding. Builds in build/campaign-* (or $LARDER_BUILD_DIR/campaign-*).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${LARDER_BUILD_DIR:-$PWD/build}
source tests/setup.sh

minutes=30
seed=1
pieces=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --minutes | --seed)
      [[ ${2:-} =~ ^[0-9]+$ && $2 -gt 0 ]] || fail "$1 needs a number"
      if [[ $1 == --minutes ]]; then minutes=$2; else seed=$2; fi
      shift 2
      ;;
    fuzz | histories | failures | faults | soak | portability | sanitizers)
      pieces+=("$1")
      shift
      ;;
    *) fail "there is no piece '$1'; there are: fuzz histories failures faults soak portability sanitizers" ;;
  esac
done
if [[ ${#pieces[@]} -eq 0 ]]; then pieces=(fuzz histories failures faults soak portability sanitizers); fi

logs=$build/campaign
results=$logs/results.md
findings=0
mkdir -p "$logs"
printf '| piece | what | done | seed | time | findings |\n| --- | --- | --- | --- | --- | --- |\n' > "$results"

# row PIECE WHAT DONE SECONDS FINDINGS
row() {
  printf '| %s | %s | %s | %s | %s s | %s |\n' "$1" "$2" "$3" "$seed" "$4" "$5" | tee -a "$results"
  if [[ $5 != 0 && $5 != none ]]; then findings=$((findings + 1)); fi
}

# The seconds left of the whole.
seconds_left() { printf '%s' $((minutes * 60 - SECONDS > 0 ? minutes * 60 - SECONDS : 0)); }

# The seconds for a piece that is to have so many of a hundred parts of the whole, and no more than are left.
# share PARTS
share() {
  local wanted=$((minutes * 60 * $1 / 100)) left
  # Alone, a piece has all the time.
  if [[ ${#pieces[@]} -eq 1 ]]; then wanted=$((minutes * 60)); fi
  left=$(seconds_left)
  printf '%s' $((wanted < left ? wanted : left))
}

# configure_and_build NAME PRESET 'OPTION|OPTION...' TARGET...
configure_and_build() {
  local name=$1 preset=$2 options
  IFS='|' read -ra options <<< "$3"
  shift 3
  say "$name: building"
  quietly "$logs/$name-configure" cmake --preset "$preset" -B "$build/campaign-$name" -DLARDER_TESTS_AT_ONCE=10 \
    -DLARDER_DYNALITE="$dynalite" -DLARDER_BUILD_BENCHMARKS=OFF -DLARDER_BUILD_EXAMPLES=OFF -DLARDER_README= \
    "${options[@]}"
  quietly "$logs/$name-build" cmake --build "$build/campaign-$name" --parallel "$(jobs_at_once)" --target "$@"
}

# What a program of the campaign did, and how many checks Catch2 made, by their logs.
operations_in() { grep -E 'operations: |: at most ' "$1" | sed 's/^[A-Z][A-Za-z]*: //' | paste -sd';'; }
checks_in() { printf '%s assertions' "$(sed -n 's/.*passed (\([0-9]*\) assertions.*/\1/p' "$1" | paste -sd+ | bc)"; }

# Whether there is time to begin; if not, the table says so.   may_begin PIECE WHAT
may_begin() {
  if [[ $(seconds_left) -gt 0 ]]; then return; fi
  row "$1" "$2" "left out: no time left, give it more --minutes" 0 none
  return 1
}

# Runs a command, whose log SUMMARY makes a line of.   run_counted PIECE WHAT SUMMARY COMMAND...
run_counted() {
  local piece=$1 what=$2 summary=$3 begun=$SECONDS log
  log=$logs/$piece-${what//[^A-Za-z0-9]/_}
  shift 3
  may_begin "$piece" "$what" || return 0
  if "$@" > "$log" 2>&1; then
    row "$piece" "$what" "$("$summary" "$log")" $((SECONDS - begun)) 0
  else
    tail -n 60 "$log" >&2
    row "$piece" "$what" "see $log" $((SECONDS - begun)) 1
  fi
}

fuzz_one() {
  local name=$1 seconds=$2 log=$logs/fuzz-$1 found=$build/campaign-fuzz/tests/fuzz/found/$1 coverage=()
  mkdir -p "$found"
  # How often a hundred operations take each branch is new each time.
  if [[ $name == in_memory ]]; then coverage=(-use_counters=0); fi
  # Without the scheduling by entropy, which takes more time than the inputs do.
  if "$build/campaign-fuzz/tests/fuzz/larder_fuzz_$name" -runs=10000000 -max_total_time="$seconds" -seed="$seed" \
    -max_len=256 -entropic=0 "${coverage[@]}" -print_funcs=0 -timeout=20 -rss_limit_mb=3072 -print_final_stats=1 \
    -artifact_prefix="$logs/finding-$name-" "$found" "tests/fuzz/corpus/$name" > "$log" 2>&1; then
    printf '0 '
  else
    printf '1 '
  fi
  sed -n 's/^stat::number_of_executed_units: *//p' "$log"
}

run_fuzz() {
  local names=() name seconds begun
  configure_and_build fuzz fuzz "" larder_fuzzers
  for name in tests/fuzz/*_fuzz.cpp; do
    name=${name##*/}
    names+=("${name%_fuzz.cpp}")
  done
  may_begin fuzz "all targets" || return 0
  # As many at once as there are processors; zero would be for ever.
  seconds=$(($(share 30) * $(jobs_at_once) / ${#names[@]} + 1))
  say "fuzz: ${#names[@]} targets, $seconds s each, $(jobs_at_once) at once"
  local running=()
  for name in "${names[@]}"; do
    (
      began=$SECONDS
      fuzz_one "$name" "$seconds" > "$logs/fuzz-$name-result"
      printf '%s\n' $((SECONDS - began)) >> "$logs/fuzz-$name-result"
    ) &
    running+=($!)
    if [[ ${#running[@]} -ge $(jobs_at_once) ]]; then
      wait "${running[0]}" || true
      running=("${running[@]:1}")
    fi
  done
  # Not for all: the installation that goes on beside this has somebody else to wait for it.
  wait "${running[@]}" || true
  for name in "${names[@]}"; do
    { read -r failed executions && read -r begun; } < "$logs/fuzz-$name-result"
    row fuzz "$name" "$executions executions" "$begun" "$failed"
  done
}

build_programs() { configure_and_build programs campaign "" larder_campaign; }

run_histories() {
  local seconds
  build_programs
  seconds=$(share 10)
  run_counted histories "caches in memory" operations_in "$build/campaign-programs/tests/campaign/larder_histories" \
    --operations=100000000 --seconds="$seconds" --seed="$seed"
}

build_suite() {
  configure_and_build suite campaign "" larder_allocation_tests larder_tests larder_remote_tests
  wait_for_dynalite
  export LARDER_DYNALITE=$dynalite
}

all_failures() {
  "$build/campaign-suite/tests/larder_allocation_tests" "[exceptions],[loading]" &&
    "$build/campaign-suite/tests/larder_tests" "[exceptions],[listener]" &&
    "$build/campaign-suite/tests/larder_remote_tests" "[codec]"
}

run_failures() {
  build_suite
  run_counted failures "each in turn, in every operation" checks_in all_failures
}

run_faults() {
  local seconds
  build_programs
  build_suite
  seconds=$(($(share 25) / 4 + 1))
  for store in redis memcached dynamodb; do
    run_counted faults "$store" operations_in "$build/campaign-programs/tests/campaign/larder_store_faults" \
      --redis=0 --memcached=0 --dynamodb=0 "--$store=1000000" --seconds="$seconds" --seed="$seed"
  done
  run_counted faults "kills, moving slots, fail-over, lost links" checks_in \
    "$build/campaign-suite/tests/larder_remote_tests" "[campaign]"
}

run_soak() {
  local seconds windows heaps names=("a heap for each" "one heap")
  build_programs
  # Twice; a third is for the comparison with a process that has just begun, which takes three minutes at most.
  seconds=$(($(share 25) / 2))
  if [[ $seconds -gt 540 ]]; then seconds=$((seconds - 180)); else seconds=$((seconds * 2 / 3 + 1)); fi
  if [[ $seconds -gt 3600 ]]; then seconds=3600; fi
  # A window is to be long enough for the caches to fill again.
  windows=$((seconds / 5))
  windows=$((windows < 12 ? 12 : windows > 60 ? 60 : windows))
  # With a heap for each thread, as glibc has it, and with one for all.
  for heaps in 0 1; do
    run_counted soak "five policies, 2 threads, ${names[heaps]}" operations_in \
      "$build/campaign-programs/tests/campaign/larder_soak" --seconds="$seconds" --windows="$windows" \
      --arenas="$heaps" --seed="$seed"
  done
}

# The suite, built in another way.   suite PIECE NAME PRESET 'OPTION|OPTION...' 'TARGET...' OPTION OF CTEST...
suite() {
  local piece=$1 name=$2 preset=$3 options=$4 targets begun=$SECONDS log=$logs/suite-$2 launcher=()
  read -ra targets <<< "$5"
  shift 5
  may_begin "$piece" "$name" || return 0
  if setarch -R true 2> /dev/null; then launcher=(setarch -R); fi
  configure_and_build "$name" "$preset" "$options" "${targets[@]}"
  wait_for_dynalite
  say "$name: testing"
  if "${launcher[@]}" ctest --test-dir "$build/campaign-$name" --no-tests=error --output-on-failure \
    --parallel "$(jobs_at_once)" "$@" > "$log" 2>&1; then
    row "$piece" "$name" "$(grep -E 'tests passed' "$log")" $((SECONDS - begun)) 0
  else
    tail -n 100 "$log" >&2
    row "$piece" "$name" "see $log" $((SECONDS - begun)) 1
  fi
}

local_programs="larder_tests larder_thread_tests larder_contract_tests larder_allocation_tests"
local_tests='^tests(\.model|\.threads|\.contract|\.contract\..*|\.allocation)?$'

# ThreadSanitizer has an operator new of its own.
thread_programs="larder_tests larder_thread_tests larder_contract_tests larder_histories"
thread_tests='^tests(\.model|\.threads|\.contract|\.contract\..*)?$|^campaign.histories$'

# A kernel may run programs of one size of word only.
runs_32_bits() {
  printf 'int main() {}\n' > "$logs/empty.cpp"
  g++ -m32 -o "$logs/empty" "$logs/empty.cpp" && "$logs/empty"
} 2> /dev/null

run_portability() {
  if runs_32_bits; then
    suite portability m32 dev "-DCMAKE_CXX_FLAGS=-m32" "$local_programs" --tests-regex "$local_tests"
  else
    row portability m32 "left out: this kernel runs no programs of 32 bits" 0 none
  fi
  suite portability cxx23 dev "-DCMAKE_CXX_STANDARD=23" "$local_programs" --tests-regex "$local_tests"
  suite portability libcxx clang "-DCMAKE_CXX_FLAGS=-stdlib=libc++|-DCMAKE_BUILD_TYPE=Debug" "$local_programs" \
    --tests-regex "$local_tests"
}

run_sanitizers() {
  local asan="-O0 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
  local tsan="-O0 -g1 -fno-omit-frame-pointer -fsanitize=thread"
  suite sanitizers asan_clang asan "" "$local_programs larder_remote_tests larder_replay_tests" --tests-regex '^tests'
  suite sanitizers tsan_clang tsan "" "$thread_programs larder_remote_tests" --tests-regex "$thread_tests|^tests.remote"
  suite sanitizers asan_gcc asan "-DCMAKE_CXX_COMPILER=g++|-DLARDER_BUILD_FUZZERS=OFF|-DCMAKE_CXX_FLAGS_DEBUG=$asan" \
    "$local_programs larder_remote_tests" --tests-regex "$local_tests|^tests.remote"
  suite sanitizers tsan_gcc tsan "-DCMAKE_CXX_COMPILER=g++|-DCMAKE_CXX_FLAGS_DEBUG=$tsan" \
    "$thread_programs larder_remote_tests" --tests-regex "$thread_tests|^tests.remote"
  suite sanitizers debug_mode dev "-DCMAKE_CXX_FLAGS=-D_GLIBCXX_DEBUG" \
    "$local_programs larder_remote_tests" --tests-regex "$local_tests|^tests.remote"
  valgrind_suite
}

valgrind_suite() {
  local begun=$SECONDS log=$logs/valgrind
  may_begin sanitizers valgrind || return 0
  build_suite
  say "valgrind: testing"
  # What measures time, or asks malloc, would measure valgrind.
  if valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
    "$build/campaign-suite/tests/larder_tests" "~[model]~[timing]~[heap]" > "$log" 2>&1; then
    row sanitizers valgrind "$(tail -n 3 "$log" | grep -E 'passed')" $((SECONDS - begun)) 0
  else
    tail -n 100 "$log" >&2
    row sanitizers valgrind "see $log" $((SECONDS - begun)) 1
  fi
}

install_missing cmake ninja-build g++ g++-multilib catch2 xz-utils zstd bc libgtest-dev \
  redis-server memcached openssl libhiredis-dev libssl-dev nlohmann-json3-dev libcurl4-openssl-dev libzstd-dev \
  clang libclang-rt-dev llvm libc++-14-dev libc++abi-14-dev valgrind pkg-config
install_dynalite_meanwhile
for piece in "${pieces[@]}"; do
  if may_begin "$piece" "all of it"; then "run_$piece"; fi
done
wait_for_dynalite
say "campaign: $minutes minutes, seed $seed, $(nproc) processors: ${SECONDS} s, findings: $findings"
cat "$results"
if [[ $findings -ne 0 ]]; then fail "there are findings"; fi
