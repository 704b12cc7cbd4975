# Two commands from a fresh clone: `make demo` and `make test`. Needs Python 3.11 or newer, git and make.
PYTHON ?= python3
BIN := .venv/bin
EXAMPLES := $(notdir $(wildcard examples/*))

.PHONY: demo test fuzz lint goldens tools bench lock clean

demo: .venv/ready
	$(BIN)/bgen build examples/my-app/release.yaml -o build
	$(BIN)/bgen verify build
	@cd build && find my-app -type f | sort

test: lint tools
	PATH="$(CURDIR)/.tools/bin:$$PATH" $(BIN)/python -m pytest
	@for example in $(EXAMPLES); do $(BIN)/bgen build examples/$$example/release.yaml -o examples/$$example/deploy --check || exit 1; done

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The goldens are what bgen itself makes of the examples; `git diff` afterwards shows what a change does to users.
goldens: .venv/ready
	@for example in $(EXAMPLES); do $(BIN)/bgen build examples/$$example/release.yaml -o examples/$$example/deploy --force || exit 1; done

tools: .venv/ready
	$(BIN)/python scripts/install_tools.py

# The property tests with new examples, fifty times as many.
fuzz: .venv/ready
	BGEN_FUZZ=50 $(BIN)/python -m pytest tests/test_properties.py tests/test_yamltext.py tests/test_conforms.py \
		tests/test_matching.py tests/test_merge.py

bench: .venv/ready
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/linear.py

.venv/ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Pins every dependency with its hashes, for all supported Pythons.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" \
		--group dev pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" \
		pyproject.toml -o requirements/runtime.txt

clean:
	rm -rf .venv .tools build dist
