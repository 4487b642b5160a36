"""Building AU text folders from data sets, end to end: what is in them, and what decides it."""

import csv
import json
import subprocess
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageOps

from datamodules.alignment import CANONICAL_POINTS, five_points
from datamodules.au_text_folder import AUTextFolder
from datamodules.builders.au_text import build_bp4d, build_disfa
from tests.datamodules.builders.builds import build, content, expected_entries
from zoo.facs import AUS
from zoo.facs.composer import Composer


def test_the_command_line_builds_the_papers_data_set(trees, tmp_path, capsys):
    import cli

    expected = {
        "bp4d": trees.make_bp4d(tmp_path / "BP4D", faces=True),
        "bp4dplus": trees.make_bp4dplus(tmp_path / "BP4D+", faces=True),
    }
    output = tmp_path / "out"
    words = ["dataset", "bp4d", "--input", str(tmp_path / "BP4D"), "--bp4dplus", str(tmp_path / "BP4D+")]
    assert cli.main([*words, "--output", str(output), "--size", "64", "--workers", "1"]) == 0
    assert "entries of 5 subjects" in capsys.readouterr().out
    assert not list(tmp_path.glob("*out.*"))
    folder = AUTextFolder(output)
    frames = folder.frames
    assert set(frames.source) == expected_entries(expected["bp4d"]) | expected_entries(expected["bp4dplus"])
    labels = expected["bp4d"].occurrence | expected["bp4dplus"].occurrence
    intensities = expected["bp4d"].intensity | expected["bp4dplus"].intensity
    for place, source in enumerate(frames.source):
        assert frames.occurrence[place].tolist() == labels[source]
        assert frames.intensity[place] == pytest.approx(intensities[source], nan_ok=True)
        assert source == f"{frames.subject[place]}/{frames.sequence[place]}/{frames.frame[place]}"
    # people of the same name in two data sets are two people
    assert {"bp4d/F001", "bp4dplus/F001"} <= set(frames.subject)
    # everything beside the images is there, and says what is in the tables
    assert {path.name for path in output.iterdir()} == {
        *("dataset.json", "frames.parquet", "references.parquet", "shards", "splits.json", "problems.csv"),
        *("statistics.json", "plots", "README.md"),
    }
    assert folder.metadata["counts"]["entries"] == len(frames)
    assert folder.metadata["aligner"]["size"] == folder.size == 64
    with (output / "problems.csv").open() as file:
        problems = Counter()
        for row in csv.DictReader(file):
            problems[row["kind"]] += int(row["count"])
    assert problems == folder.metadata["problems"]
    assert problems["unreadable image"] == len(expected["bp4d"].corrupt)
    # faces are where a canonical face is: five points near the canonical ones, and eyes on one line
    points = np.stack([five_points(each.astype(float)) for each in frames.landmarks])
    assert np.abs(points.mean(0) - np.array(CANONICAL_POINTS) * 64).max() < 3
    assert np.abs(points[:, 0, 1] - points[:, 1, 1]).max() < 4
    # and the pixels went with them: around the pupils it is darker than on the cheeks below
    images = folder.read(range(len(frames))).mean(1)
    for image, (left, right, *_) in zip(images, points, strict=True):
        for x, y in (left, right):
            eye = image[int(y) - 2 : int(y) + 3, int(x) - 3 : int(x) + 4]
            cheek = image[int(y) + 9 : int(y) + 14, int(x) - 3 : int(x) + 4]
            assert eye.min() < cheek.mean() - 20


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("keep_neutral", [False, True])
def test_entries_are_the_frames_with_an_active_au(plain, tmp_path, keep_neutral):
    root, expected = plain
    build(root, tmp_path / "out", keep_neutral=keep_neutral)
    frames = AUTextFolder(tmp_path / "out").frames
    assert set(frames.source) == expected_entries(expected["bp4d"], keep_neutral=keep_neutral)
    assert list(frames.index) == list(range(len(frames)))
    # splits stand together, and each in the order of the data set
    order = list(expected["bp4d"].occurrence)
    for split in ("train", "validation", "test"):
        places = np.flatnonzero(frames.split == split)
        assert (np.diff(places) == 1).all()
        assert [order.index(source) for source in frames.source[places]] == sorted(
            order.index(source) for source in frames.source[places]
        )


@pytest.mark.usefixtures("quick")
def test_descriptions_are_the_composers_of_these_rows(plain, tmp_path):
    root, _ = plain
    build(root, tmp_path / "out", style="short", seed=3)
    folder = AUTextFolder(tmp_path / "out")
    frames = folder.frames
    composer = Composer(style="short", seed=3, unknown="resolve")
    for place in range(len(frames)):
        aus = [au for au, label in zip(AUS, frames.occurrence[place], strict=True) if label == 1]
        composition = composer.compose(aus, index=place)
        assert frames.description[place] == composition.text
        named = ["+".join(map(str, construct)) for construct in composition.constructs]
        assert frames.constructs[place] == ";".join(named)
    assert folder.metadata["lexicon"]["style"] == "short"


