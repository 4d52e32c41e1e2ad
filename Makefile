# `make up` starts the platform, `make test` tests it; `make help` lists the rest.
# Every step leaves a stamp in .venv/stamps and is done again only when what it depends on changes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# With it, every start would compile the whole platform again.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
LAB := extensions/labextension

# Where `make up` starts it: make up ADDRESS=127.0.0.1:9000 HIMALIA_HOME=/srv/himalia
ADDRESS ?= 127.0.0.1:8000
ENVIRONMENTS ?= base scikit-learn
UP_OPTIONS ?=
ifdef HIMALIA_HOME
export HIMALIA_HOME
endif

# The folders whose modules take long come first, so that all processes end at about the same time.
TESTS := $(wildcard $(addprefix tests/,browser faults docs api hub upgrade backends unit))
# Three are no faster on two processors, and tests that wait for a moment miss it.
TEST_PROCESSES ?= 2
PYTHON_SOURCES := hub/himalia tests benchmarks $(wildcard extensions/himalia_lab)
LAB_SOURCES := $(shell find $(LAB)/src $(LAB)/style $(LAB)/schema -type f 2>/dev/null) $(wildcard $(LAB)/*.json)
EXTENSION := $(if $(wildcard $(LAB)/package-lock.json),$(STAMPS)/extension)
PYTHON_FILES := $(shell find hub/himalia -name '*.py')

.PHONY: help up install test test-quick test-cluster test-cluster-all lint bench docs wheels lock clean

help:
	@echo "make up          install what is needed and start the platform (ADDRESS=HOST:PORT, HIMALIA_HOME=DIR)"
	@echo "make test        all tests that one machine can run; make test-quick: only the quick ones"
	@echo "make test-cluster  tests on a real Kubernetes that is built and started here, as root; test-cluster-all: with"
	@echo "                   everything that it can run beside"
	@echo "make lint        formatting, linters and types"
	@echo "make bench       measurements, each against a named peer"
	@echo "make docs        the documentation, into site/"
	@echo "make wheels      both distributions as wheels, into dist/"
	@echo "make lock        resolve all dependencies anew"
	@echo "make clean       remove what was built; the platform's home folder stays"

up: install
	@$(BIN)/himalia environments create $(ENVIRONMENTS)
	@exec $(BIN)/himalia up --address $(ADDRESS) $(UP_OPTIONS)

install: $(STAMPS)/project $(STAMPS)/proxy $(EXTENSION) $(STAMPS)/bytecode
	@tools/system bwrap:bubblewrap setpriv:util-linux

$(STAMPS)/venv:
	@tools/system venv:python3\ python3-venv bwrap:bubblewrap setpriv:util-linux
	@echo "==> Making a virtual environment in $(VENV)"
	@"$$(tools/python)" -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/uv: requirements/platform.lock $(STAMPS)/venv
	@echo "==> Installing uv"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/platform.lock > $(STAMPS)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(STAMPS)/uv.lock
	@touch $@

$(STAMPS)/platform: requirements/platform.lock $(STAMPS)/uv
	@echo "==> Installing the platform's dependencies"
	@tools/uv pip install --quiet --compile-bytecode --no-deps --require-hashes -r requirements/platform.lock
	@touch $@

$(STAMPS)/dev: requirements/dev.lock $(STAMPS)/platform
	@echo "==> Installing what tests, linters and documentation need"
	@tools/uv pip install --quiet --compile-bytecode --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

$(STAMPS)/project: setup.cfg pyproject.toml hub/himalia/__init__.py $(STAMPS)/platform
	@echo "==> Installing Himalia from this checkout"
	@tools/uv pip install --quiet --no-deps --editable .
	@touch $@

$(STAMPS)/bytecode: $(PYTHON_FILES) $(STAMPS)/project
	@$(BIN)/python -m compileall -q hub/himalia
	@touch $@

$(STAMPS)/proxy: hub/himalia/hub/proxy/package-lock.json | $(STAMPS)/project
	@echo "==> Installing the proxy"
	@$(BIN)/python -m himalia.supervisor.proxy
	@touch $@

$(STAMPS)/lab-modules: $(LAB)/package-lock.json $(STAMPS)/platform
	@echo "==> Installing what the Lab extension is built with"
	@# `npm ci` refuses a lock without the optional packages of other platforms, which not every registry has.
	@cd $(LAB) && $(CURDIR)/tools/npm install --no-save --ignore-scripts --loglevel=error >/dev/null
	@touch $@

$(STAMPS)/extension: $(LAB_SOURCES) extensions/setup.cfg $(STAMPS)/lab-modules $(STAMPS)/project
	@echo "==> Building the Lab extension"
	@cd $(LAB) && $(CURDIR)/tools/npm run --silent build:prod > $(CURDIR)/$(STAMPS)/extension.log 2>&1 \
		|| { cat $(CURDIR)/$(STAMPS)/extension.log; exit 1; }
	@tools/uv pip install --quiet --no-deps --editable extensions
	@mkdir -p $(VENV)/share/jupyter/labextensions/@himalia $(VENV)/etc/jupyter/jupyter_server_config.d
	@ln -sfn $(CURDIR)/extensions/himalia_lab/labextension $(VENV)/share/jupyter/labextensions/@himalia/lab
	@ln -sf $(CURDIR)/extensions/himalia_lab/etc/himalia_lab.json $(VENV)/etc/jupyter/jupyter_server_config.d/
	@touch $@

test: install $(STAMPS)/dev
	@tools/system chromium:chromium pg_ctlcluster:postgresql
	@echo "==> Making the environments that tests run in"
	@# A test that had to make them would be over its time on a slow machine.
	@$(BIN)/python -c 'import sys, pathlib; from himalia.environments.local import create; \
		[create(name, pathlib.Path(".cache").absolute()) for name in sys.argv[1:]]' $(ENVIRONMENTS)
	@echo "==> Testing: $(TESTS)"
	@$(BIN)/python tests/keeper.py $(BIN)/python -m pytest -n $(TEST_PROCESSES) --no-loadscope-reorder $(TESTS)

test-quick: install $(STAMPS)/dev
	@$(BIN)/python tests/keeper.py $(BIN)/python -m pytest tests/unit

test-cluster: CLUSTER_TESTS := -m "not full"
test-cluster-all: CLUSTER_PROGRAMS := prometheus:prometheus
test-cluster test-cluster-all: install wheels $(STAMPS)/dev
	@tools/system etcd:etcd-server containerd:containerd runc:runc /usr/lib/cni/bridge:containernetworking-plugins \
		nft:nftables ip:iproute2 iptables:iptables conntrack:conntrack buildah:buildah debootstrap:debootstrap \
		chromium:chromium $(CLUSTER_PROGRAMS)
	@$(BIN)/python tests/keeper.py $(BIN)/python tests/cluster/machinery build
	@$(BIN)/python tests/keeper.py $(BIN)/python -m pytest $(CLUSTER_TESTS) tests/cluster

lint: install $(STAMPS)/dev
	@$(BIN)/ruff check $(PYTHON_SOURCES)
	@$(BIN)/ruff format --check $(PYTHON_SOURCES)
	@$(BIN)/mypy
	@cd $(LAB) && $(CURDIR)/tools/npm run --silent lint

bench: install $(STAMPS)/dev
	@for script in $(sort $(wildcard benchmarks/[a-z]*.py)); do echo "==> $$script"; \
		$(BIN)/python tests/keeper.py $(BIN)/python $$script; done

docs: $(STAMPS)/project $(STAMPS)/dev
	@$(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in site/."

wheels: install
	@tools/wheels dist
	@echo "The wheels are in dist/."

LOCK := tools/uv pip compile --quiet --universal --python-version 3.11 --override requirements/overrides.txt --generate-hashes \
	--no-header --no-annotate --no-emit-index-url setup.cfg
PLATFORM := --extra hub --extra tracking --extra kubernetes --extra s3

lock: $(STAMPS)/uv
	@echo "==> Resolving dependencies"
	@$(LOCK) $(PLATFORM) -o requirements/platform.lock >/dev/null
	@$(LOCK) $(PLATFORM) --extra test --extra lint --extra docs --extra bench -c requirements/platform.lock \
		-o requirements/dev.lock >/dev/null
	@$(LOCK) --extra lab -c requirements/platform.lock -o requirements/lab.lock >/dev/null

clean:
	@rm -rf $(VENV) build dist site hub/himalia.egg-info extensions/*.egg-info \
		$(LAB)/node_modules $(LAB)/lib $(LAB)/*.tsbuildinfo extensions/himalia_lab/labextension \
		.mypy_cache .ruff_cache .pytest_cache
	@find hub tests benchmarks extensions -name __pycache__ -type d -prune -exec rm -rf {} +
