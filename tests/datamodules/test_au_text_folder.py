"""The format of AU text folders."""

import io
import json
import pickle
import sys

import numpy as np
import pytest
from PIL import Image

from datamodules.au_text_folder import AUTextFolder, AUTextFolderError, MissingAUTextFolderError, write_tables
from datamodules.au_text_tables import FaceTable, TableError
from datamodules.image_storage import ImagePlaces, ImageStorageError, image_writer
from zoo.facs import AUS

COUNT, SIZE = 7, 16


def _objects(values):
    return np.array(list(values), dtype=object)


def _table(places, *, reference=None, seed=0, **columns):
    draw = np.random.default_rng(seed)
    count = len(places)
    occurrence = draw.choice([0, 1, 9], (count, 12)).astype(np.int8)
    entries = {
        "split": _objects(["train", "validation", "test"][place % 3] for place in range(count)),
        "reference": reference,
        "constructs": _objects(f"{place}" for place in range(count)),
        "description": _objects("same text" if place % 2 else f"text {place}, with \u00fc" for place in range(count)),
        "side": _objects(draw.choice(["", "L", "R"], count * 12)).reshape(count, 12),
    }
    columns = {**(entries if reference is not None else {}), **columns}
    return FaceTable(
        source=_objects(f"own/{place % 2}/{place}" for place in range(count)),
        subject=_objects(f"own/{place % 2}" for place in range(count)),
        sequence=_objects([""] * count),
        frame=np.arange(count) * 3,
        occurrence=occurrence,
        intensity=np.where(occurrence == 9, np.nan, draw.integers(0, 6, (count, 12))).astype(np.float32),
        places=places,
        landmarks=np.where(draw.random((count, 1, 1)) < 0.3, np.nan, draw.random((count, 5, 2))).astype(np.float32),
        quality={
            "crop_scale": draw.random(count).astype(np.float32),
            "detector_score": np.full(count, np.nan, np.float32),
        },
        **columns,
    )


def _images(folder, below, count, storage, seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (count, SIZE, SIZE, 3), dtype=np.uint8)
    encoded = []
    for image in pixels:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    names = [f"{below}/{place}.png" for place in range(count)]
    shard = f"shards/{below}.tar" if storage == "tar" else None
    with image_writer(folder, shard=shard) as write:
        offsets = [write(name, content) for name, content in zip(names, encoded, strict=True)]
    places = ImagePlaces(
        _objects(names),
        np.array([len(content) for content in encoded]),
        None if shard is None else _objects([shard] * count),
        np.array(offsets),
    )
    return pixels.transpose(0, 3, 1, 2), places


@pytest.fixture(params=["files", "tar"])
def written(request, tmp_path):
    """A folder, and the pixels and tables in it."""
    folder = tmp_path / "set"
    pixels, places = _images(folder, "images", COUNT, request.param, 0)
    neutral, reference_places = _images(folder, "references", 2, request.param, 1)
    frames = _table(places, reference=np.arange(COUNT) % 2)
    references = _table(reference_places, seed=1)
    metadata = {"name": "own", "size": SIZE, "storage": request.param, "anything": [1, 2]}
    write_tables(folder, frames=frames, references=references, metadata=metadata)
    return folder, pixels, neutral, frames, references


def _assert_same(one, other):
    for name in (
        "source",
        "subject",
        "sequence",
        "frame",
        "occurrence",
        "split",
        "reference",
        "constructs",
        "description",
    ):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None and second is None) or (first == second).all(), name
    assert np.array_equal(one.intensity, other.intensity, equal_nan=True)
    assert np.array_equal(one.landmarks, other.landmarks, equal_nan=True)
    assert (one.side is None and other.side is None) or (one.side == other.side).all()
    for name, values in one.quality.items():
        assert np.array_equal(values, other.quality[name], equal_nan=True)


