# make serve   the gateway at 127.0.0.1:8080 (PORT= changes it); never installs torch
# make test        what shows that it works, at most ten minutes on two cores
# make test-quick  what takes under 90 seconds, for the loop while editing
# make test-all    everything, what CI runs
# make check   formatting, lint, types, layers
# make gpu-check   what only a machine with an NVIDIA GPU shows (MINUTES=10 bounds it)
# make containers  builds the containers, runs them and shows that they work (docs/containers.md)
# make .venv   everything the tests and the exporter need, torch included
# make lock    write requirements/*.txt anew

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: serve test test-quick test-all check gpu-check containers .venv lock format
.DEFAULT_GOAL := test

serve: .venv/.server
	$(BIN)/ocrnet serve $(if $(PORT),--port $(PORT))

# Each worker is a process of its own; a file's tests stay with one, since they share what it builds.
# TEST_PATIENCE=3 waits three times as long, on machines slower than tests/patience.py assumes.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --durations 10

test: .venv
	$(PYTEST) -m 'not thorough'

test-quick: .venv
	$(PYTEST) -m 'not thorough and not slow'

test-all: .venv
	$(PYTEST)

check: .venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/ocrnet export repository demo --check

# Without a GPU it ends in a sentence, before anything is installed.
gpu-check:
	@PYTHONPATH=. $(PYTHON) -m benchmarks.gpu_acceptance --look $(if $(MINUTES),--minutes $(MINUTES))
	@$(MAKE) --no-print-directory .venv
	$(BIN)/python -m benchmarks.gpu_acceptance $(if $(MINUTES),--minutes $(MINUTES))

# CONTAINERS="--engine podman": options of docker/tryout/try_containers.py.
containers: .venv/.server
	$(BIN)/python docker/tryout/try_containers.py $(CONTAINERS)

format: .venv
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv: .venv/.dev

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv

.venv/.server: requirements/server.txt pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements/server.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

.venv/.dev: requirements/dev.txt .venv/.server
	$(PIP) -r requirements/dev.txt
	touch $@

# Both files hold for every Python and platform. Only the gateway's has hashes: which build of torch
# is wanted (CPU or a CUDA version) is the machine's business, and so are torch's own CUDA packages.
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --quiet
lock:
	printf 'setuptools>=77\nnumpy<2.5\n' > requirements/.build.in  # numpy: NNCF's bound
	$(COMPILE) requirements/.build.in --generate-hashes --output-file requirements/server.txt
	echo 'torch==2.13.0' > requirements/.torch.in
	$(COMPILE) --extra dev -c requirements/server.txt -c requirements/.torch.in \
	  | grep -vE '^(nvidia-|cuda-|triton)' > requirements/dev.txt
	rm requirements/.build.in requirements/.torch.in
