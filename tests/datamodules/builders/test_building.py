"""Building AU text folders from data sets, end to end."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from datamodules.alignment import CANONICAL_POINTS, five_points
from datamodules.au_text_folder import AUTextFolder
from datamodules.builders import building, chunks
from datamodules.builders.au_text import build_bp4d, build_disfa
from datamodules.builders.output_folder import OutputFolderError
from datamodules.builders.sources.base import DatasetError
from zoo.facs import AUS
from zoo.facs.composer import Composer

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def plain(trees, tmp_path_factory):
    """BP4D and BP4D+ in plain colours, with their defects, and what a reader must find."""
    root = tmp_path_factory.mktemp("plain")
    return root, {
        "bp4d": trees.make_bp4d(root / "BP4D", landmarks=False),
        "bp4dplus": trees.make_bp4dplus(root / "BP4D+"),
        "disfa": trees.make_disfa(root / "DISFA"),
    }


@pytest.fixture
def quick(monkeypatch):
    """Small chunks; no statistics, plots and card, which have tests of their own."""
    monkeypatch.setattr(building, "CHUNK", 4)
    monkeypatch.setattr(building, "write_statistics", lambda folder: None)
    monkeypatch.setattr(building, "write_card", lambda folder: None)


def _build(root, output, **options):
    """Build BP4D in plain colours, one process, small."""
    options = {"size": 32, "workers": 1, "detector": "whole_image", "landmarks": False} | options
    build_bp4d(str(root / "BP4D"), output=str(output), **options)


def _content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _expected_entries(expected, *, keep_neutral=False):
    """Sources of the entries by an independent reading of the labels."""
    kept = {
        source
        for source, labels in expected.occurrence.items()
        if 1 in labels or (keep_neutral and any(label != 9 for label in labels))
    }
    return kept - expected.corrupt


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
    assert set(frames.source) == _expected_entries(expected["bp4d"]) | _expected_entries(expected["bp4dplus"])
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
    _build(root, tmp_path / "out", keep_neutral=keep_neutral)
    frames = AUTextFolder(tmp_path / "out").frames
    assert set(frames.source) == _expected_entries(expected["bp4d"], keep_neutral=keep_neutral)
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
    _build(root, tmp_path / "out", style="short", seed=3)
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
        _build(root, tmp_path / f"out{seed}", seed=seed)
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
        _build(root, tmp_path / storage, storage=storage)
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


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("storage", ["tar", "files"])
def test_a_build_that_was_broken_off_goes_on_and_gives_the_same_bytes(plain, tmp_path, monkeypatch, storage):
    root, _ = plain
    _build(root, tmp_path / "whole", storage=storage)
    whole = _content(tmp_path / "whole")
    real, calls, limit = chunks.crop_face, 0, 0

    def crop(task, settings):
        nonlocal calls
        calls += 1
        if calls > limit:
            raise KeyboardInterrupt
        return real(task, settings)

    monkeypatch.setattr(chunks, "crop_face", crop)
    output = tmp_path / "other" / "whole"
    done = []
    for limit in (3, 6, 9, 100):  # noqa: B007 -- read by crop
        calls = 0
        try:
            _build(root, output, storage=storage)
        except KeyboardInterrupt:
            assert not output.exists()
            done.append(len(list((output.with_name("whole.partial") / "work").glob("*.npz"))))
    assert done == sorted(done)
    assert done[0] < done[-1]  # it went on, not anew
    assert _content(output) == whole


@pytest.mark.usefixtures("quick")
def test_what_a_killed_run_was_writing_is_no_part_of_the_data_set(plain, tmp_path, monkeypatch):
    root, _ = plain
    real = building.write_tables

    def stop(folder, **_):
        folder.joinpath(".frames.parquet.0123abcd.unfinished").write_bytes(b"PAR1")
        folder.joinpath("shards", ".test-00000.tar.0123abcd.unfinished").write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "write_tables", stop)
    with pytest.raises(KeyboardInterrupt):
        _build(root, tmp_path / "out")
    monkeypatch.setattr(building, "write_tables", real)
    _build(root, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*unfinished"))
    _build(root, tmp_path / "out")  # recognised as done


def test_a_killed_process_loses_nothing_that_was_noted(plain, tmp_path):
    root, _ = plain
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from datamodules.builders import building, chunks
building.CHUNK = 4
building.write_statistics = building.write_card = lambda folder: None
from datamodules import image_storage
if sys.argv[2] == "kill":
    class Killed(image_storage.TarWriter):
        written = 0
        def add(self, name, content):
            Killed.written += 1
            if Killed.written == 10:  # in the middle of the second archive after that of the references
                self._file.write(b"half an image")
                self._file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().add(name, content)
    image_storage.TarWriter = Killed
from datamodules.builders.au_text import build_bp4d
build_bp4d({str(root / "BP4D")!r}, output=sys.argv[1], size=32, workers=1, detector="whole_image", landmarks=False)
"""
    killed, whole = tmp_path / "a" / "out", tmp_path / "b" / "out"
    run = [sys.executable, "-c", program]
    assert subprocess.run([*run, killed, "kill"], check=False).returncode == -signal.SIGKILL
    assert [path.name for path in killed.parent.iterdir() if path.is_dir()] == ["out.partial"]
    for output in (killed, whole):
        subprocess.run([*run, output, "live"], check=True, capture_output=True)
    assert _content(killed) == _content(whole)
    assert [path.name for path in killed.parent.iterdir()] == ["out"]


