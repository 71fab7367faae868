# Everything done twice has a target here. `make run` and `make test` set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamps: the environment to run Spillway, and the one to work on it.
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
CHECKOV := .venv-checkov
WORKFLOWS := .venv-workflows
PIP := $(BIN)/pip --quiet --disable-pip-version-check

COMPILE := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
  --custom-compile-command 'make requirements'

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)
.DEFAULT_GOAL := help

help: ## list the targets (this list)
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

setup: $(DEV) ## make .venv from the pinned requirements, and install the git hooks
	@if git rev-parse --git-dir > /dev/null 2>&1; then $(BIN)/pre-commit install; fi

$(RUN): requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Spillway needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another with make PYTHON=...") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUN) requirements/dev.txt
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

run: $(RUN) ## start the whole pipeline on this machine
	@bash -mc '"$$0" run "$$@"; exit $$?' $(BIN)/spillway $(ARGS) # -m: Ctrl-C ends Spillway, and not make

test: $(DEV) ## run the tests (ALL=1: those marked slow, too)
	$(BIN)/pytest -n auto $(if $(ALL),,-m 'not slow') $(ARGS)

lint: $(DEV) ## check format, style, types and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(DEV) ## rewrite the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

simulate: $(DEV) ## the pipeline simulated: SEEDS=1000 MINUTES=10, or SEED=... for one seed with its history
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --minutes $(or $(MINUTES),10))

chaos: $(DEV) ## every fault at once while 100,000 events flow (EVENTS=..., SEED=...)
	EVENTS=$(or $(EVENTS),100000) $(if $(SEED),SEED=$(SEED)) $(BIN)/pytest tests/chaos -s --timeout 3600 $(ARGS)

architecture: $(DEV) ## draw the folders and their imports in docs/architecture.md
	$(BIN)/python -m tests.architecture.picture

console-pictures: $(DEV) ## take the pictures of docs/console.md anew (needs Chromium)
	$(BIN)/python -m tests.console.pictures

terraform: $(DEV) ## format, validate and test the Terraform configuration, without an account
	$(BIN)/python -m infra.deploy.lake_file
	terraform fmt -recursive infra/terraform
	terraform fmt -recursive tests/infra/terraform/plans
	$(BIN)/pytest tests/infra/terraform/test_configuration.py tests/infra/terraform/test_delivery.py $(ARGS)

APPLIED := tests/infra/terraform/test_apply.py tests/infra/terraform/test_apply_options.py tests/infra/terraform/test_http_door.py

apply-local: $(DEV) ## apply the Terraform configuration to the local endpoint, run on it, change it, destroy it
	$(BIN)/pytest $(APPLIED) $(ARGS)

RECORDED := tests/end_to_end tests/chaos tests/http tests/archive tests/infra/shards tests/roles

record-calls: $(DEV) ## record anew what functions call (tests/roles/data)
	SPILLWAY_KEEP_CALLS=functions $(BIN)/pytest -n auto $(RECORDED) $(ARGS)

record-deployments: $(DEV) ## record anew what a deployment calls (tests/roles/data)
	SPILLWAY_KEEP_CALLS=deployments $(BIN)/pytest tests/infra/terraform/test_apply.py $(ARGS)

athena-grammar: build/athena_grammar/.done ## install the grammars that tests/athena_grammar parses with (needs npm)

build/athena_grammar/.done: tests/athena_grammar/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)
	@cd $(@D) && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --silent
	@touch $@

checkov: $(CHECKOV)/.done ## scan the Terraform configuration
	$(CHECKOV)/bin/checkov --directory infra/terraform --framework terraform --skip-download --compact --quiet

$(CHECKOV)/.done: requirements/checkov.txt
	@$(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/pip --quiet --disable-pip-version-check install --require-hashes -r requirements/checkov.txt
	@touch $@

workflows: $(WORKFLOWS)/.done ## scan the GitHub workflows
	$(WORKFLOWS)/bin/zizmor --offline --no-progress .github

$(WORKFLOWS)/.done: requirements/workflows.txt
	@$(PYTHON) -m venv $(WORKFLOWS)
	@$(WORKFLOWS)/bin/pip --quiet --disable-pip-version-check install --require-hashes -r requirements/workflows.txt
	@touch $@

actionlint: $(WORKFLOWS)/.actionlint ## lint the GitHub workflows (its binary comes from GitHub)
	$(WORKFLOWS)/bin/actionlint

$(WORKFLOWS)/.actionlint: requirements/actionlint.txt $(WORKFLOWS)/.done
	@$(WORKFLOWS)/bin/pip --quiet --disable-pip-version-check install --require-hashes -r requirements/actionlint.txt
	@touch $@

conform: $(DEV) ## ask the facts of tests/conformance of a real AWS account (under 1 dollar; CLEAN=1 after a kill)
	$(BIN)/python -m tests.conformance $(if $(CLEAN),--clean) $(ARGS)

other-emulators: $(DEV) ## ask the facts of kinesalite and dynalite (needs node and npm)
	npm install --silent --no-save --no-audit --no-fund --prefix .emulators kinesalite@3.3.3 dynalite@4.0.0
	$(BIN)/python -m tests.conformance.other_emulators .emulators/node_modules $(ARGS)

bench: $(DEV) ## measure, and print one table
	$(BIN)/python -m tests.benchmarks $(ARGS)

mutate: $(DEV) ## change the code a little in thousands of ways, and list the changes that no test notices (hours)
	nice -n 19 $(BIN)/mutmut run --max-children 1 $(ARGS)
	$(BIN)/python -m tests.mutation

requirements: $(DEV) ## pin the requirements anew, with hashes (needs uv)
	cd requirements && $(COMPILE) lambda.in -o lambda.txt
	cd requirements && $(COMPILE) lambda.in run.in -c lambda.txt -o run.txt
	cd requirements && $(COMPILE) lambda.in run.in plots.in -c run.txt -o plots.txt
	cd requirements && $(COMPILE) lambda.in run.in shell.in -c run.txt -o shell.txt
	cd requirements && $(COMPILE) lambda.in run.in plots.in shell.in dev.in -c run.txt -o dev.txt
	cd requirements && $(COMPILE) spark.in -o spark.txt
	cd requirements && $(COMPILE) checkov.in -o checkov.txt
	cd requirements && $(COMPILE) workflows.in -o workflows.txt
	cd requirements && $(COMPILE) actionlint.in -o actionlint.txt

clean: ## remove what the other targets made
	rm -rf $(VENV) $(CHECKOV) $(WORKFLOWS) mutants build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
