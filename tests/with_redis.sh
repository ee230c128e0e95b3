#!/usr/bin/env bash
# Runs a command while a Redis server of its own is there, whose URL is added to the command and is in $CACHE_URL.
#
# Usage: bash tests/with_redis.sh COMMAND [ARGUMENT]...
set -euo pipefail
folder=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then kill "$server" 2> /dev/null && wait "$server" 2> /dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT

is_up() { [[ $(redis-cli -s "$folder/redis.sock" ping 2> /dev/null) == PONG ]]; }

# The port that was drawn may be somebody else's: then the server ends, and another is tried.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  port=$((20000 + RANDOM % 30000))
  redis-server --bind 127.0.0.1 --port "$port" --unixsocket "$folder/redis.sock" --dir "$folder" --save '' \
    --appendonly no > "$folder/log" 2>&1 &
  server=$!
  while kill -0 "$server" 2> /dev/null && ! is_up; do sleep 0.02; done
  if is_up; then break; fi
  wait "$server" || true
  server=
done
if [[ -z $server ]]; then
  cat "$folder/log" >&2
  exit 1
fi

CACHE_URL="redis://127.0.0.1:$port" "$@" "redis://127.0.0.1:$port"
