# The verbs of this project; people, hooks and CI use the same ones. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo stop test check format neo4j serve bench docs bento lock clean

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PARITY := $(VENV)/.parity
# The first interpreter that runs and is one we support; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
# Nothing tells anybody outside what it does.
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := True
export DO_NOT_TRACK := true
# Idle threads sleep instead of spinning: on a shared machine spinning costs ten times the work.
export OMP_WAIT_POLICY := PASSIVE

help: ## list the verbs
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; say PYTHON=/path/to/python3.12"; exit 1; }
	@echo "== Setting up $(VENV) with $$($(PYTHON) --version) (once; a few minutes) 正在安装依赖"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock | { grep -vE '^(Requirement|  )' || true; }
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -q -e .
	$(BIN)/python -m pip check --disable-pip-version-check
	@touch $(INSTALLED)

setup: $(INSTALLED) ## make .venv from the lock

# A graph server for the parity tests. It stands apart: its wheels need glibc 2.34, which the service does not.
$(PARITY): $(INSTALLED) tests/parity/requirements.lock
	@echo "== Setting up the graph server of the parity tests (once) 正在安装测试用的图服务器"
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -q -r tests/parity/requirements.lock \
		|| echo "!! It cannot be installed here; the parity tests will say what that leaves out. 无法安装，一致性测试会说明"
	@touch $(PARITY)

demo: setup ## the main job: sample group, graph, features, model, service, one explained answer
	$(BIN)/zhiheng demo

stop: setup ## end the service and the MLflow pages that the demo left running
	$(BIN)/zhiheng stop

# Files of tests go to as many processes as there are cores; a file stays in one, as its tests share what is slow to start.
test: setup $(PARITY) ## run the tests
	$(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
	@echo "== Tests passed. Next: make demo (see it work), make check (style, types, layers). 测试通过"

check: setup ## style, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@echo "== Checked: style, types, layers. 检查通过"

format: setup ## rewrite the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

neo4j: ## start Neo4j Community on this machine (Java 17 and Maven; fetched, never bundled)
	@deploy/neo4j/server.sh start

serve: setup ## the service in the foreground
	$(BIN)/zhiheng serve

bench: setup ## all benchmarks; bench/RESULTS.md keeps figures and machine
	@missed=0; for file in bench/*.py; do echo "== $$file"; $(BIN)/python $$file || missed=1; done; exit $$missed

docs: setup ## rewrite what is generated in docs/ from the code
	$(BIN)/zhiheng docs

bento: setup ## pack the service: it runs without this repository, see docs/operators.md
	mkdir -p var/run/bentoml
	BENTOML_HOME=var/run/bentoml $(BIN)/bentoml build --bentofile deploy/bentofile.yaml --output tag .
	@echo "== Packed under var/run/bentoml. Next: BENTOML_HOME=var/run/bentoml $(BIN)/bentoml serve zhiheng:latest"

lock: ## resolve the dependencies anew, for all supported Pythons and both architectures
	@test -x $(BIN)/uv || $(MAKE) setup  # not a prerequisite: setup fails while a new dependency is not locked
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--constraints requirements.lock --custom-compile-command "make lock" deploy/service.in \
		--output-file deploy/requirements-service.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--constraints requirements.lock --custom-compile-command "make lock" tests/parity/requirements.in \
		--output-file tests/parity/requirements.lock

clean: ## remove the environment, caches and all state under var/ (asks first)
	@read -r -p "Remove .venv, caches and var/ (models, ledger)? [y/N] " answer; [ "$$answer" = y ]
	rm -rf $(VENV) var dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
