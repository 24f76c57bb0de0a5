# CTA Data Distiller. `make setup`, `make demo`, `make test`, `make check`, `make prove`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
PORT ?= 8000
# Numerical libraries start one thread a core otherwise, and two test workers share two.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MPLBACKEND := Agg

.PHONY: help setup setup-tests demo test check prove lint types walls lock clean

help:
	@echo "make setup   the program in $(BIN)/distiller"
	@echo "make demo    a demo archive and its server, http://127.0.0.1:$(PORT)/"
	@echo "make test    every check and test (under 30 minutes)"
	@echo "make check   the fast subset (under 2 minutes)"
	@echo "make prove   the long proofs: kill, soak"
	@echo "make lock    the lock files anew, after a change of dependencies"

setup: $(STAMPS)/python $(STAMPS)/static

$(STAMPS)/python: requirements.lock pyproject.toml
	@mkdir -p $(STAMPS)
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --only-binary :all: --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(STAMPS)/static: package-lock.json scripts/vendor_static.py scripts/codemirror.mjs scripts/npm.sh $(STAMPS)/python
	scripts/npm.sh ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(BIN)/python scripts/vendor_static.py
	@touch $@

setup-tests: setup
	scripts/debian_packages.sh

demo: setup
	exec $(BIN)/distiller --home demo-home serve --demo --port $(PORT)

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

walls:
	$(BIN)/lint-imports --cache-dir .import_linter_cache

test: setup-tests lint walls types
	DISTILLER_REQUIRE_PACKAGES=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not prove"

check: setup lint walls
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not prove and not slow and not browser"

prove: setup-tests
	DISTILLER_REQUIRE_PACKAGES=1 $(BIN)/python -m pytest -m prove

lock: $(STAMPS)/python
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --extra dev \
	  pyproject.toml -o requirements.lock
	scripts/npm.sh install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean:
	rm -rf $(VENV) $(STAMPS) node_modules src/distiller/web/static/vendor test-output
