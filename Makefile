# Two commands do everything: `make demo` shows the product, `make test` runs every gate.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3

.PHONY: demo test format lint types imports tests services proof soak conformance bench clean

demo: $(VENV)/.product  ## thirteen workers under supervision, in the foreground; Ctrl-C ends it
	@$(BIN)/trio-supervisor configure conf/dev-env.toml -o supervisord.toml
	@echo "the web page is at http://127.0.0.1:7313/"
	@exec $(BIN)/trio-supervisor up -c supervisord.toml

test: format lint types imports tests  ## every gate that CI runs

format: $(VENV)/.gates
	$(BIN)/ruff format --check .

lint: $(VENV)/.gates
	$(BIN)/ruff check .

types: $(VENV)/.gates  ## strict, in both views: with the stubs of trio-typing, and with Trio's own types
	$(BIN)/mypy
	own=$$(mktemp -d) && trap 'rm -r "$$own"' EXIT && \
	ln -s "$$($(BIN)/python -c 'import trio; print(trio.__path__[0])')" "$$own/trio" && \
	MYPYPATH=tests/typings:$$own $(BIN)/mypy --cache-dir .mypy_cache_own

imports: $(VENV)/.gates
	$(BIN)/lint-imports

tests: $(VENV)/.gates
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

soak: $(VENV)/.gates  ## what takes longer than CI allows, and the comparison with supervisor itself
	TRIO_SUPERVISOR_SOAK=1 $(BIN)/pytest tests/soak tests/compat

services:  ## what `make proof` needs, from Debian's packages; as root
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
	postgresql redis-server redis-tools nginx-light

proof: $(VENV)/.gates  ## a stack of real services, where they are installed; part of `tests`, too
	$(BIN)/pytest tests/proof

conformance: $(VENV)/.gates  ## our launchers in every case of docs/conformance.md
	$(BIN)/python -m tests.conformance

bench: $(VENV)/.product  ## the table of docs/performance.md, beside supervisor and honcho
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .coverage .coverage.* .hypothesis .mypy_cache .mypy_cache_own .pytest_cache .ruff_cache

$(VENV)/.product: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.gates: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.product
