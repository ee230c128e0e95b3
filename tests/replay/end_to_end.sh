#!/usr/bin/env bash
# What replay does as a program: exit statuses, what goes to which stream, and that no failure to write is hidden.
#
# Usage: bash tests/replay/end_to_end.sh PROGRAM
set -euo pipefail
program=$(realpath -e "$1")
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'end_to_end: %s\n' "$*" >&2
  exit 1
}

# expect STATUS TEXT COMMAND...   the command ends with the status and has the text in its error output
expect() {
  local wanted=$1 text=$2 status=0
  shift 2
  "$@" > out 2> err || status=$?
  [[ $status -eq $wanted ]] || fail "status $status and not $wanted of: $* ($(cat err))"
  [[ $(cat err) == *"$text"* ]] || fail "no '$text' in the errors of: $* ($(cat err))"
}

expect 0 '' "$program" --json all.json --svg plot.svg "$sources/sample.trace"
[[ ! -s err ]] || fail "errors where all is well, or a progress bar without a terminal: $(cat err)"
grep -q 'byte-hit ratio' out || fail "no table"
grep -q '"requests": 8' all.json || fail "no JSON"
grep -q '^</svg>$' plot.svg || fail "no plot"

expect 0 '' "$program" --json - "$sources/sample.trace"
[[ $(head -n 1 out) == '{' && $(tail -n 1 out) == '}' ]] || fail "more than JSON on standard output"
printf 'GET /a b\r\nGET /a b' | expect 0 '' "$program" --whole-lines --capacity 1 -
grep -q '50.00 %' out || fail "whole lines are no keys"
expect 0 '' "$program" --policy s3fifo,lru --capacity 2 --mode entries --svg compared.svg "$sources/sample.trace"
grep -q 'S3-FIFO, LRU, optimum, limited in entries' out || fail "the policies are not named"
[[ $(grep -c ' %  ' out) -eq 3 ]] || fail "not a line for each policy"
grep -q '>optimum</text>' compared.svg || fail "no line of the optimum"
printf 'what,id\nget,a\nget,a\n' > log.csv
expect 0 '' "$program" --columns key=id --capacity 1 log.csv
grep -q '50.00 %' out || fail "the columns of CSV are not read"
gzip -c "$sources/sample.trace" > sample.trace.gz
expect 0 '' "$program" --json packed.json sample.trace.gz
diff <(grep -v seconds all.json | sed 1,2d) <(grep -v seconds packed.json | sed 1,2d) > /dev/null || fail "packed is not the same"
expect 0 '' "$program" --help
grep -q 'usage: replay' out || fail "no help"

expect 1 "malformed.trace:2: the size 'many'" "$program" "$sources/malformed.trace"
expect 1 'the trace is empty' "$program" /dev/null
expect 1 'cannot read missing: No such file' "$program" missing
expect 1 'it is a folder' "$program" .
head -c 30 sample.trace.gz > broken.gz
expect 1 'broken.gz: gzip has failed' "$program" broken.gz
expect 1 'no oracleGeneral trace' "$program" --format oracle "$sources/sample.trace"
expect 1 'cannot write missing/plot.svg' "$program" --svg missing/plot.svg "$sources/sample.trace"
if [[ -c /dev/full ]]; then
  expect 1 'cannot write /dev/full: No space left' "$program" --json /dev/full "$sources/sample.trace"
  expect 1 'cannot write to standard output' bash -c '"$0" "$1" > /dev/full' "$program" "$sources/sample.trace"
fi
expect 2 'Try replay --help' "$program"
expect 2 'Try replay --help' "$program" --capacity 5 "$sources/sample.trace"
expect 2 'entries alone' "$program" --policy belady "$sources/sample.trace"
