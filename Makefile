# Everything a newcomer needs: `make install`, then `make test`. CONTRIBUTING.md says more.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: install dev demo test check bench gate lock clean

PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
SEED := $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
PYTEST := $(BIN)/pytest --quiet --numprocesses 2 --dist loadgroup

## install: .venv with hash-pinned run-time packages and this project; skipped when nothing changed
install: .venv/installed

.venv/installed: requirements.lock pyproject.toml README.md src/openkap/__init__.py
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

## dev: what the tests need besides
dev: .venv/dev-installed node_modules/installed .venv/system-installed

.venv/dev-installed: requirements-dev.lock .venv/installed
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	touch $@

# What pip cannot bring: a browser and a PostgreSQL for the tests. Debian's packages; without root, it says what to do.
.venv/system-installed: .venv/dev-installed
	missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	if [ -n "$$missing" ]; then \
	  [ "$$(id -u)" = 0 ] || { echo "The tests need$$missing: install with apt-get install$$missing" >&2; exit 1; }; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $$missing >/dev/null; \
	fi
	touch $@

node_modules/installed: package.json package-lock.json .npmrc
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

## demo: the synthetic clinic in a browser, on SQLite
demo: install
	$(BIN)/openkap demo

## check: the fast loop, without what is marked slow
check: .venv/dev-installed static
	$(PYTEST) -m "not slow"

## test: what CI runs. Drawn cases twice: once from a fresh seed, which is printed, once from the fixed one
test: install dev static
	@echo "fresh seed $(SEED): repeat with OPENKAP_SEED=$(SEED) $(BIN)/pytest --hypothesis-seed=$(SEED) -m 'hypothesis or seeded'"
	OPENKAP_SEED=$(SEED) OPENKAP_PROFILE=fresh $(PYTEST) --hypothesis-seed=$(SEED) -m "hypothesis or seeded"
	$(BIN)/python tools/with_postgres.py $(PYTEST) -m "database and not walk"
	$(PYTEST)

## gate: every test, the reliability goals at their full counts
gate: install dev static
	OPENKAP_GATE=1 $(BIN)/python tools/with_postgres.py $(PYTEST) -m database
	OPENKAP_GATE=1 $(PYTEST)

.PHONY: static
static: .venv/dev-installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

## bench: measures beside a baseline and rewrites docs/benchmarks.md; the full clinic: python bench/web.py --patients 10000
bench: install
	$(BIN)/python bench/run.py
	$(BIN)/python bench/web.py
	$(BIN)/python bench/pkpd.py
	$(BIN)/python bench/schedule.py

## lock: resolve anew; the locks hold hashes and no address
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml
lock: .venv/dev-installed
	$(COMPILE) --extra pdf --extra web --extra build --output-file requirements.lock
	$(COMPILE) --extra pdf --extra web --extra build --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv node_modules build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
