# Every command of this project. Each works alone, from a clean clone: `make help` lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install -q --disable-pip-version-check --no-input

# One thread a test process: the suite trains many tiny nets, for which threads cost more than
# they give, and it shares the machine with Chromium.
TESTING := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
# Processes that share the tests, file by file; 0 runs them in one: make test TESTERS=0.
TESTERS ?= 2
TESTS   := -m "not slow" -n $(TESTERS) --dist loadfile
PORT    ?= 8501

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow coverage check lint format hooks lock bench demo findings results screenshots install install-cluster install-test browser clean

help:  ## Show this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## Start the app on http://localhost:8501 (another port: make run PORT=8600)
	$(BIN)/python -m tsexplorer app --port $(PORT)

test: install-test browser  ## Run all tests: units, doctests, and journeys in Chromium
	$(TESTING) $(BIN)/python -m pytest $(TESTS)

coverage: install-test browser  ## Run the tests of make test and measure which lines they run
	$(TESTING) $(BIN)/python -m pytest $(TESTS) --cov --cov-report=term:skip-covered

test-slow: install-test  ## Run the tests that train for minutes
	$(TESTING) $(BIN)/python -m pytest -m slow

check: lint test  ## Run what a change must pass: lint, types, tests

lint: install-test  ## Check style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-test  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hooks: install-test  ## Run the checks of make lint before each commit of this clone
	$(BIN)/pre-commit install

# Names and versions only: no paths, no addresses, no suffix of a build (such as torch's "+cpu"),
# so that the file serves on other machines.
lock: install-test  ## Write the versions installed in .venv to constraints.txt
	@set -e; \
	python=$$($(BIN)/python -c 'import platform as p; print(p.python_version(), p.system(), p.machine())'); \
	versions=$$($(BIN)/python -m pip list --format=freeze --exclude-editable --exclude pip --exclude tsexplorer); \
	{ \
		echo "# Versions that work together: make check passes with them."; \
		echo "# Written by make lock from the packages in .venv ($$python)."; \
		echo "# To install these versions and no others:"; \
		echo "#     PIP_CONSTRAINT=constraints.txt make install"; \
		echo "# or, without make:"; \
		echo "#     pip install -r requirements.txt -c constraints.txt"; \
		echo "$$versions" | sed 's/+.*//'; \
	} > constraints.txt

bench: install-test browser  ## Measure speed
	$(BIN)/python -m tests.benchmarks

demo: $(VENV)/.installed  ## Train the demo nets again and write assets/demo/; needs full MNIST in TSEXPLORER_DATA
	$(BIN)/python -m tsexplorer run best-64-plain
	$(BIN)/python -m tsexplorer run best-64-no-3
	$(BIN)/python -m tsexplorer.services.demo

# A single map: make findings FINDINGS=quick. A try-out, which is written to another folder:
# make findings FINDINGS=quick OPTIONS="--epochs 1" INTO=/tmp/try-out FINDINGS_HOME=/tmp/home
FINDINGS      ?= quick mlp-64 wu-mlp hinton-narrow hinton-300
FINDINGS_HOME ?= .tsexplorer/findings
FINDINGS_DATA := $(or $(TSEXPLORER_DATA),$(or $(TSEXPLORER_HOME),.tsexplorer)/data)

findings: $(VENV)/.installed  ## Train the ready-made maps and write assets/findings/; continues unfinished maps; needs full MNIST
	set -e; export TSEXPLORER_HOME="$(FINDINGS_HOME)" TSEXPLORER_DATA="$(FINDINGS_DATA)"; \
	for name in $(FINDINGS); do \
		$(BIN)/python -m tsexplorer sweep --finding $$name $(OPTIONS); \
		$(BIN)/python -m tsexplorer.published maps $$name $(INTO); \
	done

RECIPE ?= quick
SEEDS  ?= 3

results: $(VENV)/.installed  ## Train a recipe and write its results to assets/results/: make results RECIPE=hinton-2015
	$(BIN)/python -m tsexplorer run $(RECIPE) --seeds $(SEEDS)
	$(BIN)/python -m tsexplorer.published results $(RECIPE)

screenshots: install-test browser  ## Take the README's pictures again and write assets/screenshots/
	$(TESTING) $(BIN)/python -m tests.browser.screenshots

clean:  ## Remove installed and cached files; trained nets (.tsexplorer) stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* dist tests/browser/shots

install: $(VENV)/.installed  ## Install what the app needs into .venv

install-cluster: $(VENV)/.installed-cluster  ## Install what a cluster needs, too

install-test: $(VENV)/.installed-test  ## Install what the tests need into .venv

browser: $(VENV)/.installed-test  ## Find Chromium, or install Debian's with apt-get
	@$(BIN)/python -m tests.browser.chromium

# A stamp is newer than the requirements that it stands for, or they are installed again.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there: install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), but Python 3.11, 3.12 or 3.13 is needed: name one, for example make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.created
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-cluster: requirements-cluster.txt $(VENV)/.installed
	$(PIP) -r requirements-cluster.txt
	@touch $@

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed-cluster
	$(PIP) -r requirements-test.txt
	@touch $@
