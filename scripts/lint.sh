#!/usr/bin/env bash
# gofmt, go vet (for Linux and for Windows) and staticcheck. Fails when it had
# nothing to check.
set -euo pipefail
files=$(git ls-files '*.go')
[ -n "$files" ] || { echo "lint: no Go file found" >&2; exit 1; }
unformatted=$(gofmt -l $files)
[ -z "$unformatted" ] || { echo "lint: not gofmt-ed:" >&2; echo "$unformatted" >&2; exit 1; }
go vet ./...
GOOS=windows go vet ./sdk/... ./internal/agent/... ./cmd/postern-agent/...
go tool -modfile=tools/go.mod staticcheck ./...
echo "lint: $(echo "$files" | wc -l) files"