@pytest.mark.usefixtures("quick")
def test_references_are_neutral_frames_or_the_first(plain, tmp_path):
    root, expected = plain
    chosen = set()
    for seed in range(4):
        build(root, tmp_path / f"out{seed}", seed=seed)
        folder = AUTextFolder(tmp_path / f"out{seed}")
        labels = expected["bp4d"].occurrence
        references = folder.references
        assert len(set(references.subject)) == len(references)
        assert (references.subject[folder.frames.reference] == folder.frames.subject).all()
        for source, subject in zip(references.source, references.subject, strict=True):
            own = [each for each in labels if each.startswith(f"{subject}/")]
            resting = [each for each in own if set(labels[each]) == {0}]
            assert source in (resting or own[:1])
            chosen.add(source)
        assert "bp4d/M003/T1/208" in references.source  # who never rests gives the first frame
        # the reference is the picture of that frame, not of another
        for place, source in enumerate(references.source):
            drawn = Image.fromarray(expected["bp4d"].pixels[source])
            drawn = np.asarray(ImageOps.fit(drawn, (32, 32), method=Image.Resampling.LANCZOS), dtype=float)
            assert np.abs(folder._reference(place) - drawn).mean() < 3
    assert len([source for source in chosen if source.startswith("bp4d/M009")]) > 1  # it is a draw


@pytest.mark.usefixtures("quick")
def test_tar_and_files_hold_the_same_pixels_and_rows(plain, tmp_path):
    root, _ = plain
    for storage in ("tar", "files"):
        build(root, tmp_path / storage, storage=storage)
    tar, files = AUTextFolder(tmp_path / "tar"), AUTextFolder(tmp_path / "files")
    places = range(len(tar))
    assert len(tar) == len(files) > 0
    assert (tar.read(places) == files.read(places)).all()
    assert (tar.read_references(places) == files.read_references(places)).all()
    assert (tar.frames.source == files.frames.source).all()
    assert (tar.frames.description == files.frames.description).all()
    assert not (tmp_path / "tar" / "images").exists()
    assert not (tmp_path / "files" / "shards").exists()
    # any tar reads the archives, and files are where the manifest says
    extracted = tmp_path / "extracted"
    extracted.mkdir()
    for shard in (tmp_path / "tar" / "shards").iterdir():
        subprocess.run(["tar", "-xf", shard, "-C", extracted], check=True)
    with (tmp_path / "files" / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            assert (extracted / row["image"]).read_bytes() == (tmp_path / "files" / row["image"]).read_bytes()
            assert (extracted / row["reference"]).read_bytes() == (tmp_path / "files" / row["reference"]).read_bytes()


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(plain, tmp_path):
    root, _ = plain
    for workers in (1, 2):
        build_bp4d(
            str(root / "BP4D"),
            bp4dplus=str(root / "BP4D+"),
            output=str(tmp_path / str(workers) / "out"),
            size=32,
            workers=workers,
            detector="whole_image",
            landmarks=False,
        )
    assert content(tmp_path / "1" / "out") == content(tmp_path / "2" / "out")


@pytest.mark.usefixtures("quick")
def test_the_seed_decides_and_nothing_else(plain, tmp_path):
    root, _ = plain
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        build(root, tmp_path / name / "out", seed=seed)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    first, other = (AUTextFolder(tmp_path / name / "out") for name in ("a", "c"))
    assert set(first.frames.source) == set(other.frames.source)
    assert dict(zip(first.frames.source, first.frames.description, strict=True)) != dict(
        zip(other.frames.source, other.frames.description, strict=True)
    )


@pytest.mark.usefixtures("quick")
def test_unknown_aus_of_disfa_stay_unknown(plain, tmp_path):
    root, expected = plain
    build_disfa(
        str(root / "DISFA"), output=str(tmp_path / "out"), size=32, workers=1, detector="whole_image", landmarks=False
    )
    frames = AUTextFolder(tmp_path / "out").frames
    assert set(frames.source) == expected_entries(expected["disfa"])
    for au in (7, 10, 14, 23, 24):
        assert (frames.occurrence[:, AUS.index(au)] == 9).all()
    # a face with a trace of an AU doesn't serve as neutral
    assert "disfa/SN001/1" in AUTextFolder(tmp_path / "out").references.source


@pytest.mark.usefixtures("quick")
def test_folds_are_named_by_the_part_that_tests(plain, tmp_path):
    root, _ = plain
    build_bp4d(
        str(root / "BP4D"),
        bp4dplus=str(root / "BP4D+"),
        output=str(tmp_path / "out"),
        size=32,
        workers=1,
        detector="whole_image",
        landmarks=False,
        split="3fold:P1,4fold:S3",
        validation_share=0.0,
    )
    splits = json.loads((tmp_path / "out" / "splits.json").read_text())
    assert splits["test"] == ["bp4d/F001", "bp4dplus/F001"]
    assert splits["train"] == ["bp4d/M003", "bp4d/M009", "bp4dplus/F041"]
    assert splits["validation"] == []