@pytest.mark.usefixtures("quick")
def test_images_that_a_power_failure_took_are_cropped_again(plain, tmp_path, monkeypatch):
    root, _ = plain
    _build(root, tmp_path / "whole", storage="files")
    output = tmp_path / "other" / "whole"
    real = building.frames_table

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "frames_table", stop)
    with pytest.raises(KeyboardInterrupt):
        _build(root, output, storage="files")
    monkeypatch.setattr(building, "frames_table", real)
    image = next((output.with_name("whole.partial") / "images").rglob("*.jpg"))
    image.write_bytes(b"")
    _build(root, output, storage="files")
    assert _content(output) == _content(tmp_path / "whole")


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
    assert _content(tmp_path / "1" / "out") == _content(tmp_path / "2" / "out")


@pytest.mark.usefixtures("quick")
def test_the_seed_decides_and_nothing_else(plain, tmp_path):
    root, _ = plain
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _build(root, tmp_path / name / "out", seed=seed)
    assert _content(tmp_path / "a") == _content(tmp_path / "b")
    first, other = (AUTextFolder(tmp_path / name / "out") for name in ("a", "c"))
    assert set(first.frames.source) == set(other.frames.source)
    assert dict(zip(first.frames.source, first.frames.description, strict=True)) != dict(
        zip(other.frames.source, other.frames.description, strict=True)
    )


@pytest.mark.usefixtures("quick")
def test_corrupt_and_missing_images_are_counted_and_named(plain, tmp_path, capsys):
    root, expected = plain
    _build(root, tmp_path / "out")
    with (tmp_path / "out" / "problems.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["where"] for row in rows if row["kind"] == "unreadable image"} == expected["bp4d"].corrupt
    assert any("1083" in row["where"] for row in rows if row["kind"] == "missing image")
    assert "1 (unreadable image)" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_problems_are_refused_where_asked(trees, tmp_path):
    trees.make_bp4d(tmp_path / "BP4D", landmarks=False)
    with pytest.raises(DatasetError, match=r"there must be no \w+ \w+, got"):
        _build(tmp_path, tmp_path / "out", on_problem="refuse")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("quick")
def test_a_corrupt_image_ends_a_strict_build_that_goes_on_when_it_is_repaired(tmp_path):
    for name, color in (("a", 50), ("b", 90), ("c", 130)):
        Image.new("RGB", (40, 40), (color, 0, 0)).save(tmp_path / f"{name}.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "labels.csv").write_text("image,subject,AU12\na.png,x,0\na.png,x,1\nb.png,x,1\nc.png,x,1\n")
    (tmp_path / "b.png").write_bytes(whole[:60])
    from datamodules.builders.au_text import build_manifest

    options = {"output": str(tmp_path / "out"), "size": 32, "detector": "whole_image", "workers": 1}
    with pytest.raises(DatasetError, match=r"/x/2: there must be no unreadable image.*b\.png"):
        build_manifest(str(tmp_path / "labels.csv"), on_problem="refuse", **options)
    (tmp_path / "b.png").write_bytes(whole)
    build_manifest(str(tmp_path / "labels.csv"), on_problem="refuse", **options)
    assert len(AUTextFolder(tmp_path / "out")) == 3


@pytest.mark.usefixtures("quick")
def test_other_arguments_are_refused_before_and_after_the_build_is_done(plain, tmp_path, monkeypatch, capsys):
    root, _ = plain
    real = building._crop

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "_crop", stop)
    with pytest.raises(KeyboardInterrupt):
        _build(root, tmp_path / "out")
    monkeypatch.setattr(building, "_crop", real)
    with pytest.raises(OutputFolderError, match=r"out\.partial must be an unfinished data set of the same arguments"):
        _build(root, tmp_path / "out", seed=1)
    _build(root, tmp_path / "out")
    before = _content(tmp_path / "out")
    with pytest.raises(OutputFolderError, match="holds a data set of other arguments"):
        _build(root, tmp_path / "out", quality=90)
    capsys.readouterr()
    _build(root, tmp_path / "out")
    assert "nothing to do" in capsys.readouterr().out
    assert _content(tmp_path / "out") == before
    _build(root, tmp_path / "out", quality=90, overwrite=True)
    assert _content(tmp_path / "out") != before


@pytest.mark.usefixtures("quick")
def test_a_build_that_made_nothing_stands_in_no_ones_way(plain, tmp_path):
    root, _ = plain
    with pytest.raises(DatasetError, match="folder must exist"):
        build_bp4d(str(tmp_path / "BP4E"), output=str(tmp_path / "out"))
    with pytest.raises(DatasetError, match="Name a detector"):
        _build(root, tmp_path / "out", detector=None)
    _build(root, tmp_path / "out")
    assert len(AUTextFolder(tmp_path / "out"))


@pytest.mark.usefixtures("quick")
def test_labels_that_changed_since_the_build_began_are_noticed(trees, tmp_path, monkeypatch):
    trees.make_bp4d(tmp_path / "BP4D", landmarks=False)
    real = building.choose_references

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "choose_references", stop)
    with pytest.raises(KeyboardInterrupt):
        _build(tmp_path, tmp_path / "out")
    monkeypatch.setattr(building, "choose_references", real)
    for table in (tmp_path / "BP4D" / "AUCoding" / "AU_OCC").glob("F001_T2.csv"):
        table.unlink()
    with pytest.raises(OutputFolderError, match="they changed since"):
        _build(tmp_path, tmp_path / "out")
    _build(tmp_path, tmp_path / "out", overwrite=True)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("storage", ["tar", "files"])
