# Every task a developer needs. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# What a task may be told:
#   ARGS="…"          arguments for `make run`, `make bench`, `make mutants` and `make fuzz`
#   JOSE_VECTORS=dir  outside test vectors (Wycheproof, RFC 7520, password hashes); their tests are skipped without
#   STRICT=1          a skipped test is a failure
#   LONG=1            the long forms of the tests (set by `make test-all`)
#   SECONDS=n         how long `make fuzz` fuzzes each target
ARGS ?=
SECONDS ?= 1800

.PHONY: help setup run demo check lint fmt test test-all chaos bench mutants fuzz docs screenshots

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install, only if missing, what the tests need (once; `make test` does it too)
	@scripts/setup

run: ## build quickly, and start the server on its embedded store (ARGS="--help" for its options)
	cargo run --locked -p countersign -- $(ARGS)

demo: ## start the server with two services that trust it, and walk through examples/orders/README.md
	cargo build --locked -p countersign -p example-orders
	@scripts/demo

check: ## formatting, lints and the fast tests: before every commit
	@scripts/checks format lint fast-tests

lint: ## formatting, clippy with warnings denied, walls, dependencies
	@scripts/checks format lint walls dependencies

fmt: ## format the code in place
	cargo fmt --all

test: ## everything that CI runs
	@scripts/setup
	@scripts/checks format lint dependencies tests model fuzz docs

test-all: ## the same with every test in its long form (STRICT=1: a skipped test is a failure)
	@scripts/setup
	@LONG=1 scripts/checks format lint dependencies tests model fuzz fuzz-lint docs

chaos: ## ten minutes with each kind of store: three nodes under load, while nodes, stores and links fail
	LONG=1 cargo test --locked --workspace --all-features --test chaos with_sessions -- --nocapture

bench: ## measure, and print the figures next to their goals (QUICK=1: the short version; bench/README.md)
	cargo build --locked --release -p countersign
	cargo build --locked --release -p countersign-bench
	@scripts/bench-peers
	cargo run --locked --release -p countersign-bench -- $(if $(QUICK),--quick) $(ARGS)

mutants: ## break the code in each of the listed ways, and see the tests turn red
	@cargo run --locked --quiet -p countersign-mutants -- $(ARGS)

fuzz: ## fuzz each parser of outside bytes for half an hour (SECONDS=60; ARGS="jws pem": those alone)
	@scripts/fuzz run --seconds $(SECONDS) $(ARGS)

docs: ## build the API documentation, warnings denied
	@scripts/checks docs

screenshots: ## take pictures of every page, in light, in dark and as on a phone, into docs/pictures
	@scripts/setup
	cargo build --locked -p countersign -p example-orders
	@scripts/screenshots
