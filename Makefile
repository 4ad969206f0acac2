# Everything a contributor runs. `make` alone explains itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAMPLE := sample_logs/lambda-autotuner-agent
OUT    := reportline-report

.DEFAULT_GOAL := help
.PHONY: help report test fuzz browser check format golden bench bench-report truth weights clean

help: ## show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

report: $(VENV)/.run ## set up, then write the error-analysis report of the sample logs
	$(BIN)/reportline analyze $(SAMPLE) -o $(OUT)

test: $(VENV)/.dev ## set up, then run every test
	$(BIN)/pytest -q -n 2

fuzz: $(VENV)/.dev ## read damaged samples until something breaks; FUZZ_SECONDS=3600 for longer than a minute
	$(BIN)/python -m tests.ingest.fuzz

browser: ## install Chromium where it is missing (Debian, Ubuntu); the tests of the HTML page drive it
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && $$sudo apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core; }

check: $(VENV)/.dev ## format, lint, types, import layers, documents up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_documents.py

format: $(VENV)/.dev ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(VENV)/.run ## write the sample reports into docs/, and its first lines into the README; read the difference
	$(BIN)/reportline analyze $(SAMPLE) -o docs/sample-report --format sarif --format junit --format slack
	$(BIN)/python -m tests.kinds docs/sample-report
	$(BIN)/python tests/readme.py
	$(BIN)/python -m analyzer.report.schema > analyzer/report/report.schema.json

bench: $(VENV)/.bench ## measure ingest beside unpacking alone and other tools (BENCH_MB=2000 for more), and measuring
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.small
	$(BIN)/python -m benchmarks.measure 1 5 50

bench-report: $(VENV)/.run ## measure what a report costs beside measuring what stands in it; BENCH_ROWS=1000000 for less
	$(BIN)/python -m benchmarks.report

weights: $(VENV)/.run ## fit the weights of evidence to simulated faults, from which probabilities follow; read the difference
	$(BIN)/python -m benchmarks.truth.weights

truth: $(VENV)/.truth $(VENV)/.run ## measure how often faults are found, intervals hold the truth and secrets are masked, into docs/truth.md: half an hour; TRUTH_RUNS=2000 for finer counts
	$(BIN)/python -m benchmarks.truth.diagnosis --into docs/truth.md
	$(VENV)/truth/bin/python -m benchmarks.truth.estimates --into docs/truth.md
	$(VENV)/truth/bin/python -m benchmarks.truth.redaction --into docs/truth.md

clean: ## remove the virtual environment and everything that was written
	rm -rf $(VENV) $(OUT) fuzz-failures dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Reportline needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.run: $(VENV)/bin/python pyproject.toml hatch_build.py $(wildcard analyzer/ingest/*.[ch])
	$(BIN)/pip install --quiet -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install --quiet --group test --group check
	@touch $@

$(VENV)/.bench: $(VENV)/.run
	$(BIN)/pip install --quiet --group bench
	@touch $@

# In an environment of its own: the peers ask for older packages than Reportline does.
$(VENV)/.truth: $(VENV)/bin/python pyproject.toml
	$(PYTHON) -m venv $(VENV)/truth
	$(VENV)/truth/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(VENV)/truth/bin/pip install --quiet -e . --group truth
	@touch $@
