# Two commands matter: `make demo` and `make test`. `make help` prints the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
ARGS ?=
WORKERS ?= 2

.PHONY: help demo test bench chaos lint console clean lock
.DEFAULT_GOAL := help

help: ## print what each command is for
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(STAMP): requirements/build.txt requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ml-connector needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## run the main job against the sandbox, then leave it open (ARGS=--once to end)
	$(BIN)/ml-connector demo $(ARGS)

test: $(STAMP) ## pass the whole suite: it is what CI runs
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

bench: $(STAMP) ## measure requests, seconds, CPU, memory: documents, then the service (ARGS="1000 --only costs --only idle")
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(STAMP) ## a long storm over 100 connections and 3 workers (ARGS="--seed 7 --connections 20 --seconds 120")
	cd tests && ../$(BIN)/python -m chaos $(ARGS)

lint: $(STAMP) ## check style, types and the arrows between rooms
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/mypy
	$(BIN)/lint-imports

console: $(STAMP) ## open the console; until it lands: the sandbox and the command line
	$(BIN)/ml-connector demo

clean: ## remove what was built, keep what is yours
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .demo

lock: ## pin every dependency anew, by version and hash, without index addresses
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet pip-tools
	.venv-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --strip-extras --allow-unsafe --extra dev --no-header -o requirements/lock.txt pyproject.toml
	.venv-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --allow-unsafe --no-header -o requirements/build.txt requirements/build.in
	rm -rf .venv-lock
