#!/usr/bin/env bash
# go.mod and go.sum must be what "go mod tidy" would write.
set -euo pipefail
go mod tidy -diff
(cd tools && go mod tidy -diff)
