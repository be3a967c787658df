# make train: set up once, then train a GPT.   make test: set up once, then prove that the course is right.
# Another Python: PYTHON=python3.12 make train

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
RUN := $(BIN)/python -m

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 10))
TOO_OLD := This course needs Python 3.10 or newer, and '$(PYTHON)' is not. Install one and name it: PYTHON=python3.12 make $(MAKECMDGOALS)
NO_VENV := '$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv

.PHONY: help setup train test format matrix

help:
	@echo "make setup    install everything into $(VENV)"
	@echo "make train    train a GPT from the finished pieces"
	@echo "make test     the linter, the type checker and the project's tests"
	@echo "make format   put the code into the house style"
	@echo "make matrix   regenerate the table of mistakes and checks"

setup: $(VENV)/.installed

train: $(VENV)/.installed
	$(RUN) capstone.train

test: $(VENV)/.installed-dev
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) pytest tests -n 2 --dist loadgroup

format: $(VENV)/.installed-dev
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

matrix: $(VENV)/.installed
	$(RUN) grader matrix

# The stamps are as old as the last installation: nothing is installed twice while pyproject.toml stays as it is.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(RUN) pip install --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(RUN) pip install --disable-pip-version-check --editable ".[dev]"
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@$(PYTHON) -c "$(NEW_ENOUGH)" 2>/dev/null || { echo "$(TOO_OLD)" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { echo "$(NO_VENV)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
