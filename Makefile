# GNU make 3.81 (macOS) and later. `make help` lists what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Give one to choose it: make venv PYTHON=python3.12
PYTHON ?=

VENV     := .venv
VENV_TF  := .venv-tensorflow
VENV_MIN := .venv-minimum
UV       := uv==0.13.9

# What is locked is installed as wheels with checked hashes and nothing else; then the project itself,
# without dependencies and without a build environment that would have to be fetched. What is installed
# is compiled by all processors, which pip cannot; a package may hold a file that is no Python of today.
PIP_FLAGS    := --quiet --disable-pip-version-check
INSTALL_LOCK := -m pip install $(PIP_FLAGS) --no-compile --no-deps --only-binary=:all: \
	--require-hashes -r
INSTALL_SELF := -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .

# Sets $$python to an interpreter of a supported version that can make environments, or ends with the
# reason. An interpreter given as PYTHON is taken or refused, never replaced.
define find_python
python=; bare=; \
for candidate in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3); do \
	"$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		>/dev/null 2>&1 || continue; \
	if "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; \
	then python="$$candidate"; break; \
	else bare="$${bare:-$$candidate}"; fi; \
done; \
if [ -z "$$python" ] && [ -n "$$bare" ]; then \
	version=$$("$$bare" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	echo "$$bare has no venv module. On Debian and Ubuntu:" >&2; \
	echo "    sudo apt-get install python$$version-venv" >&2; \
	exit 1; \
elif [ -z "$$python" ]; then \
	echo "$(if $(PYTHON),$(PYTHON) is not,found no) Python 3.11, 3.12 or 3.13." >&2; \
	echo "Install one and name it if it is not on the PATH: make venv PYTHON=/path/to/python3.12" >&2; \
	exit 1; \
fi
endef

# Gives FORCE if an interpreter was named and the environment $(1) has another version of Python: a
# stamp is as new with the wrong Python as with the right one.
version_of = $(shell "$(1)" -c 'import platform; print(platform.python_version())' 2>/dev/null)
other_python = $(if $(and $(PYTHON),$(wildcard $(1)/bin/python)),$(if $(filter \
	$(call version_of,$(PYTHON)),$(call version_of,$(1)/bin/python)),,FORCE))

.PHONY: help venv demo test test-long attack test-minimum coverage lint format test-tensorflow browser \
	docs docs-serve bench bench-quick bench-load bench-cluster bench-million bench-errors \
	bench-evaluation bench-desk lint-but-types bench-commands bench-photos build check-release \
	containers deployment-tools lock clean FORCE

help:
	@echo "make venv             environment in $(VENV), from requirements/dev.lock"
	@echo "make demo             the whole story on sample photos"
	@echo "make test             style, types, structure and tests"
	@echo "make test-long        the tests that kill, corrupt and contend, at full length"
	@echo "make attack           attacks on services and clients, the long ones too, with what they take"
	@echo "make test-minimum     unit tests with the oldest supported packages, in $(VENV_MIN)"
	@echo "make coverage         tests, the lines and branches that they miss, and the floor"
	@echo "make lint             style, types and structure alone"
	@echo "make format           put the code into its style"
	@echo "make test-tensorflow  the tests that need TensorFlow, in $(VENV_TF)"
	@echo "make browser          Chromium from apt-get, if there is none: tests of the desk's pages need it"
	@echo "make deployment-tools nginx and promtool likewise: tests of what operators deploy need them"
	@echo "make docs             docs/cli.md, and the site in site/; make docs-serve shows it"
	@echo "make bench            scans, beside other schemes and plain search; bench-quick for a short look"
	@echo "make bench-load       five minutes of 32 clients against a server that is killed in between"
	@echo "make bench-cluster    a small cluster measured, large ones simulated; tables of docs/scaling.md"
	@echo "make bench-million    a million references: time and memory"
	@echo "make bench-errors     errors of ten million distances against plain ones"
	@echo "make bench-evaluation an evaluation of the size of LFW: time, memory, and both of a former state"
	@echo "make bench-desk       a search by the desk's API, warm, against starting a command; its memory"
	@echo "make bench-commands   commands as whole processes: time and bytes, and both of a former state"
	@echo "make bench-photos     photos enrolled a second, beside DeepFace's own calls; what changes"
	@echo "make build            sdist and wheel in dist/, checked and tried in a fresh environment"
	@echo "make containers       both compose files built, started, used and erased; needs Docker"
	@echo "make lock             resolve requirements/*.lock again (UPGRADE=1: to the newest)"
	@echo "make clean            remove environments, caches and builds"
	@echo
	@echo "PYTHON=... chooses the interpreter (3.11, 3.12 or 3.13); an environment of another is made anew."

# --- environments ---------------------------------------------------------------------------------

# An environment whose lock has changed is made anew, so that it never holds what the lock does not.
# The first stamp is for the lock, the second for the project.

venv: $(VENV)/.project-installed

# Makes the environment $(1) from the lock $(2).
define make_environment
@$(find_python); \
echo "making $(1) with $$("$$python" --version); installing $(2) ..."; \
"$$python" -m venv --clear $(1)
@$(1)/bin/python $(INSTALL_LOCK) $(2)
@$(1)/bin/python -W ignore -m compileall -qq -j 0 $(1)/lib || true
@touch $@
endef

define install_project
@$(1)/bin/python $(INSTALL_SELF)
@touch $@
@echo "$(1) is ready"
endef

$(VENV)/.lock-installed: requirements/dev.lock $(call other_python,$(VENV))
	$(call make_environment,$(VENV),requirements/dev.lock)

$(VENV)/.project-installed: $(VENV)/.lock-installed pyproject.toml
	$(call install_project,$(VENV))

$(VENV_TF)/.lock-installed: requirements/tensorflow.lock $(call other_python,$(VENV_TF))
	$(call make_environment,$(VENV_TF),requirements/tensorflow.lock)

$(VENV_TF)/.project-installed: $(VENV_TF)/.lock-installed pyproject.toml
	$(call install_project,$(VENV_TF))

$(VENV_MIN)/.lock-installed: requirements/minimum.lock $(call other_python,$(VENV_MIN))
	$(call make_environment,$(VENV_MIN),requirements/minimum.lock)

$(VENV_MIN)/.project-installed: $(VENV_MIN)/.lock-installed pyproject.toml
	$(call install_project,$(VENV_MIN))

# --- what to do with them -------------------------------------------------------------------------

demo: venv
	@$(VENV)/bin/gallery demo
	@echo "here: $(VENV)/bin/gallery demo --desk"

# The types are checked beside the tests, which leave a processor idle now and then; what is wrong
# with them is said at the end.
test: lint-but-types
	@$(TYPES) > .types.log 2>&1 & types=$$!; \
	echo "tests"; $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile; tests=$$?; \
	echo "types"; wait $$types; types=$$?; cat .types.log; \
	exit $$((tests || types))

test-long: venv
	@GALLERY_LONG=1 $(VENV)/bin/python -m pytest -s tests/crashes tests/mutations tests/concurrency

# One after the other: they measure the memory and the patience of processes of their own.
attack: venv
	@$(VENV)/bin/python -m pytest -s -m "attack or not attack" tests/attacks

# Warnings of deprecation are no errors here: old packages use what newer ones have put aside.
test-minimum: $(VENV_MIN)/.project-installed
	@$(VENV_MIN)/bin/python -m pytest --numprocesses 2 --dist loadfile \
		-W default::DeprecationWarning tests/unit

# Without the tests that kill, corrupt, contend and attack: they add many minutes and hardly a line.
coverage: venv
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile --cov \
		--ignore=tests/crashes --ignore=tests/mutations --ignore=tests/concurrency \
		--ignore=tests/attacks

browser:
	@command -v chromium || command -v google-chrome || sudo apt-get install --yes chromium-browser

deployment-tools:
	@{ command -v nginx && command -v promtool; } || { sudo apt-get update --quiet && \
		sudo apt-get install --yes --no-install-recommends nginx-light prometheus; }

TYPES = nice $(VENV)/bin/mypy --no-error-summary

lint: lint-but-types
	@echo "types"
	@$(TYPES)

lint-but-types: venv
	@echo "style"
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet . || \
		{ echo "not in the project's style; run: make format" >&2; exit 1; }
	@echo "structure"
	@$(VENV)/bin/lint-imports

format: venv
	@$(VENV)/bin/ruff check --quiet --fix . || true
	@$(VENV)/bin/ruff format --quiet .

test-tensorflow: $(VENV_TF)/.project-installed
	@$(VENV_TF)/bin/python -m pytest tests/tensorflow

# A notice of Material's own about the future of MkDocs is not one of the documents'.
MKDOCS = NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs

docs: venv
	@$(VENV)/bin/python docs/tools/generate_cli.py
	@$(MKDOCS) build --quiet --strict
	@echo "the site is in site/"

docs-serve: venv
	@$(MKDOCS) serve --strict

bench: venv
	@$(VENV)/bin/python -m benchmarks.compare
	@$(VENV)/bin/python -m benchmarks.history

bench-quick: venv
	@$(VENV)/bin/python -m benchmarks.compare --quick

bench-load: venv
	@$(VENV)/bin/python -m benchmarks.load --kill --write

bench-cluster: venv
	@$(VENV)/bin/python -m benchmarks.cluster measure
	@$(VENV)/bin/python -m benchmarks.cluster predict

bench-million: venv
	@$(VENV)/bin/python -m benchmarks.million

bench-errors: venv
	@$(VENV)/bin/python -m benchmarks.errors

bench-evaluation: venv
	@$(VENV)/bin/python -m benchmarks.evaluation

bench-desk: venv
	@$(VENV)/bin/python -m benchmarks.desk --write

bench-commands: venv
	@$(VENV)/bin/python -m benchmarks.commands

bench-photos: venv
	@$(VENV)/bin/python -m benchmarks.photos

# --- releases -------------------------------------------------------------------------------------

build: venv
	@rm -rf dist
	@$(VENV)/bin/python -m build --no-isolation --outdir dist .
	@$(VENV)/bin/twine check --strict dist/*
	@$(VENV)/bin/python -m tools.try_wheel dist/*.whl

# Another base: make containers BASE=python@sha256:...
containers: venv
	@$(VENV)/bin/python -m tools.try_containers $(if $(BASE),--build-arg BASE="$(BASE)")

check-release: venv
	@$(VENV)/bin/python -m tools.check_release "$(TAG)" "$(REPOSITORY)"

# --- the locks ------------------------------------------------------------------------------------

# Names, versions and hashes only: where packages come from is a matter of each machine.
COMPILE = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade) pyproject.toml

ALL_EXTRAS = --extra heic --extra server --extra desk --extra evaluation --extra parquet \
	--extra cluster --extra grouping \
	--extra benchmark --extra docs --extra dev

lock: .venv-lock/.installed
	@$(COMPILE) $(ALL_EXTRAS) --extra photos --output-file requirements/dev.lock
	@$(COMPILE) --extra tensorflow --extra dev --output-file requirements/tensorflow.lock
	@$(COMPILE) --extra server --output-file requirements/server.lock
	@$(COMPILE) --extra desk --extra photos --extra heic --output-file requirements/desk.lock
	@$(COMPILE) $(ALL_EXTRAS) --extra photos --resolution lowest-direct \
		--output-file requirements/minimum.lock
	@if grep -n '://' requirements/*.lock; then echo "a lock names an address" >&2; exit 1; fi
	@echo "requirements/{dev,tensorflow,server,desk,minimum}.lock are resolved"

.venv-lock/.installed: Makefile
	@$(find_python); "$$python" -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install $(PIP_FLAGS) $(UV)
	@touch $@

clean:
	@rm -rf $(VENV) $(VENV_TF) $(VENV_MIN) .venv-lock build dist site .coverage htmlcov \
		.pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	@find . -type d -name __pycache__ -prune -exec rm -rf {} +
