# One word per habit; .ci/run uses the same words.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
BENCH_STAMP := $(VENV)/.installed-bench
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
PYTEST := $(BIN)/python -m pytest
# Of tests; one where the stores are given, as every process needs its own.
PROCESSES ?= $(if $(TEST_DATABASE_URL)$(TEST_REDIS_URL),0,2)

export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help run stop reset format check test slow fuzz drill bench

help:
	@echo 'make run      install, start everything, answer a sample patient; Ctrl-C ends it'
	@echo 'make stop     stop what was started here'
	@echo 'make reset    stop, then delete all data, secrets and models of this checkout'
	@echo 'make format   write the code in its format'
	@echo 'make check    format, lint, types, import rules, unit tests'
	@echo 'make test     the whole suite but the slow tests (starts its own PostgreSQL and Valkey)'
	@echo 'make slow     the slow tests: cold start, long drills'
	@echo 'make bench    ours beside the naive way: ratios with their spread (10 to 15 minutes)'
	@echo 'make fuzz     the long attacks on the API: FUZZ_EXAMPLES=300 and FUZZ_BYTES=20000 unless set'
	@echo 'make drill    the full drill: hundreds of faults under load, and a table (about 15 minutes)'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is not: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "the venv module is not complete; on Debian and Ubuntu: apt install python3-venv" >&2; \
	  rm -rf $(VENV); exit 1; }

$(RUN_STAMP): requirements.txt | $(BIN)/python
	@echo 'installing what the service needs (once) …'
	@$(PIP) -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(RUN_STAMP)
	@echo 'installing what the checks need (once) …'
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(BENCH_STAMP): requirements-bench.txt $(RUN_STAMP)
	@echo 'installing what the naive way of the benchmarks needs (once) …'
	@$(PIP) -r requirements-bench.txt
	@touch $@

# exec: no shell in between, so a signal to this job reaches the supervisor itself.
run: $(RUN_STAMP)
	@exec $(BIN)/python -m backend.stack run

stop:
	@exec $(PYTHON) -m backend.stack stop

reset:
	@[ "$(FORCE)" = 1 ] || { \
	  printf 'Delete var/ (database, secrets, logs) and the trained models? [y/N] '; \
	  read answer && [ "$$answer" = y ]; }
	@$(PYTHON) -m backend.stack stop
	@rm -rf var
	@find ml/models -mindepth 1 ! -name .gitkeep -delete
	@echo 'as new'

format: $(DEV_STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

check: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(PYTEST) tests/unit -m 'not slow and not fuzz'

# Two processes, each with its own stores: much of the suite is waiting. `make test PROCESSES=0` is
# one after the other, as a debugger wants it.
test: $(DEV_STAMP)
	$(PYTEST) -m 'not slow and not fuzz' -n $(PROCESSES)

slow: $(DEV_STAMP)
	$(PYTEST) -m slow

bench: $(BENCH_STAMP)
	@exec $(BIN)/python -m benchmarks $(BENCH)

# Against the served OpenAPI document, and below it. FUZZ_EXAMPLES of each operation, FUZZ_BYTES bodies.
fuzz: $(DEV_STAMP)
	$(PYTEST) tests/contracts/test_fuzz.py -m fuzz -s

drill: $(DEV_STAMP)
	$(BIN)/python -m tests.drills $(DRILL)
