#!/usr/bin/env bash
# The released Graph SDK for Go against our binary: a module of its own, whose
# dependencies take minutes and four gigabytes to compile the first time. One
# package at a time and an eager collector keep it inside of a small machine.
set -euo pipefail
cd "$(dirname "$0")/../test/graphsdk"
export GOFLAGS="${GOFLAGS:-} -p=1" GOGC=50
go mod tidy -diff
go vet .
out=$(mktemp)
trap 'rm -f "$out"' EXIT
go test -count=1 -timeout 10m -v . | tee "$out"
if grep -q -- '--- SKIP' "$out"; then echo "graphsdk: a test was skipped" >&2; exit 1; fi
grep -q -- '--- PASS: TestTheGraphSDK/' "$out" || { echo "graphsdk: no test ran" >&2; exit 1; }
