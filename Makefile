# Everything a newcomer needs: `make demo`, then `make test`. Needs Python 3.11 (to 3.13) and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test slow bench reference docs lint clean

demo: .venv/installed ## the main job: a dossier from 59 real newborns
	$(BIN)/understudy evaluate examples/phenobarbital/study.toml

test: .venv/test-installed ## the whole fast test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile

slow: .venv/slow-installed ## full reference suites, and the tests of the JAX engine
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit/engine/jax_engine tests/conformance/test_jax_models.py

bench: .venv/installed ## benchmarks that need nothing else, results under benchmarks/
	$(BIN)/python -m benchmarks

reference: .venv/test-installed ## published fits, trials and studies made again, results in docs/estimation.md, docs/trials-reference.md, docs/rwe-reference.md
	$(BIN)/python -m benchmarks.estimation
	$(BIN)/python -m benchmarks.standard_errors
	$(BIN)/python -m benchmarks.trial_results
	$(BIN)/python -m benchmarks.rwe_results

docs: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[docs]"
	$(BIN)/mkdocs build --strict

lint: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; v=sys.version_info[:2]; sys.exit(0 if (3,11)<=v<=(3,13) else "Understudy needs Python 3.11 to 3.13, this is %d.%d; run: make demo PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/test-installed: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

.venv/slow-installed: .venv/test-installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[jax]"
	touch $@

clean:
	rm -rf .venv .pytest_cache .hypothesis .ruff_cache build dist site
