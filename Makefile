# Needs Python >= 3.11 with venv, and make; everything else is installed into .venv.
PYTHON ?= python3
VENV   := .venv
PEERS  := .venv-peers
BIN    := $(VENV)/bin
# what the optional comparisons install
TORCH  ?= torch==2.13.0
JAX    ?= jax

.PHONY: demo env test check lint types layers bench peers-env test-peers test-gpu clean
.DEFAULT_GOAL := check

demo: $(VENV)/.installed
	$(BIN)/python -m symnn.demo --out build/demo

env: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

test: $(VENV)/.installed
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/python .ci/lint_indexed.py

types: $(VENV)/.installed
	$(BIN)/mypy --strict

layers: $(VENV)/.installed
	$(BIN)/lint-imports

check: lint types layers test

bench: $(VENV)/.installed
	@set -e; for file in $(sort $(wildcard benchmarks/*.py)); do \
	    echo "== $$file"; $(BIN)/python $$file; done

# Comparisons with other differentiators, in an environment of their own. What cannot be installed
# is said aloud and not counted as a pass; a comparison that fails is an error.
$(PEERS)/.installed: pyproject.toml
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@for package in '$(TORCH)' '$(JAX)'; do \
	    $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --prefer-binary "$$package" \
	    || echo "NOT INSTALLED: $$package -- the comparisons with it do not run"; done
	touch $@

peers-env: $(PEERS)/.installed

test-peers: peers-env
	@for module in torch jax; do \
	    $(PEERS)/bin/python -c "import $$module; print('$$module', $$module.__version__)" 2>/dev/null \
	    || echo "NOT RUN: $$module is not installed here"; done
	@$(PEERS)/bin/python -m pytest -q -rs -m peers; status=$$?; \
	    if [ $$status -eq 5 ]; then echo "NOT RUN: no test carries the mark 'peers'"; exit 0; fi; exit $$status

# CuPy's programs, where CuPy is installed (pip install 'symnn[cupy]') and sees a GPU; each test says where it did not run.
GPU_PYTHON ?= $(BIN)/python
test-gpu: $(VENV)/.installed
	$(GPU_PYTHON) -m pytest -q -rs -m gpu -n 2

clean:
	rm -rf $(VENV) $(PEERS) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
