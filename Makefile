# From a bare clone: `make drill` rehearses a failover, `make lab` opens the runbooks, `make test` proves them.
# Everything is installed into .venv; only the Pulumi command line tool goes to ~/.pulumi, as its own installer does.

FILE ?= params/sandbox.yaml
SCENARIO ?=
LAB ?=
RUNS ?= 50
KILLS ?= 50
MODES ?= refuse,reset
SCENARIOS ?= region-outage,split,flapping
CANDIDATES := python3.13 python3.12 python3.11 python3 python
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PIP := .venv/bin/python -m pip install -q --no-compile --no-build-isolation -c constraints.txt

# What a person's own shell may hold, and what would make a difference between two machines.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PYTHONWARNINGS PIP_TARGET PIP_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_USER := 0
export PYTHONNOUSERSITE := 1

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup drill lab test suite soak lint notebooks clean force

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

# The stamp holds the folder that it was made in: a virtual environment does not survive a move of the clone,
# nor the end of the Python that it came from.
READY_IN := $(shell .venv/bin/python -c pass 2>/dev/null && cat .venv/.setup 2>/dev/null)
ifneq ($(READY_IN),$(CURDIR))
STALE := force
endif

setup: .venv/.setup ## install what the runbooks need into .venv, and the Pulumi command line tool
	@.venv/bin/python -m drlib.stack.pulumi_cli

.venv/.setup: pyproject.toml constraints.txt $(STALE)
	@chosen=""; \
	for python in $(if $(PYTHON),"$(PYTHON)",$(CANDIDATES)); do \
	    if "$$python" -c '$(USABLE)' >/dev/null 2>&1; then chosen="$$python"; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	    echo "No Python 3.11 or newer that can make a virtual environment was found" >&2; \
	    echo "(tried: $(or $(PYTHON),$(CANDIDATES)); on Debian and Ubuntu also install python3-venv)." >&2; \
	    echo "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	echo "setup 1/3: virtual environment, $$("$$chosen" --version)"; \
	"$$chosen" -m venv --clear .venv
	@echo "setup 2/3: packages, as pinned in constraints.txt (a minute or two)"
	@$(PIP) setuptools
	@$(PIP) -e '.[test]'
	@echo "setup 3/3: compiling (a notebook's kernel then starts in a third of the time)"
	@.venv/bin/python -m compileall -qq -j 2 .venv/lib || true # some packages carry templates that do not compile
	@echo '$(CURDIR)' > .venv/.setup

.venv/.lab: .venv/.setup
	@echo "setup: JupyterLab"
	@$(PIP) -e '.[lab]'
	@.venv/bin/python -m compileall -qq -j 2 .venv/lib || true
	@touch .venv/.lab

drill: setup ## the whole drill in the sandbox: deploy, fail over, measure, fail back, tear down
	@.venv/bin/drlib drill -f "$(FILE)" $(if $(SCENARIO),--scenario "$(SCENARIO)")

lab: setup .venv/.lab ## JupyterLab on the runbooks, with the sandbox ready
	@.venv/bin/drlib sandbox up
	@JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" .venv/bin/python -m jupyterlab \
	    --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks/00-preflight.ipynb \
	    $$([ "$$(id -u)" -ne 0 ] || echo --allow-root) $(LAB)

test: setup ## everything that must hold: lint, types, unit, red, notebooks, headless drill
	@.venv/bin/python tests/no_leftovers.py $(MAKE) suite

suite: lint
	@echo "== unit tests, a sandbox for each of two processes"
	@.venv/bin/python -m pytest -q -m "not soak" -n 2 --dist loadfile tests/unit
	@echo "== tests of the whole, one after another"
	@.venv/bin/python -m pytest -q -m "not soak" tests/fidelity tests/red tests/notebooks tests/e2e
	@echo "== notebooks against their stored outputs"
	@.venv/bin/python -m tests.notebooks.day check

soak: setup ## every scenario, and many seeded drills, each count against the sandbox's own record; drills that are killed and resumed (RUNS, SCENARIOS, MODES, KILLS)
	@.venv/bin/python -m pytest -q -m soak tests/red tests/e2e
	@.venv/bin/python -m tests.soak --runs 1 --scenarios all
	@.venv/bin/python -m tests.soak --runs "$(RUNS)" --scenarios "$(SCENARIOS)" --modes "$(MODES)"
	@.venv/bin/python -m tests.soak.kills --kills "$(KILLS)"

lint: setup ## style, types, the direction of imports, the shape of stored notebooks
	@echo "== lint"
	@.venv/bin/ruff check -q .
	@.venv/bin/ruff format -q --check .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python -m tests.notebooks.normalise --check
	@.venv/bin/python -m tests.notebooks.parameters --check
	@.venv/bin/python -m tests.notebooks.handbook --check
	@.venv/bin/python -m tests.fidelity --check
	@.venv/bin/python -m tests.red.table --check

notebooks: setup ## run all runbooks against a fresh sandbox, and store their outputs
	@.venv/bin/python -m tests.notebooks.day store

clean: ## stop the sandbox; remove .venv, caches and builds (runs/ stays: it is evidence)
	@if [ -x .venv/bin/drlib ]; then .venv/bin/drlib sandbox down || true; fi
	@rm -rf .venv .drlib build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
