# GNU make 3.81 (macOS) and later. `make help` lists what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Give one to choose it: make venv PYTHON=python3.12
PYTHON ?=

VENV    := .venv
VENV_TF := .venv-tensorflow
UV      := uv==0.13.9

# What is locked is installed as wheels with checked hashes and nothing else; then the project itself,
# without dependencies and without a build environment that would have to be fetched.
PIP_FLAGS    := --quiet --disable-pip-version-check
INSTALL_LOCK := -m pip install $(PIP_FLAGS) --no-deps --only-binary=:all: --require-hashes -r
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

.PHONY: help venv demo test test-long lint format test-tensorflow docs docs-serve \
	bench bench-quick bench-load bench-million lock clean

help:
	@echo "make venv             environment in $(VENV), from requirements/dev.lock"
	@echo "make demo             the whole story on sample photos"
	@echo "make test             style, types, structure and tests"
	@echo "make test-long        the tests that kill, corrupt and contend, at full length"
	@echo "make lint             the first three of them"
	@echo "make format           put the code into its style"
	@echo "make test-tensorflow  the tests that need TensorFlow, in $(VENV_TF)"
	@echo "make docs             docs/cli.md, and the site in site/; make docs-serve shows it"
	@echo "make bench            all benchmarks; make bench-quick for a short look"
	@echo "make bench-load       five minutes of 32 clients against a server"
	@echo "make bench-million    a million references: time and memory"
	@echo "make lock             resolve requirements/*.lock again (UPGRADE=1: to the newest)"
	@echo "make clean            remove environments, caches and builds"
	@echo
	@echo "PYTHON=... chooses the interpreter of a new environment (3.11, 3.12 or 3.13)."

# --- environments ---------------------------------------------------------------------------------

# An environment whose lock has changed is made anew, so that it never holds what the lock does not.
# The first stamp is for the lock, the second for the project.

venv: $(VENV)/.project-installed

$(VENV)/.lock-installed: requirements/dev.lock
	@$(find_python); \
	echo "making $(VENV) with $$("$$python" --version); installing requirements/dev.lock ..."; \
	"$$python" -m venv --clear $(VENV)
	@$(VENV)/bin/python $(INSTALL_LOCK) requirements/dev.lock
	@touch $@

$(VENV)/.project-installed: $(VENV)/.lock-installed pyproject.toml
	@$(VENV)/bin/python $(INSTALL_SELF)
	@touch $@
	@echo "$(VENV) is ready"

$(VENV_TF)/.lock-installed: requirements/tensorflow.lock
	@$(find_python); \
	echo "making $(VENV_TF) with $$("$$python" --version); installing 2.3 GB ..."; \
	"$$python" -m venv --clear $(VENV_TF)
	@$(VENV_TF)/bin/python $(INSTALL_LOCK) requirements/tensorflow.lock
	@touch $@

$(VENV_TF)/.project-installed: $(VENV_TF)/.lock-installed pyproject.toml
	@$(VENV_TF)/bin/python $(INSTALL_SELF)
	@touch $@
	@echo "$(VENV_TF) is ready"

# --- what to do with them -------------------------------------------------------------------------

demo: venv
	@$(VENV)/bin/gallery demo

test: lint
	@echo "tests"
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

test-long: venv
	@GALLERY_LONG=1 $(VENV)/bin/python -m pytest -s tests/crashes tests/mutations tests/concurrency

lint: venv
	@echo "style"
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet . || \
		{ echo "not in the project's style; run: make format" >&2; exit 1; }
	@echo "types"
	@$(VENV)/bin/mypy --no-error-summary
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

bench-quick: venv
	@$(VENV)/bin/python -m benchmarks.compare --quick

bench-load: venv
	@$(VENV)/bin/python -m benchmarks.load

bench-million: venv
	@$(VENV)/bin/python -m benchmarks.million

# --- the locks ------------------------------------------------------------------------------------

# Names, versions and hashes only: where packages come from is a matter of each machine.
COMPILE = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade) pyproject.toml

ALL_EXTRAS = --extra server --extra evaluation --extra parquet --extra cluster \
	--extra benchmark --extra docs --extra dev

lock: .venv-lock/.installed
	@$(COMPILE) $(ALL_EXTRAS) --extra photos --output-file requirements/dev.lock
	@$(COMPILE) --extra tensorflow --extra dev --output-file requirements/tensorflow.lock
	@$(COMPILE) --extra server --output-file requirements/server.lock
	@if grep -n '://' requirements/*.lock; then echo "a lock names an address" >&2; exit 1; fi
	@echo "requirements/{dev,tensorflow,server}.lock are resolved"

.venv-lock/.installed: Makefile
	@$(find_python); "$$python" -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install $(PIP_FLAGS) $(UV)
	@touch $@

clean:
	@rm -rf $(VENV) $(VENV_TF) .venv-lock build dist site .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	@find . -type d -name __pycache__ -prune -exec rm -rf {} +
