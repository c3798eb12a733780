# Everything a contributor types. Each target installs what it needs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
endif
STAMP := $(VENV)/.installed

.PHONY: demo test thorough lint bench picture clean

demo: $(STAMP)
	$(BIN)/autopilot-agent run scenarios/user-driven/standard-user-wired.yaml

# The tests start the program hundreds of times; without its bytecode each start would compile it anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 -q

# The same with a power cut at every wait, every nasty answer at every stage, and examples that nobody tried before; minutes more.
thorough: export AUTOPILOT_AGENT_THOROUGH = 1
thorough: test

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

picture: $(STAMP)
	$(BIN)/python docs/make_picture.py
	$(BIN)/python docs/make_walk_pictures.py
	$(BIN)/python docs/make_report_picture.py

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test,lint,walk,serve]"
	$(BIN)/python -c "open('$(STAMP)', 'w').close()"

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
