#!/usr/bin/env bash
# Runs a command while servers of its own are there, whose URLs are added to the command. They are also in $REDIS_URL,
# $MEMCACHED_URL and $DYNAMODB_URL, and the first one's is in $CACHE_URL.
#
# Usage: bash tests/with_servers.sh KIND[,KIND]... COMMAND [ARGUMENT]...     redis, memcached, dynamodb
#
# dynamodb is npm's dynalite, of which $LARDER_DYNALITE must name the cli.js.
set -euo pipefail
kinds=$1
shift
folder=$(mktemp -d)
servers=()
finish() {
  for server in "${servers[@]}"; do kill "$server" 2> /dev/null && wait "$server" 2> /dev/null || true; done
  rm -rf "$folder"
}
trap finish EXIT

launch_redis() {
  exec redis-server --bind 127.0.0.1 --port "$1" --dir "$folder" --save '' --appendonly no
}
url_of_redis() { printf 'redis://127.0.0.1:%s' "$1"; }
launch_memcached() {
  if [[ $EUID -eq 0 ]]; then set -- "$1" -u root; fi
  exec memcached -l 127.0.0.1 -U 0 -p "$@"
}
url_of_memcached() { printf 'memcached://127.0.0.1:%s' "$1"; }
launch_dynamodb() {
  exec node "${LARDER_DYNALITE:?names dynalite\'s cli.js}" --host 127.0.0.1 --port "$1" --createTableMs 0
}
url_of_dynamodb() {
  printf 'dynamodb://id:secret@us-east-1/cache?create_table&endpoint=http://127.0.0.1:%s' "$1"
}

answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# Starts a server of a kind; `url` is its URL then.
start() {
  local kind=$1 attempt port server
  # The port that was drawn may be somebody else's: then another is tried.
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    port=$((20000 + RANDOM % 12000))
    if answers "$port"; then continue; fi
    "launch_$kind" "$port" > "$folder/$kind.log" 2>&1 &
    server=$!
    while kill -0 "$server" 2> /dev/null && ! answers "$port"; do sleep 0.02; done
    if kill -0 "$server" 2> /dev/null; then
      servers+=("$server")
      url=$("url_of_$kind" "$port")
      return
    fi
    wait "$server" || true
  done
  cat "$folder/$kind.log" >&2
  exit 1
}

urls=()
for kind in ${kinds//,/ }; do
  start "$kind"
  export "${kind^^}_URL=$url"
  urls+=("$url")
done
CACHE_URL=${urls[0]} "$@" "${urls[@]}"
