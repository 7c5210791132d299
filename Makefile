# SPDX-License-Identifier: Apache-2.0
# Needs Python 3.11 or newer, make and the package index; everything else is installed below .venv.

PYTHON ?= python3
AIRFLOW ?= 3.3
VERSIONS := 2.11 3.0 3.1 3.2 3.3
VENV = .venv/airflow-$(AIRFLOW)
BIN = $(VENV)/bin
CONSTRAINTS = tests/constraints/airflow-$(AIRFLOW).txt

.PHONY: demo test lint format unit test-standalone clean $(addprefix test-airflow-,$(VERSIONS))

demo: $(VENV)/.ready  ## run an example DAG against the simulator and show what lands
	$(BIN)/python tests/demo.py

test: lint unit  ## lint, types and tests on the newest supported Airflow

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.ready .venv/anthropic-1.17/.ready .venv/azurite/.ready
	$(BIN)/python -m pytest -m "not slow"

test-standalone: $(VENV)/.ready  ## the slow tests: a whole Airflow with scheduler, triggerer and API server
	$(BIN)/python -m pytest -m slow

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(addprefix test-airflow-,$(VERSIONS)): test-airflow-%:  ## the tests on one supported Airflow
	$(MAKE) unit AIRFLOW=$*

clean:
	rm -rf .venv .demo dist

# An oracle that cannot share an environment with its successor.
.venv/anthropic-1.17/.ready: tests/constraints/anthropic-1.17.txt | $(VENV)/.ready
	rm -rf $(@D)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $(@D) --requirement $<
	touch $@

# The store of the Azure tests. Without it they are skipped, but never in CI.
.venv/azurite/.ready:
	mkdir -p $(@D)
	if timeout 300 npm install --prefix $(@D) --no-audit --no-fund --no-save --loglevel=error azurite@3.35.0; \
	then touch $@; else echo "npm cannot install azurite: no tests on Azure Blob Storage" >&2; test -z "$$CI"; fi

# uv makes it fast; without it pip does the same.
$(VENV)/.ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv --clear $(VENV)
	if $(BIN)/pip install --quiet --disable-pip-version-check uv; \
	then VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --editable '.[test]'; \
	else $(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[test]'; fi
	touch $@
