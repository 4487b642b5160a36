"""The command ``dataset faces``."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from datamodules.au_text_folder import AUTextFolder
from datamodules.builders import building, faces
from datamodules.builders.faces import build_faces
from datamodules.builders.output_folder import OutputFolderError, work_folder
from datamodules.face_rendering import render_store
from datamodules.face_store_parameters import FaceStoreParameters
from datamodules.manifest import ManifestFacesDataModule
from zoo.facs import AUS


def _build(count, output, **options):
    build_faces(count, str(output), **{"size": 32, "workers": 1, "sheets": False, **options})


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small data set without sheets."""
    folder = tmp_path_factory.mktemp("build") / "faces"
    _build(20, folder)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """No statistics, plots and card."""
    monkeypatch.setattr(building, "write_statistics", lambda folder: None)
    monkeypatch.setattr(building, "write_card", lambda folder: None)


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
        *("dataset.json", "frames.parquet", "references.parquet", "images", "references", "manifest.csv"),
        *("splits.json", "problems.csv", "statistics.json", "plots", "README.md"),
    }
    assert not built.with_name("faces.partial").exists()


def test_pixels_labels_and_landmarks_are_those_that_were_drawn(built, tmp_path):
    folder = AUTextFolder(built)
    stores = {
        split: render_store(
            FaceStoreParameters(split=split, size=32, num_frames=count, num_identities=2), tmp_path, num_workers=1
        )
        for split, count in (("train", 16), ("validation", 2), ("test", 2))
    }
    assert folder.frames.split.tolist() == [split for split, store in stores.items() for _ in range(len(store))]
    for place, split in enumerate(folder.frames.split):
        store, row = stores[split], int(folder.frames.frame[place])
        assert (folder.read([place])[0] == store.array("images")[row]).all()
        assert (folder.read_references([place])[0] == store.array("references")[row // 4]).all()
        assert (folder.frames.occurrence[place] == store.occurrence()[row]).all()
        assert (folder.frames.intensity[place] == store.array("intensity")[row]).all()
        assert folder.frames.landmarks[place] == pytest.approx(store.array("landmarks")[row], abs=1e-3)
        assert folder.frames.subject[place] == f"faces/{store.array('identity')[row]}"


def test_statistics_count_what_the_tables_say(built):
    statistics = json.loads((built / "statistics.json").read_text())
    frames = AUTextFolder(built).frames
    assert statistics["entries"]["total"] == len(frames) == 20
    assert "drawn" in (built / "README.md").read_text()


def test_a_data_module_reads_it(built):
    module = ManifestFacesDataModule(str(built / "manifest.csv"), image_size=32, batch_size=4)
    assert len(module.train_dataloader()) == 4
    batch = module.on_after_batch_transfer(next(iter(module.val_dataloader())), 0)
    assert batch["known"].all()
    assert not batch["intensity"].isnan().any()


@pytest.mark.usefixtures("quick")
def test_frames_without_an_active_au_can_be_left_out(built, tmp_path):
    _build(20, tmp_path / "out", keep_neutral=False, storage="tar", image_format="jpg")
    folder = AUTextFolder(tmp_path / "out")
    with (built / "manifest.csv").open() as file:
        active = [row for row in csv.DictReader(file) if any(row[f"AU{au}"] == "1" for au in AUS)]
    assert len(folder) == len(active) < 20
    assert folder.frames.present.any(1).all()
    assert folder.read(range(len(folder))).std() > 20


def test_the_same_command_again_does_nothing_and_another_is_refused(built, capsys):
    before = _content(built)
    _build(20, built, workers=2)
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(OutputFolderError, match="holds a data set of other arguments"):
        _build(21, built)
    with pytest.raises(OutputFolderError, match="holds a data set of other arguments"):
        _build(20, built, sheets=True)
    assert _content(built) == before


def test_a_foreign_folder_is_refused_even_with_overwrite(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputFolderError, match=r"empty or new folder.*thesis\.txt"):
            _build(4, tmp_path, overwrite=overwrite)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match="must be a folder"):
        _build(4, tmp_path / "file")
    (tmp_path / "new.partial").mkdir()
    (tmp_path / "new.partial" / "notes.txt").write_text("mine")
    with pytest.raises(OutputFolderError, match="must be free for work in progress"):
        _build(4, tmp_path / "new", overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == (tmp_path / "new.partial" / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("quick")
def test_overwrite_replaces_what_was_built(tmp_path):
    for count in (4, 3):
        _build(count, tmp_path / "out", split="judges", overwrite=True)
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 3
    # the reader of a data set knows three splits; judges' people are dealt to them
    splits = json.loads((tmp_path / "out" / "splits.json").read_text())
    assert sorted(len(splits[split]) for split in ("train", "validation", "test")) == [0, 0, 1]


@pytest.mark.usefixtures("quick")
def test_overwrite_that_is_broken_off_never_leaves_half_a_data_set(tmp_path, monkeypatch):
    from pathlib import Path

    folder = tmp_path / "out"
    _build(6, folder)
    before = _content(folder)
    real = Path.rename

    def rename(path, target):
        if path.name == "out.partial":
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        _build(6, folder, overwrite=True)
    assert not folder.exists()
    assert _content(tmp_path / "out.former") == before
    monkeypatch.setattr(Path, "rename", real)
    _build(6, folder)
    assert _content(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("quick")
def test_rendering_goes_on_where_it_was_broken_off(tmp_path, monkeypatch):
    real = building.choose_references

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "choose_references", stop)
    with pytest.raises(KeyboardInterrupt):
        _build(6, tmp_path / "out")
    stores = work_folder(str(tmp_path / "out")) / "store"
    assert len(list(stores.rglob("metadata.json"))) == 3
    monkeypatch.setattr(building, "choose_references", real)
    before = {path: path.stat().st_mtime_ns for path in stores.rglob("*.bin")}
    monkeypatch.setattr(
        building.OutputFolder,
        "finish",
        lambda place: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(KeyboardInterrupt):
        _build(6, tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in stores.rglob("*.bin")} == before


def test_two_builds_into_one_folder_are_not_mixed(tmp_path):
    from datamodules.builders.output_folder import OutputFolder

    one, other = (OutputFolder(str(tmp_path / "out"), key="same") for _ in range(2))
    with one.open(), pytest.raises(OutputFolderError, match="one process at a time"), other.open():
        pass


def test_an_output_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError, match="must be where files can be written"):
        _build(4, tmp_path / "file" / "out")


def test_no_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="num_images must be at least 1"):
        build_faces(0, str(tmp_path / "out"))
    with pytest.raises(ValueError, match="num_identities must be at least 1"):
        build_faces(4, str(tmp_path / "out"), num_identities=0)


def test_the_working_directory_itself_is_no_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputFolderError, match="must name a folder of its own"):
        build_faces(4, ".", size=32)


def test_shares_add_up():
    for count in (1, 2, 5, 20, 1003):
        assert sum(faces._frames_per_split(count, "all").values()) == count
    assert faces._frames_per_split(7, "judges") == {"judges": 7}


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_sheets_are_drawn(tmp_path):
    _build(4, tmp_path / "out", split="test", sheets=True)
    for name in ("identities", "single_aus", "combinations"):
        with Image.open(tmp_path / "out" / "sheets" / f"{name}.png") as image:
            assert min(image.size) > 90
            assert np.asarray(image).std() > 10
