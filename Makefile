# Every verb of the house; `make help` lists them. Needs Python 3.11+ with pip; Docker never, Java and PostgreSQL where found.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECTS := shared/pyproject.toml $(wildcard services/*/pyproject.toml)
DISTRIBUTIONS := $(patsubst %/pyproject.toml,./%,$(PROJECTS))
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check --retries 10 --timeout 60

.PHONY: help
help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up -------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Baton needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

# What running needs, without the tools: a first `make run` is quicker for it.
$(VENV)/.run: requirements/run.txt requirements/build.txt $(PROJECTS) | $(BIN)/python
	@echo "Installing what Baton runs on into $(VENV) …"
	$(INSTALL) --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(INSTALL) --no-deps --no-build-isolation $(addprefix --editable ,$(DISTRIBUTIONS))
	@touch $@

$(VENV)/.ready: requirements/all.txt $(VENV)/.run
	@echo "Installing the tools of the house …"
	$(INSTALL) --require-hashes -r requirements/all.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready ## Make .venv with everything, by hash; does nothing when it is up to date

# --- running ------------------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.run ## Start all five services in one process, data under var/ (BATON_HOME, BATON_PORT)
	@exec $(BIN)/baton up

.PHONY: kafka-up kafka-down postgres-up postgres-down
kafka-up: ## Start a real Apache Kafka without Docker (Java 17+, Maven once); data under var/dev/kafka
	@$(PYTHON) deploy/kafka/run.py start
kafka-down: ## Stop it; its data stays
	@$(PYTHON) deploy/kafka/run.py stop
postgres-up: ## Start PostgreSQL with five databases without Docker; data under var/dev/postgres
	@$(PYTHON) deploy/postgres/run.py start
postgres-down: ## Stop it; its data stays
	@$(PYTHON) deploy/postgres/run.py stop

# --- judging ------------------------------------------------------------------------------------------------

# Files of tests beside each other, those that must be alone at the end (CONTRIBUTING.md); PARALLEL= takes turns.
PARALLEL ?= --numprocesses 2 --dist loadscope --no-loadscope-reorder

.PHONY: check
check: $(VENV)/.ready ## Format, lint, types, imports, dependencies, fast tests: some six minutes on two quiet cores
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo > .import-linter.out 2>&1 || { cat .import-linter.out; exit 1; }
	@rm -f .import-linter.out
	@$(MAKE) --no-print-directory dependencies
	$(BIN)/python -m pytest -q $(PARALLEL) -m "not slow and not postgres and not kafka and not chromium"

.PHONY: dependencies
dependencies: $(VENV)/.ready ## Each distribution declares what it imports, and no more
	@for project in $(DISTRIBUTIONS); do (cd $$project && $(CURDIR)/$(BIN)/deptry src > $(CURDIR)/.deptry.out 2>&1) \
	  || { echo "$$project:"; cat .deptry.out; rm -f .deptry.out; exit 1; }; done; rm -f .deptry.out

.PHONY: format
format: $(VENV)/.ready ## Format, and repair what ruff can repair
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

.PHONY: test
test: $(VENV)/.ready ## Everything this machine can reach; BATON_TEST_REQUIRE=all refuses to leave anything out
	@$(BIN)/python -m pytest $(PARALLEL) $(TESTS)

.PHONY: bite
bite: $(VENV)/.ready ## Break each rule in a copy of the tree and see that its guard goes red
	@$(BIN)/python -m tests.bite.run

# What is set beforehand wins: BATON_FAULTS_MINUTES=50 make faults-long
FAULTS_LONG = BATON_FAULTS_OUT=$${BATON_FAULTS_OUT:-var/faults} BATON_FAULTS_ROUNDS=$${BATON_FAULTS_ROUNDS:-99} \
  BATON_FAULTS_ENOUGH=$${BATON_FAULTS_ENOUGH:-500000} BATON_FAULTS_BEHIND=$${BATON_FAULTS_BEHIND:-15000} \
  BATON_FAULTS_SECONDS=$${BATON_FAULTS_SECONDS:-300} BATON_FAULTS_LEADS=$${BATON_FAULTS_LEADS:-100000} \
  BATON_FAULTS_GAP=$${BATON_FAULTS_GAP:-1.1} BATON_FAULTS_DRAIN=$${BATON_FAULTS_DRAIN:-600}
