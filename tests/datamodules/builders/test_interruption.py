"""Builds that are broken off, by a signal, a crash or a full disk: nothing is lost, and the same bytes come out."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datamodules.au_text_folder import AUTextFolder
from datamodules.builders import building, chunks
from datamodules.builders.au_text import build_bp4d
from datamodules.builders.output_folder import OutputFolderError
from datamodules.builders.sources.base import DatasetError
from tests.datamodules.builders.builds import build, content

ROOT = Path(__file__).parents[3]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("storage", ["tar", "files"])
def test_a_build_that_was_broken_off_goes_on_and_gives_the_same_bytes(plain, tmp_path, monkeypatch, storage):
    root, _ = plain
    build(root, tmp_path / "whole", storage=storage)
    whole = content(tmp_path / "whole")
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
            build(root, output, storage=storage)
        except KeyboardInterrupt:
            assert not output.exists()
            done.append(len(list((output.with_name("whole.partial") / "work").glob("*.npz"))))
    assert done == sorted(done)
    assert done[0] < done[-1]  # it went on, not anew
    assert content(output) == whole


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
        build(root, tmp_path / "out")
    monkeypatch.setattr(building, "write_tables", real)
    build(root, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*unfinished"))
    build(root, tmp_path / "out")  # recognised as done


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
    assert content(killed) == content(whole)
    assert [path.name for path in killed.parent.iterdir()] == ["out"]


@pytest.mark.usefixtures("quick")
def test_images_that_a_power_failure_took_are_cropped_again(plain, tmp_path, monkeypatch):
    root, _ = plain
    build(root, tmp_path / "whole", storage="files")
    output = tmp_path / "other" / "whole"
    real = building.frames_table

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "frames_table", stop)
    with pytest.raises(KeyboardInterrupt):
        build(root, output, storage="files")
    monkeypatch.setattr(building, "frames_table", real)
    image = next((output.with_name("whole.partial") / "images").rglob("*.jpg"))
    image.write_bytes(b"")
    build(root, output, storage="files")
    assert content(output) == content(tmp_path / "whole")


@pytest.mark.usefixtures("quick")
def test_a_build_that_made_nothing_stands_in_no_ones_way(plain, tmp_path):
    root, _ = plain
    with pytest.raises(DatasetError, match="folder must exist"):
        build_bp4d(str(tmp_path / "BP4E"), output=str(tmp_path / "out"))
    with pytest.raises(DatasetError, match="Name a detector"):
        build(root, tmp_path / "out", detector=None)
    build(root, tmp_path / "out")
    assert len(AUTextFolder(tmp_path / "out"))


@pytest.mark.usefixtures("quick")
def test_labels_that_changed_since_the_build_began_are_noticed(trees, tmp_path, monkeypatch):
    trees.make_bp4d(tmp_path / "BP4D", landmarks=False)
    real = building.choose_references

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "choose_references", stop)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, tmp_path / "out")
    monkeypatch.setattr(building, "choose_references", real)
    for table in (tmp_path / "BP4D" / "AUCoding" / "AU_OCC").glob("F001_T2.csv"):
        table.unlink()
    with pytest.raises(OutputFolderError, match="they changed since"):
        build(tmp_path, tmp_path / "out")
    build(tmp_path, tmp_path / "out", overwrite=True)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("storage", ["tar", "files"])
def test_a_full_disk_is_said_and_what_was_written_is_kept(plain, tmp_path, monkeypatch, storage):
    root, _ = plain
    build(root, tmp_path / "whole", storage=storage)

    def full(path, *arguments, **keywords):
        if "-00001" in path.name and not keywords.get("mode", "").startswith("r"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, *arguments, **keywords)

    real = Path.open
    monkeypatch.setattr(Path, "open", full)
    output = tmp_path / "other" / "whole"
    with pytest.raises(OutputFolderError, match=r"must have space for the images.*what was written is kept"):
        build(root, output, storage=storage)
    assert not output.exists()
    monkeypatch.setattr(Path, "open", real)
    build(root, output, storage=storage)
    assert content(output) == content(tmp_path / "whole")
