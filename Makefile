# fairtut: every task of the suite.  `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
PY := $(VENV)/bin/python
PRESET ?= smoke
DATA ?= synthetic
NB ?=
RUNS ?= 1
SEED ?=
SEEDS ?= 1:11
METHOD ?=
QUICK ?=
UPGRADE ?=
VERSION ?=

export VENV
# else Python cannot start in a folder with letters beyond ASCII
ifneq (,$(filter C POSIX,$(LC_ALL)))
export LC_ALL := C.UTF-8
endif

.PHONY: help env book site pdf run outputs pair front test mutate isa shuffle effects device lint types bench claims repo release lock wheel alone clean

help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## create or refresh .venv (instant when nothing has changed; PYTHON=... picks the interpreter, LOCKED=1 the lock)
	@tools/make_env.sh

book: env ## execute every chapter at smoke on embedded data and build the book, offline-readable
	@$(PY) -m tools.book book

site: env ## build the book from the committed outputs: what is published
	@$(PY) -m tools.book site

pdf: env ## print the book from the committed outputs into one PDF (needs chromium and its driver)
	@$(PY) -m tools.pdf

run: env ## execute chapters into _build/runs: NB=notebooks/01_frtrain.ipynb PRESET=smoke DATA=synthetic
	@$(PY) -m tools.notebooks execute $(NB) --preset $(PRESET) --data $(DATA)

pair: env ## write the .ipynb of every chapter from its .py, keeping outputs
	@$(PY) -m tools.notebooks pair $(NB)

outputs: env ## execute chapters with their defaults and commit outputs and records (NB=... for one)
	@$(PY) -m tools.notebooks commit-outputs $(NB)

front: env ## write the README's table of chapters from claims and records, and print what chapters have
	@$(PY) -m tools.front
	@$(PY) -m tools.rhythm

test: env ## everything that CI checks: lint, types, tests, notebooks, book
	@$(PY) -m tools.check

mutate: env ## plant errors in the methods and see which the chapters notice: METHOD=faap QUICK=1 (hours for all)
	@$(PY) -m tools.mutate $(if $(METHOD),--method $(METHOD)) $(if $(QUICK),--quick)

isa: env ## the quick tests under older instruction sets, with one and two threads
	@$(PY) -m tools.processors

shuffle: env ## the quick tests in random order and surroundings: RUNS=5 orders, or SEED=7 for that one again
	@$(PY) -m tools.shuffle --runs $(RUNS) $(if $(SEED),--seed $(SEED))

effects: env ## which effects of the pages hold by luck: the chapters at smoke with ten other seeds (NB=... for one)
	@$(PY) -m tools.effects $(NB) --preset $(PRESET) --seeds $(SEEDS)

device: env ## all chapters and one step of each training at full size on a simulated device (25 min)
	@FAIRTUT_DEVICE_CHAPTERS=1 $(PY) -m pytest -q -n 2 tests/device

lint: env ## ruff
	@$(PY) -m ruff check .

types: env ## mypy, strict
	@$(PY) -m mypy

bench: env ## every benchmark, one JSON line each
	@$(PY) -m tools.bench

claims: env ## write new digests of the claims, if every change has its dated reason
	@$(PY) -m tools.claims

repo: env ## write the repository's address everywhere: URL=https://github.com/owner/name
	@$(PY) -m tools.repo $(URL)

release: env ## write a version, and its tag wherever the package is installed from: VERSION=0.2.0
	@$(PY) -m tools.release "$(VERSION)"

lock: env ## write requirements.lock, from which the site is published (UPGRADE=1 for new versions)
	@$(PY) -m tools.lock $(if $(UPGRADE),--upgrade)

wheel: env ## build the wheel into dist/
	@$(PY) -m hatchling build -t wheel

alone: env ## run every how-to and one chapter with nothing but the wheel, in an environment of its own
	@$(PY) -m tools.alone

clean: ## remove what the tools wrote, except the environment
	@rm -rf _build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
