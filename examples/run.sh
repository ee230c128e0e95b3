#!/usr/bin/env bash
# Installs what is missing, builds the examples in Release, and shows them at work on real input:
#   1. quick_start, the tour;
#   2. include_scanner on /usr/include (or $1): how much a cache saves it, and what the cache costs;
#   3. replay on the stream of headers that the files there include: hit ratios of caches of many sizes and of all
#      eviction policies, and a plot;
#   4. sessions, in process memory, and on a Redis and a Memcached server that are started for it;
#   5. outage: what a stack of layers answers while its store is down, slow, and back;
#   6. stampede: 200 threads that want the answers of a database at once, without and with a cache that loads them;
#   7. sieve, an eviction policy of one's own; and monitoring, a cache that tells Prometheus what it does.
#
# Usage: bash examples/run.sh [FOLDER]
#
# Builds in build/ (or $LARDER_BUILD_DIR). May be run again, and then builds only what has changed.
set -euo pipefail
folder=$(realpath -e "${1:-/usr/include}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${LARDER_BUILD_DIR:-$PWD/build}
source tests/setup.sh

install_missing cmake ninja-build g++ libhiredis-dev libssl-dev libcurl4-openssl-dev nlohmann-json3-dev \
  libsqlite3-dev redis-server memcached libcpp-httplib-dev pkg-config
say "building"
quietly "$build/logs/examples-configure" cmake --preset bench -B "$build/examples"
quietly "$build/logs/examples-build" \
  cmake --build "$build/examples" --parallel "$(jobs_at_once)" --target quick_start include_scanner replay \
  sessions outage stampede sieve monitoring

say "quick_start"
"$build/examples/examples/quick_start"

say "include_scanner $folder"
"$build/examples/examples/include_scanner" "$folder"

say "replay of the headers that the files in $folder include"
plot=$build/examples/include_stream.svg
stream=$build/examples/include_stream.txt
"$build/examples/examples/include_scanner" --stream "$folder" > "$stream"
"$build/examples/benchmarks/hit_ratio/replay" --whole-lines --policy all --svg "$plot" - < "$stream"
say "the plot of hit ratios is $plot"
say "the stream ($(wc -l < "$stream") requests) is $stream"

say "sessions in process memory"
"$build/examples/examples/sessions"
say "sessions on a Redis and a Memcached server"
bash tests/with_servers.sh redis,memcached "$build/examples/examples/sessions"

say "outage"
"$build/examples/examples/outage"

say "stampede"
"$build/examples/examples/stampede"

say "sieve"
"$build/examples/examples/sieve"

say "monitoring"
"$build/examples/examples/monitoring"
