# Commands for developers. `make` alone lists them.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
# Without this uv ignores the system's certificates.
export UV_SYSTEM_CERTS := 1
UV := $(BIN)/uv
JOBS ?= 2
# The oldest PostgreSQL that DATABASE_URL may name, and the tests that lean most on what a version does.
OLDEST_POSTGRES := /usr/lib/postgresql/15/bin
CHROMIUM := /usr/bin/chromium
ON_OLDEST := tests/engine tests/infra/postgres tests/domains tests/protocols/rest/test_read_handlers.py

.DEFAULT_GOAL := help
.PHONY: help run demo test check bench bench-auth bench-files bench-jobs bench-realtime soak format lock generated clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.can-run ## Run everything on http://127.0.0.1:8000
	$(BIN)/monynha serve

demo: .venv/.can-run ## Fill it with an example workspace
	$(BIN)/monynha demo

test: check $(OLDEST_POSTGRES)/postgres $(CHROMIUM) ## Run everything that CI runs: the checks below and every test
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_FLAGS)
	if [ -x $(OLDEST_POSTGRES)/postgres ]; then MONYNHA_TEST_POSTGRES_BIN=$(OLDEST_POSTGRES) \
	  $(BIN)/python -m pytest -n $(JOBS) $(PYTEST_FLAGS) $(ON_OLDEST); \
	  else echo 'Skipped: the tests on PostgreSQL 15, which is not installed.'; fi

check: .venv/.can-test ## Run what takes seconds: format, lint, types, layers, generated files
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m monynha.app.docs.generate --check

# Where it cannot be installed, the tests that need it are skipped by name. Debian's package would start a server otherwise.
$(OLDEST_POSTGRES)/postgres:
	-test "$$(id -u)" = 0 && mkdir -p /etc/postgresql-common && \
	  { test -e /etc/postgresql-common/createcluster.conf || \
	    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf; } && \
	  export DEBIAN_FRONTEND=noninteractive && \
	  apt-get update -q && apt-get install -y -q --no-install-recommends postgresql-15

# For the tests in a browser, which are skipped by name without it.
$(CHROMIUM):
	-test "$$(id -u)" = 0 && export DEBIAN_FRONTEND=noninteractive && \
	  apt-get update -q && apt-get install -y -q --no-install-recommends chromium

bench: .venv/.can-test ## Measure beside the pgbench limit and the peers (BENCH_FLAGS="--rounds 5", or "--limit-only")
	command -v wrk >/dev/null || apt-get install -y -q wrk
	$(BIN)/python -m bench $(BENCH_FLAGS)

bench-auth: .venv/.can-test ## Measure sign-ins beside what Argon2id allows (BENCH_FLAGS="--gotrue BINARY" for GoTrue too)
	$(BIN)/python -m bench.auth $(BENCH_FLAGS)

bench-files: .venv/.can-test ## Measure transfers of files beside nginx (needs nginx and wrk; BENCH_FLAGS="--rounds 5")
	$(BIN)/python -m bench.files $(BENCH_FLAGS)

bench-realtime: .venv/.can-test ## Measure realtime beside a Node server (BENCH_FLAGS="--rounds 5")
	$(BIN)/python -m bench.realtime $(BENCH_FLAGS)

soak: .venv/.can-test ## Load one server for 10 minutes, hostile clients too, and check it (SOAK_FLAGS="--minutes 2")
	$(BIN)/python -m bench.soak $(SOAK_FLAGS)

bench-jobs: .venv/.can-test ## Measure background jobs beside BullMQ, Procrastinate and Celery (BENCH_FLAGS="--rounds 5")
	$(BIN)/python -m bench.jobs $(BENCH_FLAGS)

format: .venv/.can-test ## Format the code
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

generated: .venv/.can-test ## Regenerate docs/generated
	$(BIN)/python -m monynha.app.docs.generate

lock: $(UV) ## Lock the newest allowed version of every dependency, with hashes
	$(UV) pip compile -q --upgrade pyproject.toml build.in --group dev --universal --generate-hashes \
	  --no-emit-index-url -o requirements.lock
	$(UV) pip compile -q pyproject.toml build.in --universal --generate-hashes \
	  --no-emit-index-url -c requirements.lock -o requirements-run.lock

clean: ## Remove the environment and all caches (never the data folder)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist

# Debian keeps ensurepip in a separate package; the system's pip can install into an environment from outside.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check uv

# An environment that has the test tools keeps them.
.venv/.can-run: requirements-run.lock requirements.lock pyproject.toml $(UV)
	if [ -e .venv/.can-test ]; then lock=requirements.lock; else lock=requirements-run.lock; fi; \
	  $(UV) pip sync --quiet --python $(BIN)/python --require-hashes $$lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

.venv/.can-test: requirements.lock pyproject.toml $(UV)
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch .venv/.can-run $@
