"""Manifests of one's own: any CSV or parquet file, with a map of its columns."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from datamodules.alignment import FaceAligner
from datamodules.au_text_folder import AUTextFolder
from datamodules.builders import building
from datamodules.builders.au_text import build_manifest
from datamodules.builders.sources.base import DatasetError
from datamodules.builders.sources.manifest import Manifest
from zoo.facs import AUS


@pytest.fixture
def photographs(tmp_path):
    """A folder with four images of three people."""
    for place in range(4):
        Image.new("RGB", (60, 40), (40 * place, 100, 50)).save(tmp_path / f"p{place}.png")
    return tmp_path


def _write(folder, rows, name="labels.csv"):
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(folder / name)


ROWS = [
    {"image": "p0.png", "subject": "anna", "AU6": 0, "AU12": 0, "intensity_AU12": "", "split": ""},
    {"image": "p1.png", "subject": "anna", "AU6": 1, "AU12": 1, "intensity_AU12": 3.5, "split": ""},
    {"image": "p2.png", "subject": "bert", "AU6": 9, "AU12": 1, "intensity_AU12": 9, "split": ""},
    {"image": "p3.png", "subject": "cleo", "AU6": "", "AU12": "", "intensity_AU12": "", "split": ""},
]
SIX, TWELVE = AUS.index(6), AUS.index(12)


def test_labels_are_read_and_unknown_ones_stay_unknown(photographs):
    frames = Manifest(_write(photographs, ROWS), name="own").read()
    assert frames.subject == ["anna", "anna", "bert", "cleo"]
    assert [frames.source(place) for place in range(2)] == ["own/anna/0", "own/anna/1"]
    assert frames.occurrence[:, SIX].tolist() == [0, 1, 9, 9]
    assert frames.occurrence[:, TWELVE].tolist() == [0, 1, 1, 9]
    assert frames.intensity[:, TWELVE] == pytest.approx([0, 3.5, np.nan, np.nan], nan_ok=True)
    assert (frames.occurrence[:, AUS.index(1)] == 9).all()
    assert frames.images[1].read()[0, 0].tolist() == [40, 100, 50]
    assert not frames.problems.found
    assert frames.reference is frames.landmarks is frames.side is frames.boxes is None


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_and_tabs_separate_as_commas_do(photographs, delimiter):
    text = (photographs / _write(photographs, ROWS)).read_text()
    (photographs / "other.csv").write_text(text.replace(",", delimiter))
    frames = Manifest(str(photographs / "other.csv"), name="own").read()
    assert (frames.occurrence == Manifest(str(photographs / "labels.csv"), name="own").read().occurrence).all()
    assert not frames.problems.found


def test_columns_of_other_names_are_mapped(photographs):
    rows = [
        {"file": row["image"], "who": row["subject"], "clip": f"c{place}", "n": 9 * place, " AU06_c": row["AU6"]}
        | {"AU12_r": [0, 2, 5, 0.5][place], "s12": ["", "l", "R", "both"][place]}
        for place, row in enumerate(ROWS)
    ]
    columns = {"image": "file", "subject": "who", "sequence": "clip", "frame": "n", "side_AU12": "s12"}
    columns |= {"AU": "AU{:02}_c", "intensity_AU": "AU{:02}_r"}
    frames = Manifest(_write(photographs, rows), columns=columns, threshold=2, name="own").read()
    assert frames.source(1) == "own/anna/c1/9"
    assert frames.occurrence[:, SIX].tolist() == [0, 1, 9, 9]
    assert frames.occurrence[:, TWELVE].tolist() == [0, 1, 1, 0]  # from intensity 2 on
    assert frames.intensity[:, TWELVE].tolist() == [0, 2, 5, 0.5]
    assert frames.side[:, TWELVE].tolist() == ["", "L", "R", ""]
    assert [problem.kind for problem in frames.problems.found] == ["impossible label"]


def test_parquet_and_csv_give_the_same(photographs):
    import pandas

    table = pandas.DataFrame(ROWS).replace("", None)
    table["AU6"] = table["AU6"].astype("Int8")
    table["box"] = [[1, 2, 30, 31]] * 4
    table.to_parquet(photographs / "labels.parquet")
    rows = [row | {"box": "1 2 30 31"} for row in ROWS]
    one = Manifest(str(photographs / "labels.parquet"), name="own").read()
    other = Manifest(_write(photographs, rows), name="own").read()
    assert (one.occurrence == other.occurrence).all()
    assert np.array_equal(one.intensity, other.intensity, equal_nan=True)
    assert one.subject == other.subject
    for frames in (one, other):
        assert [frames.boxes[place].tolist() for place in range(4)] == [[1, 2, 30, 31]] * 4


def test_landmarks_come_from_one_column_or_from_many(photographs):
    points = np.arange(10).reshape(5, 2)
    one = [row | {"landmarks": " ".join(map(str, points.ravel()))} for row in ROWS[:2]]
    many = [row | {f"{axis}_{n}": points[n, "xy".index(axis)] for n in range(5) for axis in "xy"} for row in ROWS[:2]]
    columns = {"landmark_x": "x_{}", "landmark_y": "y_{}"}
    for frames in (
        Manifest(_write(photographs, one)).read(),
        Manifest(_write(photographs, many), columns=columns).read(),
    ):
        assert [frames.landmarks[place].tolist() for place in (0, 1)] == [points.tolist()] * 2
    few = [{name: value for name, value in row.items() if name != "x_4"} for row in many]
    source = Manifest(_write(photographs, few), columns=columns)
    with pytest.raises(DatasetError, match="5, 49 or 68 landmarks, got 4"):
        source.read()


def test_what_cannot_be_used_is_reported_by_line_or_refused(photographs):
    (photographs / "labels.csv").write_text(
        "image,subject,AU6,AU12,box\n"
        "p0.png,anna,0,2,\n"
        "gone.png,anna,1,1,\n"
        ",anna,1,1,\n"
        "p1.png,anna,1\n"
        "p2.png,bert,1,yes,1 2 3\n"
    )
    path = str(photographs / "labels.csv")
    frames = Manifest(path).read()
    assert [(problem.kind, problem.where.rsplit("/", 1)[-1]) for problem in frames.problems.found] == [
        ("row of another width", "labels.csv, line 5"),
        ("missing image", "gone.png"),
        ("incomplete row", "labels.csv, line 4"),
        ("impossible label", "labels.csv, line 2"),
        ("impossible label", "labels.csv, line 6"),
        ("impossible box", "labels.csv, line 6"),
    ]
    assert frames.occurrence[:, TWELVE].tolist() == [9, 9]
    with pytest.raises(DatasetError, match=r"line 5: there must be no row of another width"):
        Manifest(path, on_problem="refuse").read()


@pytest.mark.parametrize(
    ("text", "columns", "reason"),
    [
        ("image,AU6\np0.png,1\n", {}, r"must include 'subject', got image, AU6\. Say which one it is: --columns\.subj"),
        ("image,subject\np0.png,a\n", {}, r"there must be columns of AUs.*--columns\.AU"),
        ("image,subject,AU06_c\np0.png,a,1\n", {}, r"there must be columns of AUs.*AU06_c"),
        ("image,subject,AU6,AU012\np0.png,a,1,1\n", {}, r"must be called AU1.*got 'AU012'"),
        ("image,subject,AU6\np0.png,a,1\n", {"AU": "x{}"}, r"columns\.AU must fit columns such as 'x1'"),
        ("image,subject,AU6\np0.png,a,1\n", {"image": "file"}, "must include 'file'"),
        ("image,subject,AU6\np0.png,a,1\n", {"picture": "image"}, r"columns must map image, subject.*got 'picture'"),
        ("image,subject,AU6,AU6\np0.png,a,1,1\n", {}, "'AU6' 2 times"),
        ("image,subject,AU6\n", {}, "at least one row"),
        ("image,subject,AU6,split\np0.png,a,1,dev\n", {}, "split must be one of train.*got 'dev'"),
        ("image,subject,AU6,frame\np0.png,a,1,1.5\n", {}, r"line 2: frame must be a whole number, got '1\.5'"),
    ],
)
def test_manifests_that_cannot_be_understood_are_refused(photographs, text, columns, reason):
    (photographs / "labels.csv").write_text(text)
    with pytest.raises(DatasetError, match=reason):
        Manifest(str(photographs / "labels.csv"), columns=columns).read()


def test_files_that_are_missing_or_no_table_are_refused(photographs):
    (photographs / "broken.parquet").write_bytes(b"PAR1 and no more")
    for name in ("none.csv", "broken.parquet", "p0.png"):
        with pytest.raises(DatasetError, match="must be a readable CSV or parquet file"):
            Manifest(str(photographs / name)).read()
    with pytest.raises(ValueError, match="threshold must be above 0"):
        Manifest("labels.csv", threshold=0)
    with pytest.raises(ValueError, match="without a slash"):
        Manifest("labels.csv", name="a/b")


def test_references_are_rows_or_images_of_their_own(photographs):
    rows = [
        {"image": "p0.png", "subject": "anna", "AU12": 1, "reference": "p1.png"},
        {"image": "p1.png", "subject": "anna", "AU12": 0, "reference": ""},
        {"image": "p2.png", "subject": "bert", "AU12": 1, "reference": "p3.png"},
    ]
    frames = Manifest(_write(photographs, rows)).read()
    assert len(frames) == 4
    assert frames.reference.tolist() == [1, -1, 3, 3]
    assert frames.images[3].name.endswith("p3.png")
    assert frames.subject[3] == "bert"
    assert frames.occurrence[3].tolist() == [0] * 12


def test_the_command_builds_a_data_set(photographs, monkeypatch):
    import cli

    monkeypatch.setattr(building, "write_statistics", lambda folder: None)
    monkeypatch.setattr(building, "write_card", lambda folder: None)
    rows = [
        {"path": "p0.png", "person": "anna", "c12": 1, "box": "10 5 40 35", "split": "test"},
        {"path": "p1.png", "person": "anna", "c12": 0, "box": "10 5 40 35", "split": "test"},
        {"path": "p2.png", "person": "bert", "c12": 1, "box": "", "split": "train"},
    ]
    output = photographs / "built" / "mine"
    words = ["dataset", "manifest", "--input", _write(photographs, rows), "--output", str(output), "--name", "zoo"]
    words += ["--columns.image", "path", "--columns.subject", "person", "--columns.AU", "c{}", "--image-format", "png"]
    words += ["--size", "30", "--detector", "whole_image", "--storage", "files", "--workers", "1"]
    assert cli.main(words) == 0
    folder = AUTextFolder(output)
    assert dict(zip(folder.frames.source, folder.frames.split, strict=True)) == {
        "zoo/anna/0": "test",
        "zoo/bert/2": "train",
    }
    assert folder.references.source.tolist() == ["zoo/anna/1", "zoo/bert/2"]
    with Image.open(photographs / "p0.png") as image:
        expected = FaceAligner(30).crop(np.asarray(image), (10, 5, 40, 35)).pixels
    place = folder.frames.source.tolist().index("zoo/anna/0")
    assert (folder.read([place])[0] == expected.transpose(2, 0, 1)).all()
    # where something is on this machine is nobody's business
    assert str(photographs) not in (output / "dataset.json").read_text()
    assert json.loads((output / "dataset.json").read_text())["sources"][0]["arguments"]["columns"]["AU"] == "c{}"
    # what was built is a manifest again
    words = ["dataset", "manifest", "--input", str(output / "manifest.csv"), "--output", str(photographs / "again")]
    assert (
        cli.main([*words, "--size", "30", "--detector", "whole_image", "--image-format", "png", "--workers", "1"]) == 0
    )
    again = AUTextFolder(photographs / "again")
    assert (again.read([place]) == folder.read([place])).all()
    assert (again.frames.occurrence == folder.frames.occurrence).all()


def test_build_manifest_takes_a_map_from_python(photographs, monkeypatch):
    monkeypatch.setattr(building, "write_statistics", lambda folder: None)
    monkeypatch.setattr(building, "write_card", lambda folder: None)
    build_manifest(
        _write(photographs, [{"file": "p1.png", "subject": "x", "AU12": 1}]),
        columns={"image": "file"},
        output=str(photographs / "out"),
        size=16,
        detector="whole_image",
        workers=1,
    )
    assert AUTextFolder(photographs / "out").frames.subject.tolist() == [f"{photographs.name}/x"]