.PHONY: faults faults-long faults-mutants faults-embedded
faults: $(VENV)/.ready ## Kill, stop and cut off everything under load, then look for lost leads (BATON_FAULTS_…: docs/faults.md)
	@$(BIN)/python -m tests.faults
faults-long: $(VENV)/.ready ## 500,000 leads, 1,000 kills and more, in rounds; the result so far in var/faults.json and .md (docs/faults.md)
	@$(FAULTS_LONG) $(BIN)/python -m tests.faults
faults-embedded: $(VENV)/.ready ## The same on the embedded set-up: one process, SQLite alone
	@$(BIN)/python -m tests.faults.embedded
faults-mutants: $(VENV)/.ready ## Break one mechanism at a time in a copy of the tree and see that it is found
	@$(BIN)/python -m tests.faults.mutants $(MUTANTS)

.PHONY: burst
burst: $(VENV)/.ready ## 10,000 leads at once over routing replicas on PostgreSQL: caps, owners, fairness, cost (BURST="--size 1500,300 --replicas 3")
	@$(BIN)/python -m tests.burst $(BURST)

.PHONY: explore-api
explore-api: $(VENV)/.ready ## Ask all five OpenAPI documents odd questions: no 5xx, no surprise (CASES=50000; SEED=1; EXPLORE=--distributed)
	@$(BIN)/python -m tests.doors.explore --cases $(or $(CASES),50000) --seed $(or $(SEED),1) $(EXPLORE)

.PHONY: simulation
simulation: $(VENV)/.ready ## Five services under seeds for ten minutes (SIM="--seconds 60 --first 5000"); docs/simulation.md
	@$(BIN)/python -m tests.simulation.many --seconds 600 $(SIM)

.PHONY: simulation-long
simulation-long: $(VENV)/.ready ## 100,000 seeds by two processes, the result in var/simulation.json (SIM="--first 40001")
	@$(BIN)/python -m tests.simulation.many --seeds 100000 --jobs 2 --out var/simulation.json $(SIM)

.PHONY: fuzz
fuzz: $(VENV)/.ready ## 1,000,000 mutated requests through parsers, signatures and mappings; resumes (FUZZ="--seed 2 --count 5000000")
	@$(BIN)/python -m tests.fuzz $(FUZZ)

.PHONY: bench bench-quick
bench: $(VENV)/.ready ## Performance beside bare programs with the same I/O, into docs/performance.md (BENCH="pipeline --pairs 5")
	@$(BIN)/python -m bench --publish $(ROW) $(BENCH)
bench-quick: $(VENV)/.ready ## Roughly the same in under a minute; fails when a ratio fell (UPDATE=1 sets them anew)
	@$(BIN)/python -m bench.quick

.PHONY: profile
profile: $(VENV)/.ready ## py-spy on every service under load: where the time goes, to bench/out/profile.md
	@$(BIN)/python -m bench.profile $(PROFILE)

# --- keeping ------------------------------------------------------------------------------------------------

.PHONY: docs
docs: $(VENV)/.ready ## Write the generated pages and the facts' schemas anew from the code
	@$(BIN)/python -m baton.cli.docs --write docs
	@$(BIN)/python -m baton.cli.schemas --write shared/src/baton/contracts/schemas

.PHONY: dashboards
dashboards: $(VENV)/.ready ## Write Grafana's dashboards anew from deploy/grafana/
	@$(BIN)/python -m deploy.grafana.build --write deploy/grafana/dashboards

.PHONY: requirements
requirements: $(VENV)/.ready ## Pin the dependencies by hash; UPGRADE=--upgrade takes newer versions
	@requirements/compile.sh $(UPGRADE)

$(VENV)/.audit: requirements/audit.txt | $(VENV)/.ready
	$(INSTALL) --require-hashes -r requirements/audit.txt
	@touch $@

# --strict: a pin nobody could look up is no good news.
.PHONY: audit-dependencies
audit-dependencies: $(VENV)/.audit ## Ask the advisories about every pin (needs the network); fails also where nobody could be asked
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off --desc off -r requirements/run.txt -r requirements/all.txt

.PHONY: clean
clean: ## Remove .venv and what tools leave behind; data under var/ stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
