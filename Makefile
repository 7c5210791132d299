# SPDX-License-Identifier: Apache-2.0
# Needs Python 3.11 or newer, make and the package index; everything else is installed below .venv.

PYTHON ?= python3
AIRFLOW ?= 3.3
VERSIONS := 2.11 3.0 3.1 3.2 3.3
CELLS := $(VERSIONS) 2.11-py3.12 3.0-py3.12 3.1-py3.13 3.2-py3.12 3.2-py3.13 3.3-py3.12 3.3-py3.13
# Another Python than the default one has environments of its own: make unit AIRFLOW=3.2 PY=3.12
PY ?=
ifdef PY
PYTHON := python$(PY)
endif
SUFFIX = $(addprefix -py,$(PY))
VENV = .venv/airflow-$(AIRFLOW)$(SUFFIX)
BIN = $(VENV)/bin
CONSTRAINTS = tests/constraints/airflow-$(AIRFLOW).txt

# Run the tests or the demo as on another day: make test TODAY=2028-02-29, or TODAY=+45 for so many days ahead.
TODAY ?=
export TODAY
# Two processes share the files of the tests; each has an Airflow of its own.
WORKERS := -n 2 --dist loadfile
# Of the unit tests those that take seconds: no Airflow runs, no stores, no killed processes.
FAST := tests/extraction tests/vendors tests/hooks tests/run tests/ingest tests/lineage tests/operators tests/sensors \
	tests/triggers tests/coverage tests/test_timetables.py

.PHONY: help demo docs test lint format unit test-fast test-standalone test-browser focus-validator pictures test-matrix backfill-proof production-proof benchmark faults soak \
	fuzz audit clean \
	$(addprefix test-airflow-,$(CELLS) 3.4)

help:  ## every command
	@grep -hE '^[a-z$$(][^:=]*:.*##' $(MAKEFILE_LIST) | sed -E 's/^([^:]+):[^#]*## */\1\t/; s/\$$\(addprefix test-airflow-,\$$\(CELLS\)\)/test-airflow-3.2/' | expand -t 24

demo: $(VENV)/.ready  ## run an example DAG against the simulator and show what lands
	$(BIN)/python -m tests.demo

docs: $(VENV)/.ready .venv/docs/.ready  ## write the generated pages, build the site in .demo/site, check every link
	$(BIN)/python -m tests.reference.make_samples
	$(BIN)/python -m tests.generated_docs
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build  # with --quiet, a broken link would pass

test: lint unit  ## lint, types and tests on the newest supported Airflow

lint: $(VENV)/.ready  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.ready .venv/anthropic-1.17$(SUFFIX)/.ready .venv/azurite/.ready
	$(BIN)/python -m pytest $(WORKERS) -m "not slow" $(if $(PY),--ignore tests/faults --ignore tests/stores)

test-fast: $(VENV)/.ready  ## the tests that take seconds
	$(BIN)/python -m pytest $(WORKERS) -q $(FAST)

test-standalone: $(VENV)/.ready  ## the slow tests: a whole Airflow with scheduler, triggerer and API server
	$(BIN)/python -m pytest -m slow --ignore tests/integration/test_backfill.py

backfill-proof: $(VENV)/.ready  ## 320 days of all datasets at the vendor's pace through a real scheduler, with kills; 20 minutes
	$(BIN)/python -m pytest -m slow -s tests/integration/test_backfill.py

production-proof: .venv/production/.ready  ## a year and a week on PostgreSQL, Celery and S3, with what can break
	.venv/production/bin/python -m tests.production $(PROOF)

faults: $(VENV)/.ready  ## everything that can go wrong, and the figures of docs/reliability.md
	$(BIN)/python -m pytest tests/faults tests/model/test_windows.py -m "not slow"

soak: $(VENV)/.ready  ## the models of windows and of a table, a million and 100,000 times, then tasks killed for five minutes: make soak WINDOWS=1000 SEQUENCES=1000 SOAK=3600 SEED=7
	SEQUENCES=$(or $(SEQUENCES),100000) SEED=$(SEED) $(BIN)/python -m pytest -s -m slow tests/model
	SOAK=$(or $(SOAK),300) SEED=$(SEED) $(BIN)/python -m pytest -s -m slow tests/faults/test_kills.py

fuzz: $(VENV)/.ready .venv/fuzz/.ready  ## coverage-guided, of what reads a vendor's bytes: make fuzz FUZZ=3600
	mkdir -p .demo
	for target in split flatten; do PYTHONPATH=.venv/fuzz $(BIN)/python tests/fuzz/fuzz.py $$target .demo/fuzz-$$target \
	-max_total_time=$(or $(FUZZ),60) -max_len=4096 -artifact_prefix=.demo/ || exit 1; done

audit: $(VENV)/.ready .venv/audit/.ready  ## known vulnerabilities of what the package itself depends on
	.venv/audit/bin/python tests/audit/audit.py $(CONSTRAINTS)

