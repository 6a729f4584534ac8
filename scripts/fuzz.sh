#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target for TIME (for example 10s). Fails when
# there is none to run.
#
# When the time is over in the middle of an input, go test may report "context
# deadline exceeded" as a failure. That is no
# finding: a finding is written down, and said to be.
set -euo pipefail
time=${1:?how long for each target, for example 10s}
targets=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
while IFS=: read -r file line; do
  name=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$line")
  echo "fuzz: $name in $(dirname "$file") for $time"
  if ! go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 10x | tee "$out"; then
    if grep -q 'Failing input written' "$out" || ! grep -q 'context deadline exceeded' "$out"; then exit 1; fi
    echo "fuzz: $name ran out of time in the middle of an input; no finding"
  fi
  targets=$((targets + 1))
done < <(git grep -E '^func Fuzz[A-Za-z0-9_]*\(' -- '*_test.go' ':!test/*/*')
[ "$targets" -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzz: $targets targets"
