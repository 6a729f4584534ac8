#!/usr/bin/env bash
# Postern's evaluator beside other policy engines: all of them agree, and the
# benchmark runs. A module of its own, so that none of them is in ours.
set -euo pipefail
cd "$(dirname "$0")/../test/peers"
export GOFLAGS="${GOFLAGS:-} -p=1" GOGC=50
go mod tidy -diff
go vet ./...
out=$(mktemp)
trap 'rm -f "$out"' EXIT
go test -count=1 -timeout 10m -v . | tee "$out"
agreed=$(grep -c -- '    --- PASS: TestAllAgreeOnEveryOutcome/' "$out" || true)
[ "$agreed" = 5 ] || { echo "peers: $agreed of 5 were compared" >&2; exit 1; }
go test -run '^$' -bench . -benchtime 300x . | grep '^Benchmark' | tee "$out"
[ -s "$out" ] || { echo "peers: no benchmark ran" >&2; exit 1; }
