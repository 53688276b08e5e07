# One list of everything that is done to this tree. Recipes stay short: what is longer than a line lives in scripts/.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: help setup run build test race lint fuzz bench e2e e2e-full town town-stop roll chaos clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## install what building, testing and linting need; does nothing when all is there
	@scripts/setup.sh all

run: build ## build and start a server; it prints the address to open
	bin/parley serve

build: ## one static binary: bin/parley
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/parley ./cmd/parley

test: ## everything that must be green: vet, all Go tests (with -race where it tells something), TypeScript, the browser
	@scripts/setup.sh test
	@VERSION="$(VERSION)" scripts/test.sh

race: ## every Go test with the race detector
	scripts/gotest.sh race -race ./...

lint: ## golangci-lint and shellcheck
	@scripts/setup.sh lint
	@scripts/lint.sh

fuzz: ## each fuzz target for FUZZTIME (30s), then a table of what ran
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

bench: build ## a fresh server and every kind of `parley bench`; results in build/bench
	@scripts/bench.sh

e2e: build ## people in browsers of their own, on the built server: the core that every change must pass
	@scripts/setup.sh test
	@scripts/e2e.sh

e2e-full: build ## all browser tests, against one process and against a town behind nginx
	@scripts/setup.sh test
	@scripts/setup.sh town
	go build -o bin/chaos ./test/chaos
	@scripts/e2e.sh full
	@TOPOLOGY=town scripts/e2e.sh full

town: build ## a cluster on this machine: NATS, PostgreSQL, two of every role, nginx; TOWN_PORT=8080
	@scripts/town.sh start

town-stop: ## stop the town that `make town` started
	@scripts/town.sh stop

roll: build ## restart every process of a town one by one under load, also from an older version
	@scripts/chaos.sh roll

chaos: build ## break a town in every way and check every promise; CHAOS_TIME=60m goes on for so long
	@scripts/chaos.sh all

clean: ## remove what was built; keeps .tools and your data
	rm -rf bin build