format: $(VENV)/.ready  ## fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test-browser: $(VENV)/.ready .venv/browser/.ready  ## Airflow's UI in Chromium; screenshots are left in .demo/browser
	PYTHONPATH=.venv/browser $(BIN)/python -m pytest -m slow tests/browser

focus-validator: $(VENV)/.ready .venv/focus/.ready  ## the official validator of FOCUS on exports from the simulator; needs Python 3.12
	$(BIN)/python -m pytest -m slow tests/focus

pictures: $(VENV)/.ready .venv/browser/.ready  ## the pictures of the report in docs/, from the simulator's organization
	PYTHONPATH=.venv/browser $(BIN)/python -m tests.browser.pictures

# Troubles and stores are tried on each Airflow, with one Python: they take half the time.
$(addprefix test-airflow-,$(CELLS)): test-airflow-%:  ## the tests on one supported Airflow, 3.2-py3.13 on that Python
	$(MAKE) unit AIRFLOW=$(firstword $(subst -py, ,$*)) PY=$(word 2,$(subst -py, ,$*))

test-matrix:  ## the tests on every supported Airflow, and on every Python that each allows; needs python3.12 and 3.13
	$(MAKE) --keep-going --no-print-directory $(addprefix test-airflow-,$(CELLS))

test-airflow-3.4:  ## the tests on the coming Airflow, which may fail
	-$(MAKE) unit AIRFLOW=3.4

benchmark: .venv/benchmark/.ready  ## what a row costs, beside the floor and the peers; half an hour
	.venv/benchmark/bin/python tests/benchmarks/run.py

clean:  ## remove the environments and what demo and proofs left
	rm -rf .venv .demo .production dist

# An oracle that cannot share an environment with its successor.
.venv/anthropic-1.17$(SUFFIX)/.ready: tests/constraints/anthropic-1.17.txt | $(VENV)/.ready
	rm -rf $(@D)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $(@D) --requirement $<
	touch $@

# Beside Chromium and its driver, which come with the system: apt-get install chromium chromium-driver
.venv/browser/.ready: tests/browser/requirements.txt | $(VENV)/.ready
	rm -rf $(@D)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $(@D) --requirement $<
	touch $@

# The validator wants Python 3.12 and a numpy of its own. It comes with the rules of FOCUS 1.2.
.venv/focus/.ready: tests/focus/requirements.txt | $(VENV)/.ready
	rm -rf $(@D)
	if [ -x $(BIN)/uv ]; \
	then $(BIN)/uv venv --quiet --no-project --python 3.12 $(@D) && \
	VIRTUAL_ENV=$(@D) $(BIN)/uv pip install --quiet --no-deps --requirement $<; \
	else python3.12 -m venv $(@D) && \
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $<; fi
	touch $@

# The peers of the benchmark, in an environment of their own.
.venv/benchmark/.ready: tests/benchmarks/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	if $(@D)/bin/pip install --quiet --disable-pip-version-check uv; \
	then pip="uv pip"; else pip=pip; fi; VIRTUAL_ENV=$(@D) $(@D)/bin/$$pip install --quiet --requirement $< && \
	VIRTUAL_ENV=$(@D) $(@D)/bin/$$pip install --quiet --no-deps --editable .
	touch $@

# A fuzzer that has wheels for some machines alone.
.venv/fuzz/.ready: tests/fuzz/requirements.txt | $(VENV)/.ready
	rm -rf $(@D)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target $(@D) --requirement $<
	touch $@

.venv/docs/.ready: docs/site/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	touch $@

.venv/audit/.ready: tests/audit/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	touch $@

# The store of the Azure tests. Without it they are skipped, but never in CI.
.venv/azurite/.ready:
	mkdir -p $(@D)
	if timeout 300 npm install --prefix $(@D) --no-audit --no-fund --no-save --loglevel=error azurite@3.35.0; \
	then touch $@; else echo "npm cannot install azurite: no tests on Azure Blob Storage" >&2; test -z "$$CI"; fi

# The Airflow of the production proof, with the client libraries of its database and broker.
.venv/production/.ready: pyproject.toml tests/constraints/airflow-3.3.txt tests/production/requirements.txt
	$(PYTHON) -m venv --clear $(@D)
	if $(@D)/bin/pip install --quiet --disable-pip-version-check uv; \
	then pip="uv pip"; else pip=pip; fi; VIRTUAL_ENV=$(@D) $(@D)/bin/$$pip install --quiet \
	--constraint tests/constraints/airflow-3.3.txt --requirement tests/production/requirements.txt \
	--editable '.[parquet,s3]'
	touch $@

# uv makes it fast; without it pip does the same.
$(VENV)/.ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv --clear $(VENV)
	if $(BIN)/pip install --quiet --disable-pip-version-check uv; \
	then VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --constraint $(CONSTRAINTS) --editable '.[test]'; \
	else $(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[test]'; fi
	touch $@
