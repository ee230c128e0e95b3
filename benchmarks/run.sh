#!/usr/bin/env bash
# Builds the throughput benchmarks in Release, runs them all, and writes to benchmarks/results/ (or $RESULTS):
#   throughput.md     machine, compiler, flags, every ratio with its target, every median
#   throughput.json   Google Benchmark's own results
#   throughput_*.svg  the plots
#
# Usage: bash benchmarks/run.sh [OPTION]...     options go to larder_throughput: --smoke, --parts=..., --help
#
# Needs CMake, a C++20 compiler, Google Benchmark and Boost 1.81; LevelDB and RocksDB are measured where they are
# installed. On Debian 12: cmake g++ libbenchmark-dev libboost1.81-dev libleveldb-dev librocksdb-dev. For figures
# that mean something the machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="${BUILD:-build/benchmarks}"
results="${RESULTS:-benchmarks/results}"
command="bash benchmarks/run.sh${*:+ $*}"

smoke=false
for option in "$@"; do
  if [[ "$option" == --smoke ]]; then smoke=true; fi
done

echo "== building in $build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DLARDER_BUILD_BENCHMARKS=ON -DLARDER_BUILD_TESTS=OFF -DLARDER_BUILD_EXAMPLES=OFF
cmake --build "$build" --target larder_throughput --parallel 2
program="$(find "$build" -name larder_throughput -type f -perm -u+x -print -quit)"

mkdir -p "$results"
rows="$(mktemp)"
trap 'rm -f "$rows"' EXIT
echo "== measuring compile time"
if $smoke; then bash benchmarks/compile_time.sh 1; else bash benchmarks/compile_time.sh; fi > "$rows"

echo "== measuring throughput"
"$program" --command="$command" --extra-rows="$rows" --table="$results/throughput.md" \
  --json="$results/throughput.json" --plots="$results" "$@"
# The name of the machine that measured is nobody's business.
if [[ -s "$results/throughput.json" ]]; then sed -i '/"host_name":/d' "$results/throughput.json"; fi
echo "== results are in $results"
