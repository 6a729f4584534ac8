#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target for TIME (for example 10s). Fails when
# there is none to run.
set -euo pipefail
time=${1:?how long for each target, for example 10s}
targets=0
while IFS=: read -r file line; do
  name=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$line")
  echo "fuzz: $name in $(dirname "$file") for $time"
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 10x
  targets=$((targets + 1))
done < <(git grep -E '^func Fuzz[A-Za-z0-9_]*\(' -- '*_test.go')
[ "$targets" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzz: $targets targets"