def test_a_full_disk_is_said_and_what_was_written_is_kept(plain, tmp_path, monkeypatch, storage):
    root, _ = plain
    _build(root, tmp_path / "whole", storage=storage)

    def full(path, *arguments, **keywords):
        if "-00001" in path.name and not keywords.get("mode", "").startswith("r"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, *arguments, **keywords)

    real = Path.open
    monkeypatch.setattr(Path, "open", full)
    output = tmp_path / "other" / "whole"
    with pytest.raises(OutputFolderError, match=r"must have space for the images.*what was written is kept"):
        _build(root, output, storage=storage)
    assert not output.exists()
    monkeypatch.setattr(Path, "open", real)
    _build(root, output, storage=storage)
    assert _content(output) == _content(tmp_path / "whole")


@pytest.mark.usefixtures("quick")
def test_a_data_set_without_landmarks_asks_for_a_detector(plain, tmp_path):
    root, _ = plain
    with pytest.raises(DatasetError, match=r"neither landmarks nor boxes.*--detector mtcnn"):
        _build(root, tmp_path / "out", detector=None)


@pytest.mark.usefixtures("quick")
def test_landmarks_that_are_no_face_are_problems(trees, tmp_path):
    trees.make_bp4d(tmp_path / "BP4D")  # plain colours come with a grid of points
    with pytest.raises(DatasetError, match="there must be frames whose face can be cropped"):
        build_bp4d(str(tmp_path / "BP4D"), output=str(tmp_path / "out"), size=32, workers=1)


@pytest.mark.usefixtures("quick")
def test_unknown_aus_of_disfa_stay_unknown(plain, tmp_path):
    root, expected = plain
    build_disfa(
        str(root / "DISFA"), output=str(tmp_path / "out"), size=32, workers=1, detector="whole_image", landmarks=False
    )
    frames = AUTextFolder(tmp_path / "out").frames
    assert set(frames.source) == _expected_entries(expected["disfa"])
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


@pytest.mark.usefixtures("quick")
def test_wrong_options_are_refused_before_anything_is_written(plain, tmp_path):
    root, _ = plain
    for options, reason in (
        ({"workers": 0}, "workers must be at least 1"),
        ({"size": 0}, "size must be at least 1"),
        ({"quality": 101}, "quality must be from 1 to 100"),
        ({"detector": "viola"}, "name must be one of mtcnn"),
        ({"validation_share": 0.6, "test_share": 0.4}, "together below 1"),
    ):
        with pytest.raises(ValueError, match=reason):
            _build(root, tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(plain, tmp_path):
    root, _ = plain
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFolderError, match="must be where files can be written"):
        _build(root, tmp_path / "out")
