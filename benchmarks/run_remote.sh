#!/usr/bin/env bash
# Builds the benchmarks of the remote backends in Release, runs them on servers of their own on the loopback interface,
# and writes the table benchmarks/results/remote.md (or in $RESULTS).
#
# Usage: bash benchmarks/run_remote.sh [OPTION]...     options go to larder_remote: --smoke, --rounds=N
#
# Needs CMake, a C++20 compiler, Google Benchmark, hiredis, OpenSSL and redis-server. On Debian 12: cmake g++
# libbenchmark-dev libhiredis-dev libssl-dev redis-server. Takes a minute or two.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="${BUILD:-build/benchmarks}"
results="${RESULTS:-benchmarks/results}"

echo "== building in $build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DLARDER_BUILD_BENCHMARKS=ON -DLARDER_BUILD_TESTS=OFF -DLARDER_BUILD_EXAMPLES=OFF -DLARDER_COMPONENTS=redis
cmake --build "$build" --target larder_remote --parallel 2
mkdir -p "$results"
bash tests/with_redis.sh "$build/benchmarks/remote/larder_remote" --table="$results/remote.md" \
  --command="bash benchmarks/run_remote.sh${*:+ $*}" "$@"