def test_a_folder_is_read_as_it_was_written(written):
    path, pixels, neutral, frames, references = written
    folder = AUTextFolder(path)
    assert (folder.name, folder.size, len(folder)) == ("own", SIZE, COUNT)
    assert folder.metadata["anything"] == [1, 2]
    _assert_same(folder.frames, frames)
    _assert_same(folder.references, references)
    places = np.array([4, 0, 6, 4])
    assert (folder.read(places) == pixels[places]).all()
    assert (folder.read_references(places) == neutral[places % 2]).all()
    assert folder.read([]).shape == (0, 3, SIZE, SIZE)
    assert folder.places("validation").tolist() == [1, 4]
    assert (folder.frames.known == (frames.occurrence != 9)).all()
    assert (folder.frames.present == (frames.occurrence == 1)).all()
    sent = pickle.loads(pickle.dumps(folder))
    assert (sent.read(places) == pixels[places]).all()


def test_tables_are_plain_parquet_for_others(written):
    import pandas

    path, *_, frames, _ = written
    table = pandas.read_parquet(path / "frames.parquet")
    assert table["index"].tolist() == list(range(COUNT))
    assert table["AU6"].tolist() == frames.occurrence[:, AUS.index(6)].tolist()
    assert table["intensity_AU6"].isna().tolist() == np.isnan(frames.intensity[:, AUS.index(6)]).tolist()
    assert table["description"].tolist() == frames.description.tolist()
    assert table["detector_score"].isna().all()
    assert {"side_AU12", "landmarks", "reference", "split", "image", "size"} <= set(table)


def test_equal_references_are_decoded_once(written, monkeypatch):
    folder = AUTextFolder(written[0])
    read = []
    real = folder._reference_images.read
    monkeypatch.setattr(folder._reference_images, "read", lambda place: read.append(place) or real(place))
    folder.read_references(range(COUNT))
    folder.read_references(range(COUNT))
    assert sorted(read) == [0, 1]


def test_missing_images_are_noticed_when_a_folder_is_opened(written):
    path = written[0]
    victim = next(path.glob("shards/images.tar"), path / "images" / "3.png")
    victim.unlink()
    with pytest.raises(ImageStorageError, match="are missing or cut short"):
        AUTextFolder(path)
    assert len(AUTextFolder(path, check=False)) == COUNT


def test_what_is_no_folder_is_said(tmp_path, written):
    with pytest.raises(MissingAUTextFolderError, match=r"must be a folder with a dataset\.json.*cli\.py dataset bp4d"):
        AUTextFolder(tmp_path / "nothing")
    path = written[0]
    good = json.loads((path / "dataset.json").read_text())
    for change, reason in (
        ({"format_version": 2}, "must have format_version 1, got 2"),
        ({"storage": "zip"}, "must say name, size and storage"),
        ({"storage": {"tar": "files", "files": "tar"}[good["storage"]]}, "the tables must be of the storage"),
    ):
        (path / "dataset.json").write_text(json.dumps(good | change))
        with pytest.raises(AUTextFolderError, match=reason):
            AUTextFolder(path)
    (path / "dataset.json").write_text("{")
    with pytest.raises(AUTextFolderError, match="must be readable JSON"):
        AUTextFolder(path)
    (path / "dataset.json").write_text(json.dumps(good))
    (path / "frames.parquet").write_bytes(b"PAR1")
    with pytest.raises(TableError, match="must be a whole parquet file"):
        AUTextFolder(path)


def test_tables_that_do_not_fit_are_refused(written):
    path, *_, frames, references = written
    metadata = json.loads((path / "dataset.json").read_text())
    for changes, reason in (
        ({"reference": np.full(COUNT, 2)}, "must name rows"),
        ({"split": _objects(["dev"] * COUNT)}, "splits must be train"),
        ({"split": None}, "must have the columns split"),
    ):
        wrong = FaceTable(**{**frames.__dict__, **changes})
        write_tables(path, frames=wrong, references=references, metadata=metadata)
        with pytest.raises(AUTextFolderError, match=reason):
            AUTextFolder(path)
    occurrence = frames.occurrence.copy()
    occurrence[0, 0] = 2
    wrong = FaceTable(**{**frames.__dict__, "occurrence": occurrence})
    write_tables(path, frames=wrong, references=references, metadata=metadata)
    with pytest.raises(TableError, match="occurrence must be 0, 1 or 9"):
        AUTextFolder(path)


def test_a_missing_package_is_named(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "auface-zoo\[data\]"'):
        AUTextFolder(written[0])
