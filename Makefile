# The commands of the house. `make` alone lists them.
.PHONY: help demo test check lint bench soak fuzz reference
SHELL := /bin/bash
CARGO ?= cargo
# Tests that run at a time: most of them wait for servers that they have started.
THREADS ?= 6

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## Build Portolan and watch the main job: no server, no network needed after the build
	$(CARGO) build --release --bin portolan
	./target/release/portolan demo

test: ## Install the peers that are missing, then run every test
	./tests/install
	RUST_TEST_THREADS=$(THREADS) $(CARGO) test --workspace --quiet --no-fail-fast

check: ## What a developer runs before a commit
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

lint: check ## The same, and licences and advisories where cargo-deny is there
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --offline check licenses bans sources; else echo "cargo-deny is not there, licences not checked"; fi

bench: ## Every figure of docs/benchmarks.md, as `name ratio`
	./tests/bench/run

soak: ## The long forms of the long tests
	./tests/install
	PORTOLAN_SOAK=1 $(CARGO) test --release --test gateway -- --nocapture
	$(CARGO) test --release -p portolan-rabbitmq --test cluster -- --ignored --nocapture
	$(CARGO) test --release -p portolan-formats --test large_files -- --ignored --nocapture

fuzz: ## Every parser of outside bytes, 20 s each
	./fuzz/run 20

reference: ## Generate the reference pages from the code
	$(CARGO) test --quiet --test tidy -- --ignored regenerate
