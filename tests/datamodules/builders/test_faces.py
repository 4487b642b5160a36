"""The command ``dataset faces``."""

import csv
import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.builders import faces
from datamodules.builders.faces import DatasetFolderError, build_faces
from datamodules.manifest import ManifestFacesDataModule


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small data set without sheets."""
    folder = tmp_path_factory.mktemp("build") / "faces"
    build_faces(20, str(folder), size=32, workers=1, sheets=False)
    return folder


def _content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_manifest_lists_images_that_are_there(built):
    with (built / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert [row["split"] for row in rows].count("train") == 16
    for row in rows:
        for column in ("image", "reference"):
            with Image.open(built / row[column]) as image:
                assert image.size == (32, 32)
        assert (int(row["intensity_AU12"]) >= 2) == bool(int(row["AU12"]))
    assert {path.name for path in built.iterdir()} == {
        "images",
        "references",
        "manifest.csv",
        "statistics.json",
        "dataset.json",
    }
    assert not built.with_name("faces.partial").exists()


def test_statistics_count_what_the_manifest_says(built):
    statistics = json.loads((built / "statistics.json").read_text())
    with (built / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    rate = np.mean([int(row["AU6"]) for row in rows])
    assert statistics["train"]["aus"]["AU6"]["rate"] == pytest.approx(rate, abs=1e-3)
    assert statistics["train"]["images"] == 16
    assert sum(statistics["train"]["aus"]["AU6"]["images_by_intensity"]) == 16


def test_a_data_module_reads_it(built):
    module = ManifestFacesDataModule(str(built / "manifest.csv"), image_size=32, batch_size=4)
    assert len(module.train_dataloader()) == 4
    batch = module.on_after_batch_transfer(next(iter(module.val_dataloader())), 0)
    assert batch["known"].all()
    assert not batch["intensity"].isnan().any()


def test_the_same_command_again_does_nothing_and_another_is_refused(built, capsys):
    before = _content(built)
    build_faces(20, str(built), size=32, sheets=False)
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(DatasetFolderError, match="holds procedural faces of other parameters"):
        build_faces(21, str(built), size=32, sheets=False)
    assert _content(built) == before


def test_a_foreign_folder_is_refused_even_with_overwrite(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(DatasetFolderError, match=r"empty or new folder.*thesis\.txt"):
            build_faces(4, str(tmp_path), size=32, overwrite=overwrite)
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetFolderError, match="must be a folder"):
        build_faces(4, str(tmp_path / "file"), size=32)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_overwrite_replaces_what_was_built(tmp_path):
    for count in (4, 3):
        build_faces(count, str(tmp_path / "out"), size=32, split="judges", workers=1, sheets=False, overwrite=True)
    assert len(list((tmp_path / "out" / "images").iterdir())) == 3
    with (tmp_path / "out" / "manifest.csv").open() as file:
        assert {row["split"] for row in csv.DictReader(file)} == {""}


def test_overwrite_that_is_broken_off_never_leaves_half_a_data_set(built, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    shutil.copytree(built, folder)
    before = _content(folder)
    real = Path.rename

    def rename(path, target):
        if path.name == "out.partial":
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        build_faces(20, str(folder), size=32, workers=1, sheets=False, overwrite=True)
    assert not folder.exists()
    assert _content(tmp_path / "out.former") == before
    monkeypatch.setattr(Path, "rename", real)
    build_faces(20, str(folder), size=32, workers=1, sheets=False)
    assert _content(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_broken_off_build_goes_on_and_gives_the_same_bytes(built, tmp_path, monkeypatch):
    folder = tmp_path / "faces"
    real, written = faces._write_png, []

    def write(path, pixels):
        if len(written) >= 5:
            raise KeyboardInterrupt
        written.append(path)
        real(path, pixels)

    monkeypatch.setattr(faces, "_write_png", write)
    with pytest.raises(KeyboardInterrupt):
        build_faces(20, str(folder), size=32, workers=1, sheets=False)
    assert not folder.exists()
    monkeypatch.setattr(faces, "_write_png", real)
    build_faces(20, str(folder), size=32, workers=1, sheets=False)
    assert _content(folder) == _content(built)


def test_a_full_disk_keeps_what_was_written(tmp_path, built, monkeypatch):
    real = faces._write_png

    def full(path, pixels):
        if path.name.endswith("3.png"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, pixels)

    monkeypatch.setattr(faces, "_write_png", full)
    with pytest.raises(DatasetFolderError, match=r"must have space for the images.*what was written is kept"):
        build_faces(20, str(tmp_path / "out"), size=32, workers=1, sheets=False)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(faces, "_write_png", real)
    build_faces(20, str(tmp_path / "out"), size=32, workers=1, sheets=False)
    assert _content(tmp_path / "out") == _content(built)


def test_an_output_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetFolderError, match="must be where files can be written"):
        build_faces(4, str(tmp_path / "file" / "out"), size=32)


def test_no_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="num_images must be at least 1"):
        build_faces(0, str(tmp_path / "out"))
    with pytest.raises(ValueError, match="num_identities must be at least 1"):
        build_faces(4, str(tmp_path / "out"), num_identities=0)


def test_the_working_directory_itself_is_no_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetFolderError, match="must name a folder of its own"):
        build_faces(4, ".", size=32)


@pytest.mark.slow
def test_sheets_are_drawn(tmp_path):
    build_faces(4, str(tmp_path / "out"), size=32, split="test", workers=1)
    for name in ("identities", "single_aus", "combinations"):
        with Image.open(tmp_path / "out" / "sheets" / f"{name}.png") as image:
            assert min(image.size) > 90
