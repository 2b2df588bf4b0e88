# Everything starts here. Each target builds the environment it needs, once.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two test processes of one thread each: torch's own threads would only fight over the cores.
WORKERS ?= 2
THREADS := OMP_NUM_THREADS=1 MPLBACKEND=Agg

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint docs bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## build .venv with the exact versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qdist needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make venv PYTHON=python3.12")'
	@echo "building $(VENV) (about a minute, mostly torch)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet -c constraints.txt pip
	@$(BIN)/python -m pip install --progress-bar on -c constraints.txt torch -e '.[all]' \
		--group test --group lint --group docs --group bench
	@touch $@

demo: $(STAMP) ## fit penguins and digits, sample, score, and draw into demo-out/: three minutes
	@MPLBACKEND=Agg $(BIN)/python docs/docs_src/penguins.py
	@$(BIN)/python docs/docs_src/digits.py

test: $(STAMP) ## run the whole suite, doctests and docs included
	@$(THREADS) $(BIN)/python -m pytest -n $(WORKERS)

lint: $(STAMP) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP) ## build the site into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(STAMP) ## measure tables, queries and imputation again; each page of docs/benchmarks has its own command
	$(BIN)/python -m benchmarks.run

clean: ## remove the environment and all that was built
	rm -rf $(VENV) build dist site demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find qdist plugins tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
