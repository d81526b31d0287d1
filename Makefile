# make demo, make test and make test-all need nothing but Python 3.11 or later, make and git.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 2

.PHONY: demo test test-all docs bench parity parity-table keras-cv dist lint format clean

demo: $(VENV)/demo-installed
	$(BIN)/python examples/digits.py

# One process per test file, because module fixtures are expensive.
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile
# make test BUDGET=10 fails if a test takes more processor seconds: mark it `full` or make it smaller.
LIMIT = $(if $(BUDGET),--budget=$(BUDGET),--durations=25)

# Tests whose results a backend can change. INGREDIENTS has the shortest of them.
EVERY_BACKEND = every_backend and not one_backend
INGREDIENTS = tests/test_conformity.py tests/optimizers tests/losses tests/schedules

# The checks to run after every change: all of TensorFlow's, and the ingredients on JAX and torch.
test: $(VENV)/dev-installed lint docs
	# In two runs, because TensorFlow retains 50 to 100 MB per fit.
	KERAS_BACKEND=tensorflow $(PYTEST) -m "not full" $(LIMIT) --doctest-modules --ignore=tests/training --ignore=tests/runs
	KERAS_BACKEND=tensorflow $(PYTEST) -m "not full" $(LIMIT) tests/training tests/runs
	KERAS_BACKEND=jax $(PYTEST) -m "$(EVERY_BACKEND) and not full" $(LIMIT) $(INGREDIENTS)
	KERAS_BACKEND=torch $(PYTEST) -m "$(EVERY_BACKEND) and not full" $(LIMIT) $(INGREDIENTS)

# Plus the slow tests: JAX and torch, notebooks, examples, exports, several devices and processes, killed runs, and the
# wheel in a clean environment.
test-all: test dist
	KERAS_BACKEND=tensorflow $(PYTEST) -m full --durations=25 tests
	KERAS_BACKEND=jax $(PYTEST) -m "$(EVERY_BACKEND)" --durations=25 tests
	KERAS_BACKEND=torch $(PYTEST) -m "$(EVERY_BACKEND)" --durations=25 tests

# Builds the documentation in site/. Strict: a broken link or a public name without a page is an error, unless
# `--quiet` hides the warnings that mkdocs counts.
docs: $(VENV)/dev-installed $(VENV)/docs-installed
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2 CUDA_VISIBLE_DEVICES= NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

# Every combination of settings with which training on several devices must match one device; about ten minutes.
parity-table: $(VENV)/dev-installed
	$(BIN)/python -m tests.distribution.parity docs/distribution.md

# Compares every network with timm, which has its own environment; about ten minutes.
parity: $(VENV)/dev-installed $(VENV)-timm/installed
	$(BIN)/python -m tests.applications.parity $(VENV)-timm/bin/python docs/weights.md

# All benchmarks of docs/benchmarks.md, compared with timm, keras-cv, stock Keras and hand-written steps; takes hours.
# Benchmarks on data run if it is given: PHOTOS, a folder of JPEG files with one subfolder per class, and CIFAR,
# cifar10.npz.
PEER = --peer-python $(VENV)-timm/bin/python
RESULTS = benchmarks/results
bench: $(VENV)/dev-installed $(VENV)-timm/installed $(VENV)-keras-cv/installed
	$(BIN)/python benchmarks/steps.py $(PEER) --json $(RESULTS)/steps.json
	$(BIN)/python benchmarks/repairs.py --json $(RESULTS)/repairs.json
	$(BIN)/python benchmarks/memory.py --json $(RESULTS)/memory.json
ifdef PHOTOS
	$(BIN)/python benchmarks/input_pipeline.py $(PHOTOS) $(PEER) --keras-cv-python $(VENV)-keras-cv/bin/python \
		--json $(RESULTS)/input_pipeline.json
	$(BIN)/python benchmarks/operations.py $(PHOTOS) --json $(RESULTS)/operations.json
endif
ifdef CIFAR
	TF_ENABLE_ONEDNN_OPTS=1 $(BIN)/python benchmarks/loss_curves.py $(CIFAR) runs/loss_curves $(PEER)
	for recipe in A1 A2 A3; do \
		mkdir -p $(RESULTS)/loss_curves/$$recipe && cp runs/loss_curves/$$recipe/*.json $(RESULTS)/loss_curves/$$recipe; done
	TF_ENABLE_ONEDNN_OPTS=1 $(BIN)/python benchmarks/learning.py $(CIFAR) runs/learning $(PEER)
	cp runs/learning/learning.json $(RESULTS)
endif
	$(BIN)/python benchmarks/page.py

# Tests keras-cv layers in a recipe and prints how they differ from those of this package.
keras-cv: $(VENV)-keras-cv/installed
	$(VENV)-keras-cv/bin/python -m pytest -W default tests/with_keras_cv
	$(VENV)-keras-cv/bin/python -W ignore -m tests.with_keras_cv.differences

# Builds the wheel and source distribution and runs the README's quickstart with the wheel in a clean environment
# without TensorFlow.
dist: $(VENV)-build/installed
	rm -rf build dist $(VENV)-dist
	$(VENV)-build/bin/python -m build
	$(PYTHON) -m venv $(VENV)-dist
	$(VENV)-dist/bin/python -m pip install --quiet --constraint constraints.txt "$$(echo dist/*.whl)[jax]"
	cd dist && KERAS_BACKEND=jax $(abspath $(VENV)-dist)/bin/python -I $(CURDIR)/tests/installed.py

lint: $(VENV)/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One stamp per set of extras: a change of its dependencies triggers a new installation.
$(VENV)/%-installed: setup.cfg constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$*]"
	touch $@

# torchvision without dependencies: its wheel requires torch with CUDA, and parity_timm.py does not use its operations.
$(VENV)-timm/installed: constraints.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade pip
	$(@D)/bin/python -m pip install --quiet --constraint constraints.txt \
		torch numpy pillow pyyaml huggingface_hub safetensors
	$(@D)/bin/python -m pip install --quiet --no-deps timm==1.0.31 torchvision==0.28.0
	touch $@

$(VENV)-keras-cv/installed: setup.cfg constraints.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade pip
	$(@D)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[keras-cv]" pytest
	touch $@

$(VENV)-build/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet build
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-timm $(VENV)-keras-cv $(VENV)-build $(VENV)-dist build dist site *.egg-info .pytest_cache .ruff_cache
