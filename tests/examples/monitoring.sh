#!/usr/bin/env bash
# A real Prometheus scrapes the example monitoring, and is asked for what it has read; and every expression of the
# dashboard for Grafana is asked, too.
#
# Usage: bash tests/examples/monitoring.sh PROGRAM
set -euo pipefail
program=$(realpath -e "$1")
dashboard=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/examples/monitoring/dashboard.json
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

fail() {
  printf 'monitoring: %s\n' "$*" >&2
  tail -n 20 prometheus.log >&2 || true
  exit 1
}

if ! command -v prometheus > /dev/null || ! command -v promtool > /dev/null; then
  echo 'skipped: prometheus is not installed (on Debian: apt-get install prometheus)'
  exit 77
fi

"$program" 0 600 > served &
pids+=($!)
for _ in $(seq 100); do
  if [[ -s served ]]; then break; fi
  sleep 0.1
done
port=$(sed -n 's#^http://127.0.0.1:\([0-9]*\)/metrics.*#\1#p' served)
[[ -n $port ]] || fail "no address"

# get PATH [HEADER]
get() {
  exec 3<> "/dev/tcp/127.0.0.1/$port"
  printf 'GET %s HTTP/1.0\r\n%s\r\n' "$1" "${2:+$2$'\r\n'}" >&3
  cat <&3
  exec 3<&-
}
get /metrics | sed '1,/^\r$/d' > metrics
promtool check metrics < metrics || fail "promtool does not like it"
get /metrics 'Accept: application/openmetrics-text' | tail -n 1 | grep -q '^# EOF' || fail "no OpenMetrics"
get /metrics.json | grep -q '"larder_cache_hits"' || fail "no JSON"

cat > prometheus.yml << END
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: ['127.0.0.1:$port']}]
END
promtool check config prometheus.yml > check 2>&1 || fail "$(cat check)"

# The port that was drawn may be somebody else's: then another is tried.
for attempt in 1 2 3 4 5; do
  server=$((20000 + RANDOM % 12000))
  prometheus --config.file=prometheus.yml --storage.tsdb.path="data$attempt" --web.listen-address="127.0.0.1:$server" \
    > prometheus.log 2>&1 &
  pid=$!
  until ! kill -0 "$pid" 2> /dev/null || grep -q 'ready to receive' prometheus.log; do sleep 0.1; done
  if kill -0 "$pid" 2> /dev/null; then break; fi
done
kill -0 "$pid" 2> /dev/null || fail "prometheus does not start"
pids+=("$pid")

# ask EXPRESSION      what Prometheus answers, once there is something
ask() {
  local answer
  for _ in $(seq 60); do
    answer=$(promtool query instant "http://127.0.0.1:$server" "$1") || fail "a query that is none: $1"
    if [[ -n $answer ]]; then break; fi
    sleep 0.5
  done
  printf '%s' "$answer"
}
hits=$(ask 'larder_cache_hits_total{cache="pages"}')
[[ $hits == *'service="shop"'* ]] || fail "the labels are lost: $hits"
count=${hits#*=> }
[[ ${count%% *} =~ ^[1-9][0-9]*$ ]] || fail "no hits were counted: $hits"
[[ -n $(ask 'rate(larder_cache_hits_total[10s]) > 0') ]] || fail "the hits do not grow"
for size in 0.25 0.5 2 4; do
  [[ -n $(ask "larder_cache_predicted_hit_ratio{size=\"$size\"} > 0") ]] || fail "nothing is predicted for $size x"
done

# What the dashboard asks. Errors there are none.
expressions=0
while IFS= read -r expression; do
  expression=${expression//\\\"/\"}
  expression=${expression//\$cache/.*}
  expression=${expression//\$__rate_interval/10s}
  expressions=$((expressions + 1))
  if [[ $expression == *operation_errors* ]]; then
    promtool query instant "http://127.0.0.1:$server" "$expression" > /dev/null || fail "a query that is none: $expression"
  else
    [[ -n $(ask "$expression") ]] || fail "the dashboard would show nothing for: $expression"
  fi
done < <(sed -n 's/^ *"expr": "\(.*\)",$/\1/p' "$dashboard")
[[ $expressions -ge 12 ]] || fail "only $expressions expressions in the dashboard"
echo "monitoring: Prometheus has read ${count%% *} hits, and answers $expressions expressions of the dashboard"
