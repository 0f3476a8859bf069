PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: chat test lint bench clean

chat: $(READY)  ## index seeds/ on first use and open the chat in the browser
	$(BIN)/sourcier chat --open

test: $(READY)  ## run every test
	$(BIN)/python -m pytest

lint: $(READY)  ## check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## measure quality on SQuAD-form files, then beside other libraries; DATA=folder that holds the files
	$(BIN)/python -m tests.benchmarks.quality --data $(or $(DATA),../shared/data)
	$(BIN)/python -m tests.benchmarks.peers --data $(or $(DATA),../shared/data) --work $(or $(WORK),.peers)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache dist

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
