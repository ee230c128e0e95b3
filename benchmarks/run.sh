#!/usr/bin/env bash
# Builds the throughput benchmarks in Release, runs them all, and writes to benchmarks/results/ (or $RESULTS):
#   throughput.md     machine, compiler, flags, every ratio with its target, where a peer wins, every median
#   throughput.json   everything that was measured
#   throughput_*.svg  the plots
#
# Usage: bash benchmarks/run.sh [OPTION]...     options go to larder_throughput: --smoke, --parts=..., --help
#
# Needs CMake, a C++20 compiler, Google Benchmark and Boost 1.81, and gnuplot for the plots; LevelDB and RocksDB are
# measured where they are installed. On Debian 12: cmake g++ libbenchmark-dev libboost1.81-dev libleveldb-dev
# librocksdb-dev gnuplot-nox. For figures that mean something the machine should have nothing else to do, for 20 to 30
# minutes, and 8 GiB of memory to spare.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="${BUILD:-build/benchmarks}"
results="${RESULTS:-benchmarks/results}"
command="bash benchmarks/run.sh${*:+ $*}"

compile_rounds=9
for option in "$@"; do
  if [[ "$option" == --smoke ]]; then compile_rounds=1; fi
done

echo "== building in $build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DLARDER_BUILD_BENCHMARKS=ON -DLARDER_BUILD_TESTS=OFF -DLARDER_BUILD_EXAMPLES=OFF
cmake --build "$build" --target larder_throughput --parallel 2
program="$(find "$build" -name larder_throughput -type f -perm -u+x -print -quit)"
if [[ " $* " == *" --help "* ]]; then exec "$program" --help; fi

mkdir -p "$results"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
echo "== measuring compile time"
bash benchmarks/compile_time.sh "$compile_rounds" > "$work/compile_times"

echo "== measuring throughput"
"$program" --command="$command" --compile-times="$work/compile_times" --table="$results/throughput.md" \
  --json="$results/throughput.json" --plot-data="$work" "$@"

if command -v gnuplot > /dev/null; then
  gnuplot -e "data='$work'; results='$results'" benchmarks/throughput/plots.gp
else
  echo "== no plots: there is no gnuplot here (on Debian: apt-get install gnuplot-nox)" >&2
fi
echo "== results are in $results, after $((SECONDS / 60)) min $((SECONDS % 60)) s"
