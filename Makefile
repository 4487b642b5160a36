# make demo: see the main job work.  make test: check everything.  Both make .venv where there is none.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := made_$(shell date +%Y%m%d_%H%M%S)

.PHONY: help demo models test test-slow lint types format clean
help:
	@echo "make demo               show a first face, then train stages I and II on procedural faces; says where all is"
	@echo "make demo FROM_SCRATCH=1  train everything under models/ first, too"
	@echo "make test               install what tests need, run the default suite (about 3 minutes)"
	@echo "make test-slow          the long tests"
	@echo "make lint types format  ruff and import-linter; mypy; ruff format"
	@echo "make models             train everything under models/ anew"

# The stamps remember the pyproject.toml that they installed, so that a second call costs nothing.
$(VENV)/run.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) must be Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

demo: $(VENV)/run.stamp
	$(BIN)/python cli.py synthesize --aus 6,12 --output runs/demo/$(RUN).png
ifdef FROM_SCRATCH
	$(MAKE) models
endif
	$(BIN)/python cli.py fit --config stage1.yaml --run $(RUN)
	$(BIN)/python cli.py fit --config stage2.yaml --model.codec runs/stage1/$(RUN) --run $(RUN)

# The perceptual network first, then a codec to learn artefacts from, then the recognisers on both kinds of faces, then
# the encoders of stage II.
models: $(VENV)/run.stamp
	$(BIN)/python cli.py fit --config perceptual.yaml --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/perceptual/$(RUN) --output models/perceptual --overwrite
	$(BIN)/python cli.py fit --config stage1.yaml --config ablations/stage1_without_anatomical_loss.yaml \
		--callbacks.report null --run $(RUN)
	$(BIN)/python cli.py fit --config recognizer.yaml --model.codec runs/stage1/$(RUN) --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/recognizer/$(RUN) --output models/recognizer --half --overwrite
	$(BIN)/python cli.py fit --config recognizer_independent.yaml --model.codec runs/stage1/$(RUN) --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/recognizer_independent/$(RUN) --output models/recognizer_independent --half --overwrite
	$(BIN)/python cli.py fit --config face_identity.yaml --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/face_identity/$(RUN) --output models/face_identity --half --overwrite
	$(BIN)/python cli.py fit --config face_identity_independent.yaml --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/face_identity_independent/$(RUN) --output models/face_identity_independent --half --overwrite
	$(BIN)/python cli.py fit --config face_structure.yaml --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/face_structure/$(RUN) --output models/face_structure --half --overwrite
	$(BIN)/python cli.py fit --config text_recognizer.yaml --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/text_recognizer/$(RUN) --output models/text_recognizer --half --overwrite
	$(BIN)/python cli.py fit --config text_encoder.yaml --run $(RUN)
	$(BIN)/python cli.py export --checkpoint runs/text_encoder/$(RUN) --output models/text_encoder --half --overwrite

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto

test-slow: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
