# make demo, make test and make test-all need nothing but Python 3.11 or later, make and git.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 2

.PHONY: demo test test-all docs bench parity parity-table keras-cv dist lint format clean

demo: $(VENV)/demo-installed
	$(BIN)/python examples/digits.py

# A file's tests in one process, so that what they share is made once.
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile
# make test BUDGET=10 fails where a test takes more processor seconds: it is marked `full`, or made smaller.
LIMIT = $(if $(BUDGET),--budget=$(BUDGET),--durations=25)

# What is worth waiting for after every change.
test: $(VENV)/dev-installed lint docs
	# In two processes each: TensorFlow keeps 50 to 100 MB of every fit.
	KERAS_BACKEND=tensorflow $(PYTEST) -m "not full" $(LIMIT) --doctest-modules --ignore=tests/training --ignore=tests/runs
	KERAS_BACKEND=tensorflow $(PYTEST) -m "not full" $(LIMIT) tests/training tests/runs
	KERAS_BACKEND=jax $(PYTEST) -m "every_backend and not full" $(LIMIT) tests
	KERAS_BACKEND=torch $(PYTEST) -m "every_backend and not full" $(LIMIT) tests

# And what surrounds the package, or takes long: notebooks, examples, exports, several devices and processes, kills, the
# wheel in a clean environment.
test-all: test dist
	KERAS_BACKEND=tensorflow $(PYTEST) -m full --durations=25 tests
	KERAS_BACKEND=jax $(PYTEST) -m "every_backend and full" --durations=25 tests
	KERAS_BACKEND=torch $(PYTEST) -m "every_backend and full" --durations=25 tests

# The documentation as a site, in site/: strict, so a broken link or a public name without a page fails.
docs: $(VENV)/dev-installed $(VENV)/docs-installed
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=2 CUDA_VISIBLE_DEVICES= NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

# Every combination of settings that training on several devices must leave alone; about ten minutes.
parity-table: $(VENV)/dev-installed
	$(BIN)/python -m tests.distribution.parity docs/distribution.md

# Every network against timm itself, which has an environment of its own; about ten minutes.
parity: $(VENV)/dev-installed $(VENV)-timm/installed
	$(BIN)/python -m tests.applications.parity $(VENV)-timm/bin/python docs/weights.md

# Everything of docs/benchmarks.md, beside timm, keras-cv, stock Keras and steps written by hand: hours. What needs data is
# run where it is given: PHOTOS, a folder of JPEG files in a subfolder a class, and CIFAR, cifar10.npz.
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

# Layers of keras-cv in a recipe, and how they differ from ours.
keras-cv: $(VENV)-keras-cv/installed
	$(VENV)-keras-cv/bin/python -m pytest -W default tests/with_keras_cv
	$(VENV)-keras-cv/bin/python -W ignore -m tests.with_keras_cv.differences

# Wheel and source distribution, and the README's quickstart with the wheel in a clean environment without TensorFlow.
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

# One stamp a set of extras: an install is repeated when what it depends on has changed.
$(VENV)/%-installed: setup.cfg constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$*]"
	touch $@

# torchvision alone: its wheel asks for a torch with CUDA, and parity_timm.py does without its operations.
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
