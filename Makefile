# Two commands for a stranger: `make demo` and `make test`. Both do all the set-up first.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$p" && break; done)
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --quiet
unexport PYTHONDONTWRITEBYTECODE # or each of the tests' hundred processes compiles all modules anew

.PHONY: portal help setup demo test long hostile chaos writes fuzz bench dearest live record lint types imports schema format lock wheel sbom audit clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.venv/installed: requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "The gateway needs Python 3.11 or newer, and none was found: install it, or say which with 'make PYTHON=/path/to/python3.11'." >&2; exit 1; fi
	@echo "Setting up .venv with $$($(PYTHON) --version) (once; about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@touch $@

gateway/static/index.html: .venv/installed web/package-lock.json $(shell find web/src web/*.* -type f 2>/dev/null)
	@echo "Building the browser page (once; about half a minute) ..."
	@$(BIN)/python web/build.py

# Behind the other page, whose build empties the folder.
gateway/static/portal/index.html: gateway/static/index.html portal/package-lock.json $(shell find portal/src portal/*.* -type f 2>/dev/null)
	@echo "Building the portal (once; some seconds) ..."
	@$(BIN)/python portal/build.py

setup: .venv/installed gateway/static/index.html gateway/static/portal/index.html ## Install everything the project needs

demo: setup ## Start four sandbox systems and the gateway, and print what to try
	@exec $(BIN)/gateway demo

test: setup ## Run all tests, one more at a time than there are processors; WORKERS=0: one after the other
	@$(BIN)/python -m pytest -m "not long" --dist worksteal \
		-n $(if $(WORKERS),$(WORKERS),$$($(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)'))

long: setup ## Run the tests that take longer, of which `make test` has short forms
	@$(BIN)/python -m pytest -m long --timeout 3600

hostile: setup ## Attack a served gateway in every known way, and print what it did to an innocent caller (minutes; ONLY: part of a name)
	@$(BIN)/python -m tests.hostile $(ONLY)

chaos: setup ## Break each system in every way, Redis and a worker, under a steady load, and print what that did (10 minutes; SECONDS=120: each way once; ONLY: part of a fault's name)
	@$(BIN)/python -m tests.chaos $(SECONDS) $(if $(ONLY),--only "$(ONLY)")

writes: setup ## 200 payments and 200 tickets by 16 clients over two workers, answers lost, one worker killed (WRITES: how many)
	@WRITES=$${WRITES:-200} $(BIN)/python -m pytest -q -s tests/promises/test_writes_lost_answers.py tests/promises/test_writes_at_once.py tests/promises/test_writes_killed.py

bench: setup ## Measure the gateway beside Strawberry, a Node peer and no GraphQL at all (7 minutes; QUICK=1: one), or beside the commit BASE (5); ROUNDS, ONLY
	@$(BIN)/python -m $(if $(BASE),benchmarks.compared $(BASE),benchmarks.bench $(if $(QUICK),--quick)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

dearest: setup ## Search for the dearest document that is accepted, by CPU, longest turn of the event loop, calls, memory (STEPS, default 2000; SEED)
	@$(BIN)/python -m benchmarks.dearest $(if $(STEPS),--steps $(STEPS)) $(if $(SEED),--seed $(SEED))

live: setup ## Ask the contract's queries of real products, write to four of them, and break something in two that monitor (a quarter of an hour; ONLY: these parts; WRITES: how many while a worker is killed; LIVE_SYSTEMS: their start scripts, or LIVE_RT and LIVE_RT_TOKEN ...: where one runs)
	@$(BIN)/python -m acceptance.live $(if $(ONLY),--only $(ONLY)) $(if $(WRITES),--writes $(WRITES))

record: setup ## Record the real products' answers anew for the tests (LIVE_SYSTEMS, or LIVE_RT and LIVE_RT_TOKEN ...)
	@$(BIN)/python -m tests.connectors.recorder $(PRODUCTS)

lint: .venv/installed ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

portal: .venv/installed ## Write the types of the portal's documents anew, check them, and build it
	@$(BIN)/python portal/build.py --generate

types: .venv/installed ## Check types
	@$(BIN)/mypy

imports: .venv/installed ## Check which way the arrows point
	@$(BIN)/lint-imports

schema: .venv/installed ## Compare the code's schema with schema.graphql
	@$(BIN)/gateway schema --check

format: .venv/installed ## Rewrite style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

fuzz: .venv/installed ## Compare the compiled executor with graphql-core over 20,000 generated cases, and throw values at the edge of their type at every setting, argument and attribute (an hour)
	@FUZZ_EDGES=$${FUZZ_EDGES:-20} $(BIN)/python -m pytest -q -s -o timeout=7200 tests/connectors/reading/test_split.py tests/connectors/reading/test_lenient_rows.py tests/connectors/test_sendable_settings.py tests/connectors/test_edge_rows_of_products.py tests/promises/test_edge_arguments.py tests/promises/test_edge_rows.py
	@FUZZ_CASES=$${FUZZ_CASES:-20000} $(BIN)/python -W ignore::RuntimeWarning -m tests.gateway.engine.test_differential

lock: .venv/installed ## Refresh requirements.lock, and what the image installs (deploy/*.lock), from pyproject.toml
	@$(COMPILE) pyproject.toml --extra dev -o requirements.lock
	@$(COMPILE) pyproject.toml --constraint requirements.lock -o deploy/runtime.lock
	@$(COMPILE) --group pyproject.toml:build --constraint requirements.lock -o deploy/build.lock

wheel: setup ## Build the wheel, with the browser's pages, into dist/
	@$(BIN)/python -m pip wheel -qq --no-deps --no-build-isolation --wheel-dir dist . && ls dist/*.whl

sbom: .venv/installed ## Write the bill of materials of what is installed in production (CycloneDX, build/sbom.json)
	@mkdir -p build && $(BIN)/python -W ignore -m cyclonedx_py requirements deploy/runtime.lock --pyproject pyproject.toml --output-reproducible -o build/sbom.json
	@echo build/sbom.json

audit: .venv/installed ## Look whether known weaknesses (advisories) concern what is installed in production
	@$(BIN)/python -m deploy.audit

clean: ## Remove everything that the set-up made
	@rm -rf .venv gateway/static web/node_modules portal/node_modules tests/gateway/http/audit/node_modules tests/gateway/http/live_clients/node_modules tests/gateway/http/manifest_tools/node_modules tests/clients/node_modules tests/clients/graphql17/node_modules tests/gateway/auth/provider/node_modules benchmarks/peer/node_modules
