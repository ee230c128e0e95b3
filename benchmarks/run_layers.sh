#!/usr/bin/env bash
# Builds the benchmark of the layers in Release, runs it, and writes the table benchmarks/results/layers.md (or in
# $RESULTS).
#
# Usage: bash benchmarks/run_layers.sh [OPTION]...     options go to larder_layers: --smoke, --rounds=N, --entries=N
#
# Needs CMake, a C++20 compiler, Google Benchmark and libzstd. On Debian 12: cmake g++ libbenchmark-dev libzstd-dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="${BUILD:-build/benchmarks}"
results="${RESULTS:-benchmarks/results}"

cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DLARDER_BUILD_BENCHMARKS=ON -DLARDER_BUILD_TESTS=OFF -DLARDER_BUILD_EXAMPLES=OFF
cmake --build "$build" --target larder_layers --parallel 2
mkdir -p "$results"
"$build/benchmarks/layers/larder_layers" --table="$results/layers.md" \
  --command="bash benchmarks/run_layers.sh${*:+ $*}" "$@"
