# Two commands matter: `make demo` and `make test`. `make help` prints the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
ARGS ?=
WORKERS ?= 3
# Without written bytecode each of the many processes of a demo or a test compiles all it imports: three seconds for one.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test bench chaos lint console screenshots clean lock
.DEFAULT_GOAL := help

help: ## print what each command is for
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 13

$(STAMP): requirements/build.txt requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ml-connector needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation --no-compile -r requirements/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## a month on the sandbox, then the console open on it (ARGS=--once: the main job only, and end)
	$(BIN)/ml-connector demo $(or $(ARGS),--month)

test: $(STAMP) .browser ## pass the whole suite: it is what CI runs
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# The browser's tests want Debian's Chromium: it is installed where that is allowed, and left out loudly where not.
.PHONY: .browser
.browser:
	@if [ ! -x /usr/bin/chromium ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian's Chromium for the browser's tests."; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 \
		|| { apt-get update -qq >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; } \
		|| true; \
	fi
	@[ -x /usr/bin/chromium ] || echo "NO BROWSER: Chromium is not here and could not be installed; no page will be looked at by the tests." >&2

bench: $(STAMP) ## measure requests, seconds, CPU, memory: documents, then the service (ARGS="1000 --only costs --only idle")
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(STAMP) ## a long storm over 100 connections and 3 workers (ARGS="--seed 7 --connections 20 --seconds 120")
	cd tests && ../$(BIN)/python -m chaos $(ARGS)

lint: $(STAMP) ## check style, types and the arrows between rooms
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/mypy
	$(BIN)/lint-imports

console: $(STAMP) ## open the console on the demo's month, without telling it
	$(BIN)/ml-connector demo --month --brief $(ARGS)

screenshots: $(STAMP) ## look at every screen of the console, and keep the pictures in docs/screenshots
	$(BIN)/python scripts/screenshots.py $(ARGS)

clean: ## remove what was built, keep what is yours
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .demo

lock: ## pin every dependency anew, by version and hash, without index addresses
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet pip-tools
	.venv-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --strip-extras --allow-unsafe --extra dev --no-header -o requirements/lock.txt pyproject.toml
	.venv-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --allow-unsafe --no-header -o requirements/build.txt requirements/build.in
	rm -rf .venv-lock
