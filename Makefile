# `make demo` shows the flow; `make test` proves it; `make help` lists the rest. Needs Python >= 3.11 with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements/uv.txt requirements/runtime.txt requirements/fast.txt requirements/dev.txt
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test cover check bench up setup lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## run 5,000 bookings through the four services and print the report (ONCE=1: stop afterwards)
	@$(BIN)/interop demo $(if $(ONCE),--once)

test: setup ## run every test that this machine can run
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

cover: setup ## run the tests and tell which lines none of them reached (a third slower)
	@$(BIN)/python -m pytest --cov --cov-report=term

up: setup ## start Redis and the four services until Ctrl-C
	@$(BIN)/interop up

check: setup ## lint, strict types, the rules of the house, lock freshness
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for name in uv runtime fast dev; do \
		cp requirements/$$name.txt .venv/$$name.lock; \
		$(BIN)/uv pip compile --quiet $(COMPILE) requirements/$$name.in --output-file .venv/$$name.lock || exit 1; \
		diff -u requirements/$$name.txt .venv/$$name.lock || { echo "requirements/$$name.txt is stale: run 'make lock'"; exit 1; }; \
	done; echo "locks are fresh"

bench: setup ## measure the pipeline against two baselines, as ratios within one run
	@$(BIN)/interop bench pipeline

setup: .venv/.ready ## install what is locked into .venv (the others call this first)

COMPILE := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

lock: setup ## resolve the requirements anew and lock them with hashes
	@for name in uv runtime fast dev; do \
		$(BIN)/uv pip compile --quiet --upgrade $(COMPILE) requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean: ## remove the environment and everything that runs have left
	rm -rf tests/*/*/node_modules .screenshots .venv .interop .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* htmlcov *.egg-info

.venv/.ready: $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Interop Sandbox needs Python 3.11 or newer; name one with 'make PYTHON=/path/to/python3 ...'"; exit 1; }
	@echo "setting up .venv from the hashed locks ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt requirements/uv.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
