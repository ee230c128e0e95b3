#!/usr/bin/env bash
# Builds the benchmarks of the remote backends in Release, runs them on servers of their own on the loopback interface,
# and writes the table benchmarks/results/remote.md (or in $RESULTS).
#
# Usage: bash benchmarks/run_remote.sh [OPTION]...     options go to larder_remote: --smoke, --rounds=N
#
# Needs CMake, a C++20 compiler, Google Benchmark, hiredis, OpenSSL, libcurl, nlohmann-json, libmemcached, redis-server,
# memcached and npm. On Debian 12: cmake g++ libbenchmark-dev libhiredis-dev libssl-dev libcurl4-openssl-dev
# nlohmann-json3-dev libmemcached-dev redis-server memcached npm. Takes some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build="${BUILD:-build/benchmarks}"
results="${RESULTS:-benchmarks/results}"
source tests/setup.sh

install_dynalite
say "building in $build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" \
  -DLARDER_BUILD_BENCHMARKS=ON -DLARDER_BUILD_TESTS=OFF -DLARDER_BUILD_EXAMPLES=OFF \
  -DLARDER_COMPONENTS="redis;memcached;dynamodb"
cmake --build "$build" --target larder_remote --parallel 2
mkdir -p "$results"
LARDER_DYNALITE=$(realpath "$dynalite") bash tests/with_servers.sh redis,memcached,dynamodb \
  "$build/benchmarks/remote/larder_remote" --table="$results/remote.md" \
  --command="bash benchmarks/run_remote.sh${*:+ $*}" "$@"
