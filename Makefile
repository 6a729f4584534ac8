# Everything a contributor needs. Nothing here is required to run the product:
# "go run ./cmd/postern demo" works on a fresh machine with Go alone.

GO        ?= go
FUZZTIME  ?= 2m
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)

.PHONY: build test unit wine lint fuzz bench generate check setup coverage tidy

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/...

# Installs what is missing (Debian packages, as root) and runs every test, the
# store suite on SQLite and on a real PostgreSQL, the agent for Windows under Wine.
test: setup
	$(GO) build -o bin/ ./cmd/...
	POSTERN_BINARY=$(CURDIR)/bin/postern POSTERN_AGENT_BINARY=$(CURDIR)/bin/postern-agent scripts/wine.sh scripts/with-postgres.sh $(GO) test -race -shuffle=on -timeout 20m ./...

# The same without the race detector and without installing anything; what is
# not there is skipped.
unit:
	$(GO) test ./...

# The tests of what is for Windows alone, compiled for it and run under Wine; those
# of a whole PC (test/wine) are among "test". Fails when a package was not run.
WINE_PACKAGES = ./sdk ./sdk/internal/devicekey ./sdk/internal/sealing ./sdk/internal/watch ./sdk/vault \
	./internal/agent/nativehost ./internal/agent/pipe ./internal/agent/winver ./internal/agent/wsc

wine: setup
	GOOS=windows POSTERN_WINE_LIMIT=120 scripts/wine.sh $(GO) test -count=1 $(WINE_PACKAGES) >wine.out 2>&1 || { cat wine.out; exit 1; }
	@cat wine.out; ran=$$(grep -c '^ok' wine.out); rm -f wine.out; \
	[ "$$ran" = $(words $(WINE_PACKAGES)) ] || { echo "wine: $$ran packages ran, $(words $(WINE_PACKAGES)) expected" >&2; exit 1; }

setup:
	scripts/setup.sh

lint:
	scripts/lint.sh

coverage:
	scripts/coverage.sh

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... | tee bench.out

# The published vectors of the device protocol and of Conditional Access, and the
# table of threat states.
generate:
	$(GO) test ./internal/access -update
	$(GO) test ./wire -update
	$(GO) test ./internal/threat -update

tidy:
	scripts/tidy.sh

check: lint tidy coverage
	scripts/fuzz.sh 2s
