#!/usr/bin/env bash
# How long a program that includes larder/in_memory_backend.hpp takes to compile, beside one that includes the
# standard headers such a cache cannot do without. Prints a line for each compiler: its name, then the seconds for the
# one program and for the other.
#
# Usage: bash benchmarks/compile_time.sh [ROUNDS]     (compilers: $COMPILERS, by default "g++ clang++")
#
# The two programs take turns, and medians of processor time are compared.
set -euo pipefail
export LC_ALL=C
include="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/include"
rounds="${1:-9}"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

{
  for header in string unordered_map optional chrono mutex memory functional; do echo "#include <$header>"; done
  echo 'int main() {}'
} > "$work/standard.cpp"
printf '#include <larder/in_memory_backend.hpp>\nint main() {}\n' > "$work/larder.cpp"

# Prints the seconds of processor time that compiling $2 with $1 takes.
compile_seconds() {
  local TIMEFORMAT='%U %S'
  { time "$1" -std=c++20 -O2 -I "$include" -c "$2" -o "$work/out.o" 2> "$work/errors"; } 2>&1 |
    awk '{ print $1 + $2 }'
}

median() { sort -n | awk '{ numbers[NR] = $1 } END { print numbers[int((NR + 1) / 2)] }'; }

for compiler in ${COMPILERS:-g++ clang++}; do
  if ! command -v "$compiler" > /dev/null; then
    echo "compile_time: no $compiler here, left out" >&2
    continue
  fi
  if ! "$compiler" -std=c++20 -O2 -I "$include" -c "$work/larder.cpp" -o "$work/out.o"; then
    echo "compile_time: $compiler cannot compile the header" >&2
    exit 1
  fi
  : > "$work/standard.times"
  : > "$work/larder.times"
  for ((round = 0; round < rounds; ++round)); do
    for program in standard larder; do
      compile_seconds "$compiler" "$work/$program.cpp" >> "$work/$program.times"
    done
  done
  echo "$compiler $(median < "$work/larder.times") $(median < "$work/standard.times")"
done
