# Every target works alone and first, from a fresh clone, with nothing but make and Python 3.11 or newer.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do command -v $$p && break; done)
UV = $(or $(PYTHON),$(error Python 3.11 or newer is needed, and no python3 is on PATH: install it and try again)) .ci/uv.py
RUN = $(UV) run
PYTEST = $(RUN) pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# Recorded platform documents that some tests compare with, where they lie beside the checkout.
ifneq ($(wildcard ../shared/specs),)
export WAYSTATION_SPECS ?= $(abspath ../shared/specs)
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-slow test-all check lint format ruff types imports coverage fmt chaos busy bench clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' Makefile

run: ## start Waystation (ARGS="--config my.toml" and the like)
	@$(RUN) waystation run $(ARGS)

test: ## run the tests, but for the slow ones (ARGS="-k name" for some of them)
	@$(PYTEST) -m "not slow" $(ARGS)

# What takes long: every seed, every platform, browsers, kills in the middle of anything, the pages of the docs.
test-slow:
	@$(PYTEST) -m slow $(ARGS) || [ $$? -eq 5 ] # none of those that ARGS names is slow

test-all: test test-slow ## run the tests, and then the slow ones

check: lint test-all ## all that continuous integration runs: lint, then all tests

lint: format ruff types imports ## check format, code, types and the direction of imports

# Targets of their own, so that `make --keep-going lint` tells all there is to mend.
format:
	@$(RUN) ruff format --check
ruff:
	@$(RUN) ruff check
types:
	@$(RUN) mypy
imports:
	@$(RUN) lint-imports --no-logo

coverage: ## run the tests and show which lines and branches they leave out
	@$(RUN) pytest --cov --cov-report=term $(ARGS)

fmt: ## format, and mend what can be mended by itself
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

chaos: ## break a running deployment on purpose and count what was lost or doubled
	@$(RUN) python tests/chaos/run.py $(ARGS)

busy: ## count what a busy model costs: faults at 5, 10 and 30 %, beside a bare bot
	@$(RUN) python tests/chaos/busy.py $(ARGS)

bench: ## measure a running deployment beside a bare bot (ARGS="--size quick")
	@$(RUN) python benchmarks/run.py $(ARGS)

clean: ## remove what the tools made; your configuration and data stay
	@rm -rf .venv .uv .coverage .coverage.* coverage.xml htmlcov build dist *.egg-info
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find bots core plugins providers tests -name __pycache__ -type d -prune -exec rm -rf {} +
