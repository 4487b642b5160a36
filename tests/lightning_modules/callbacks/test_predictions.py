from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_modules.callbacks.predictions import Predictions
from zoo.images import to_uint8

ROOT = Path(__file__).parents[3]


def _rows(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_face_has_its_picture_its_tokens_and_its_row(small, tmp_path):
    module = small.make_module().eval()
    trainer = small.make_trainer(tmp_path, callbacks=[Predictions()])
    trainer.predict(module, datamodule=small.SmallFaces(), return_predictions=False)
    rows = _rows(tmp_path)
    faces = small.SmallFaces().dataset("predict").images
    assert [row["index"] for row in rows] == [str(index) for index in range(len(faces))]
    with torch.no_grad():
        expected = module.codec(faces)
    for row, image, tokens in zip(rows, to_uint8(expected.images), expected.tokens, strict=True):
        with Image.open(tmp_path / row["image"]) as picture:
            off = np.asarray(picture).astype(int) - image.permute(1, 2, 0).numpy()
        assert abs(off).max() <= 1  # other batch sizes round otherwise
        assert np.array_equal(np.load(tmp_path / row["tokens"]), tokens.numpy())
    files = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    assert files == {"predictions.csv", *(row["image"] for row in rows), *(row["tokens"] for row in rows)}


def test_probabilities_are_columns_named_by_their_au(tmp_path, monkeypatch, capsys):
    import cli

    monkeypatch.chdir(tmp_path)
    small = ["--data.num_test", "4", "--data.frames_per_shot", "2", "--run", "mine"]
    assert cli.main(["predict", "--config", "tiny/recognizer.yaml", *small]) == 0
    rows = _rows(tmp_path / "runs/tiny/recognizer/mine")
    assert [row["source"] for row in rows] == [f"faces/test/{index}" for index in range(4)]
    assert all(0 <= float(row[f"AU{au}"]) <= 1 for row in rows for au in (1, 12, 24))
    assert "predictions.csv (4 faces)" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "columns"), [("ganimation", {"image"}), ("face_identity", {"features"})])
def test_what_a_step_gives_is_written_and_nothing_else(name, columns, tmp_path, monkeypatch):
    import cli

    monkeypatch.chdir(tmp_path)
    small = ["--data.num_test", "2", "--data.frames_per_shot", "2", "--run", "mine"]
    assert cli.main(["predict", "--config", f"tiny/{name}.yaml", *small]) == 0
    folder = tmp_path / "runs/tiny" / name / "mine"
    for row in _rows(folder):
        assert set(row) == {"index", "subject", "source", *columns}
        assert all((folder / row[column]).is_file() for column in columns)
        if "features" in columns:
            assert np.isfinite(np.load(folder / row["features"])).all()


@pytest.mark.slow
def test_two_processes_write_each_face_once(tmp_path):
    words = ["--data.num_test", "7", "--data.batch_size", "2", "--run", "mine", "--trainer.accelerator", "cpu"]
    several = ["--trainer.strategy", "ddp", "--trainer.devices", "2"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "predict", "--config", "tiny/stage1.yaml", *words, *several],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "runs/tiny/stage1/mine"
    assert [row["index"] for row in _rows(folder)] == [str(index) for index in range(7)]
    assert len(list((folder / "images").iterdir())) == len(list((folder / "tokens").iterdir())) == 7
