# One entry point for people and for continuous integration. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
ARGS ?=
# Test processes at one time: one more than the two cores, which else stand idle for a quarter of the time while tests of
# real processes wait for an interval or a deadline.
JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
LOCK_VENV := .cache/lock-venv
# The resolver is needed by `make lock` alone, so it stands in no lock; pinned for repeatable results.
UV := uv==0.13.8
COMPILE := $(LOCK_VENV)/bin/uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-strip-extras --python-version 3.11 --quiet
SOURCES := src tests benches tools
# Some images forbid it; without it each of the many programs that tests start would compile all that it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run dev format static check test coverage peers test-peers snapshots soak bench bench-docs docs screenshots lock clean

help:
	@awk -F '## ' '/^[a-z-]+:.*## / { split($$1, name, ":"); printf "  make %-12s %s\n", name[1], $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.ready-run  ## install what is missing, then `nagare up` (more words: make run ARGS="--listen 127.0.0.1:0")
	@exec $(BIN)/nagare up $(ARGS)

dev: $(VENV)/.ready-dev  ## the virtual environment with everything that check, test and bench need

$(VENV)/.ready-run: requirements.lock pyproject.toml
	@sh tools/venv.sh "$(PYTHON)" $(VENV)
	$(PIP) install --quiet --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml
	@sh tools/venv.sh "$(PYTHON)" $(VENV)
	$(PIP) install --quiet --quiet --require-hashes -r requirements-dev.lock
	$(PIP) install --quiet --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@ $(VENV)/.ready-run

format: dev  ## format the code and mend what the linter can
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

static: dev
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo 'mend with: make format' >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES) || { echo 'mend with: make format (what it cannot mend is named above)' >&2; exit 1; }
	@$(BIN)/mypy --no-error-summary || { echo 'look again with: $(BIN)/mypy' >&2; exit 1; }
	@$(BIN)/lint-imports --cache-dir .cache/imports >.cache/contracts.txt 2>&1 \
		|| { cat .cache/contracts.txt >&2; echo 'the plan of the rooms stands in ARCHITECTURE.md; look again with: $(BIN)/lint-imports' >&2; exit 1; }
	@echo 'format, lint, types and import contracts: fine'

check: static  ## format, lint, types, import contracts and the fast tests
	@$(PYTEST) tests/unit tests/meta -q -m 'not peer and not soak'

test: static  ## everything that needs PyPI only
	$(PYTEST) -m 'not peer and not soak' -n $(JOBS) --dist worksteal --durations=15

coverage: static  ## the same with the lines and branches it reaches; takes half as long again
	@mkdir -p .cache/coverage && rm -f .cache/coverage/*
	$(PYTEST) -m 'not peer and not soak' -n $(JOBS) --dist worksteal --cov --cov-report=term:skip-covered

peers:  ## fetch the foreign programs that test-peers and bench use, without root, into .peers
	@sh tools/peers.sh .peers

test-peers: dev peers  ## our interfaces against real Prometheus, vmagent, Chromium, tmux and a disk that fills
	PATH="$(CURDIR)/.peers/bin:$$PATH" $(PYTEST) -m 'peer and not soak'

snapshots: dev  ## draw the expected screens again; look at the change before committing it
	$(PYTEST) tests/tui/snapshots -q --snapshot-update

soak: dev peers  ## the long forms of the tests
	PATH="$(CURDIR)/.peers/bin:$$PATH" HYPOTHESIS_PROFILE=soak $(PYTEST) -m soak --timeout 7200
	HYPOTHESIS_PROFILE=soak $(PYTEST) tests/unit tests/component -m "not peer and not soak" -n $(JOBS) --timeout 7200

bench: dev  ## measure everything beside its peers (after make peers); one part: make bench ARGS="--only foreign"
	PATH="$(CURDIR)/.peers/bin:$$PATH" $(BIN)/python -m benches $(ARGS)

bench-docs: dev  ## the same, written to docs/reference/benchmarks.md
	PATH="$(CURDIR)/.peers/bin:$$PATH" $(BIN)/python -m benches --write docs/reference/benchmarks.md $(ARGS)

docs: dev  ## write the generated pages of docs/reference again
	$(BIN)/python -m tools.docs

screenshots: dev  ## draw docs/images again from a live server
	$(BIN)/python -m tools.screenshots docs/images

lock: pyproject.toml  ## resolve both lock files again
	@sh tools/venv.sh "$(PYTHON)" $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip --disable-pip-version-check install --quiet $(UV)
	$(COMPILE) --extra build --output-file requirements.lock
	$(COMPILE) --extra build --extra dev --output-file requirements-dev.lock

clean:  ## remove what was built; data directories stay
	rm -rf .venv .cache .peers .hypothesis .ruff_cache .import_linter_cache htmlcov dist snapshot_report.html
	find src tests benches tools -name __pycache__ -type d -prune -exec rm -rf {} +
