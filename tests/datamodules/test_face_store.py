"""The store of faces: what it holds, its key, and what goes wrong on disks."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import face_chunks
from datamodules.face_rendering import render_store
from datamodules.face_sampling import sample_frames, shot_seeds, truth_of
from datamodules.face_store import (
    DamagedStoreError,
    FaceStore,
    FaceStoreParameters,
    FullDiskError,
    IncompatibleStoreError,
    MissingStoreError,
)
from tests.datamodules.conftest import bytes_of, small
from zoo.faces import IDENTITY_RANGES, FaceRenderer, intensity_of
from zoo.images import to_uint8


def test_a_store_holds_what_its_seeds_render(store_root):
    parameters = small()
    store = FaceStore.open(parameters, store_root)
    faces = sample_frames(parameters, shot_seeds(parameters, np.arange(10)))
    renderer = FaceRenderer(32)
    with torch.no_grad():
        rendered, references, truth = renderer(faces), renderer(faces[::2].neutral()), renderer(truth_of(faces))
    for name, images in (("images", rendered.images), ("references", references.images), ("truth", truth.images)):
        difference = store.array(name).astype(int) - to_uint8(images).numpy().astype(int)
        assert np.abs(difference).max() <= 1, name
    assert np.allclose(store.array("landmarks"), rendered.landmarks.numpy(), atol=1e-3)
    assert np.array_equal(store.array("visible"), rendered.visible.numpy())
    assert (store.array("regions") == rendered.regions.numpy()).mean() > 0.999
    intensity = intensity_of(faces.activation.mean(1)).numpy()
    assert np.array_equal(store.array("intensity"), intensity)
    assert np.array_equal(store.occurrence(), intensity >= 2)
    assert np.array_equal(store.array("parameters"), faces.table()[1].numpy())


def test_metadata_says_what_is_needed_to_read_it(store_root):
    metadata = json.loads((small().folder(store_root) / "metadata.json").read_text())
    assert metadata["aus"][:3] == [1, 2, 4]
    assert len(metadata["regions"]) == 11
    assert len(metadata["parameter_names"]) == metadata["arrays"]["parameters"]["shape"][1]
    assert metadata["identities"] == {"range": "train", "first": 0, "last": 2}


def test_shots_share_person_and_view(store_root):
    seeds = FaceStore.open(small(), store_root).array("seeds")
    assert np.array_equal(seeds[::2, :2], seeds[1::2, :2])
    assert len(np.unique(seeds[:, 1])) == 5
    assert len(np.unique(seeds[:, 2])) == 10
    assert set(seeds[:, 0]) == {0, 1, 2}


@pytest.mark.parametrize(
    "change",
    [
        {"split": "judges"},
        {"size": 64},
        {"num_frames": 12},
        {"num_identities": 4},
        {"frames_per_shot": 5},
        {"interaction": 0.0},
        {"held_out": ((1, 4),)},
        {"nuisance": False},
        {"trace": False},
        {"truth": False},
        {"seed": 1},
        {"renderer_version": "another"},
    ],
)
def test_every_parameter_changes_the_key(change):
    assert small(**change).key != small().key


def test_the_key_does_not_depend_on_how_sets_are_written():
    assert small(held_out=((4, 1), (6, 12))).key == small(held_out=((12, 6), (1, 4), (4, 1))).key


def test_the_key_does_not_depend_on_how_numbers_are_written():
    assert small(interaction=1).key == small(interaction=1.0).key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "tests"}, "split must be one of train"),
        ({"size": 0}, "size must be at least 1"),
        ({"size": 33}, "size must be a multiple of 8 from 32 to 512"),
        ({"interaction": 2.0}, r"interaction must be in \[0, 1\]"),
        ({"seed": 2**70}, "seed must fit 64 bits"),
        ({"num_identities": 10**9}, "num_identities must be at most"),
        ({"aus": "unseen"}, "aus must be 'seen' where no AU sets are held out"),
        ({"held_out": ((3,),)}, "held_out must name AUs"),
    ],
)
def test_impossible_parameters_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        small(**change)


def test_identities_of_the_splits_never_meet():
    ranges = list(IDENTITY_RANGES.values())
    assert set(IDENTITY_RANGES) == {"train", "validation", "test", "judges"}
    for place, first in enumerate(ranges):
        for second in ranges[place + 1 :]:
            assert first.stop <= second.start or second.stop <= first.start
    for split in IDENTITY_RANGES:
        identity = shot_seeds(small(split=split, num_identities=7), np.arange(50))[:, 0]
        assert all(int(person) in IDENTITY_RANGES[split] for person in identity)


def test_held_out_sets_are_not_seen_and_unseen_frames_show_nothing_else():
    held_out = ((12,), (6, 12), (10, 12), (6, 7, 10, 12), (1, 4), (7,), (10,))
    for aus in ("seen", "unseen"):
        parameters = small(num_frames=300, held_out=held_out, aus=aus)
        faces = sample_frames(parameters, shot_seeds(parameters, np.arange(300)))
        present = (intensity_of(faces.activation.mean(1)) >= 2).numpy()
        held = [
            {au for au, on in zip((1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24), row, strict=True) if on}
            for row in present
        ]
        hits = [tuple(sorted(each)) in held_out for each in held]
        assert all(hits) if aus == "unseen" else not any(hits)


def test_a_split_is_not_read_as_another(store_root, tmp_path):
    folder = small(split="validation").folder(tmp_path)
    shutil.copytree(small().folder(store_root), folder)
    with pytest.raises(IncompatibleStoreError, match="differs in split"):
        FaceStore.open(small(split="validation"), tmp_path)
    with pytest.raises(IncompatibleStoreError, match="identities of 'test'"):
        FaceStore(folder).check_identities("test")


@pytest.fixture
def copy(store_root, tmp_path):
    """A store that a test may break."""
    shutil.copytree(small().folder(store_root), small().folder(tmp_path))
    return tmp_path


def test_a_truncated_file_is_named_with_its_bytes(copy):
    file = small().folder(copy) / "images.bin"
    os.truncate(file, 1000)
    with pytest.raises(DamagedStoreError, match=r"images\.bin must have 30,720 bytes, got 1,000.*rebuild=True"):
        FaceStore.open(small(), copy)
    with pytest.raises(DamagedStoreError):
        render_store(small(), copy)


def test_rebuild_renders_a_damaged_store_again(copy, store_root):
    (small().folder(copy) / "images.bin").unlink()
    with pytest.raises(DamagedStoreError, match=r"images\.bin must be readable"):
        render_store(small(), copy)
    render_store(small(), copy, num_workers=1, rebuild=True).verify()
    assert bytes_of(small().folder(copy)) == bytes_of(small().folder(store_root))
    assert [path.name for path in (copy / "faces").iterdir() if not path.name.startswith(".")] == [
        small().folder(copy).name
    ]


def test_changed_bytes_are_found_by_verify(copy):
    file = small().folder(copy) / "truth.bin"
    with file.open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\x07" * 3)
    FaceStore.open(small(), copy)
    with pytest.raises(DamagedStoreError, match=r"truth\.bin must be as it was rendered"):
        FaceStore.open(small(), copy).verify()


def test_other_versions_and_broken_metadata_are_refused(copy):
    path = small().folder(copy) / "metadata.json"
    metadata = json.loads(path.read_text())
    path.write_text(json.dumps({**metadata, "format_version": 99}))
    with pytest.raises(IncompatibleStoreError, match="must have format version 1, got 99"):
        FaceStore.open(small(), copy)
    for broken in ("{", "[]", json.dumps({"format_version": 1}), json.dumps({**metadata, "arrays": {"images": 3}})):
        path.write_text(broken)
        with pytest.raises(DamagedStoreError, match="must be readable JSON"):
            FaceStore.open(small(), copy)
    path.unlink()
    with pytest.raises(MissingStoreError, match="must be a store of faces"):
        FaceStore.open(small(), copy)


def test_other_stores_of_the_same_kind_are_told_with_how_to_delete_them(copy, capsys):
    old, new, alike = small(renderer_version="another"), small(seed=1), small(num_frames=4)
    shutil.move(small().folder(copy), old.folder(copy))
    path = old.folder(copy) / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "parameters": dataclasses.asdict(old)}))
    (copy / "faces" / f"{alike.folder(copy).name}.partial").mkdir()
    shutil.copytree(old.folder(copy), copy / "faces" / "test-32px-0123456789ab")  # of another split: not told
    render_store(new, copy, num_workers=1)
    said = capsys.readouterr().out
    assert "Beside it: 2 other stores of train faces of 32 px, 0 MB." in said
    assert f"rm -r {old.folder(copy)}  # 0 MB, of another version of the renderer: no longer read" in said
    assert f"rm -r {alike.folder(copy)}.partial  # 0 MB, unfinished" in said
    assert "test-32px" not in said
    render_store(new, copy)
    assert "Beside it" not in capsys.readouterr().out  # said once, not whenever a store is opened
    shutil.rmtree(new.folder(copy))
    render_store(small(num_frames=4), copy, num_workers=1)
    assert capsys.readouterr().out.count("rm -r") == 1


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """The bytes of a store that was rendered in chunks of two frames without a break."""
    monkeypatch.setattr(face_chunks.ChunkLayout, "chunk_frames", property(lambda _: 2))
    render_store(small(), tmp_path / "whole", num_workers=1)
    return bytes_of(small().folder(tmp_path / "whole"))


def test_a_full_disk_keeps_what_was_rendered(tmp_path, whole, monkeypatch):
    written = 0
    real = os.pwrite

    def pwrite(descriptor, data, offset):
        nonlocal written
        if written + len(data) > 60_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        written += len(data)
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(FullDiskError, match="what was rendered is kept"):
        render_store(small(), tmp_path, num_workers=1)
    assert not small().folder(tmp_path).exists()
    journal = small().folder(tmp_path).with_name(f"{small().folder(tmp_path).name}.partial") / "journal.jsonl"
    kept = len(journal.read_text().splitlines())
    assert 0 < kept < 5
    rendered = []
    real_chunk = face_chunks.render_chunk
    monkeypatch.setattr(os, "pwrite", real)
    monkeypatch.setattr(face_chunks, "render_chunk", lambda *arguments: rendered.append(1) or real_chunk(*arguments))
    render_store(small(), tmp_path, num_workers=1).verify()
    assert len(rendered) == 5 - kept
    assert bytes_of(small().folder(tmp_path)) == whole


def test_no_workers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="num_workers must be at least 1, got 0"):
        render_store(small(), tmp_path, num_workers=0)


def test_too_little_space_is_told_before_anything_is_rendered(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=70 * 2**20))
    with pytest.raises(FullDiskError, match=r"must have .* MiB free and 64 MiB to spare, got 70 MiB"):
        render_store(small(size=512, num_frames=100), tmp_path)


_RENDER = """
import sys
from datamodules.face_chunks import ChunkLayout
from datamodules.face_rendering import render_store
from tests.datamodules.conftest import small
if __name__ == "__main__":
    import time
    from datamodules import face_chunks
    slow = float(sys.argv[2])
    real = face_chunks.render_chunk
    def chunk(*arguments):
        result = real(*arguments)
        time.sleep(slow)
        return result
    face_chunks.render_chunk = chunk
    ChunkLayout.chunk_frames = property(lambda _: 2)
    render_store(small(), sys.argv[1], num_workers=1)
    print("done", flush=True)
"""


def _render_in_another_process(folder, *, slow):
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_RENDER), str(folder), str(slow)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_rendering_goes_on_where_it_was(tmp_path, whole):
    partial = small().folder(tmp_path).with_name(f"{small().folder(tmp_path).name}.partial")
    for lines in (1, 3):  # killed twice
        process = _render_in_another_process(tmp_path, slow=0.3)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            journal = partial / "journal.jsonl"
            if journal.exists() and len(journal.read_text().splitlines()) >= lines:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not small().folder(tmp_path).exists()
    with (partial / "journal.jsonl").open("a") as journal:
        journal.write('{"chunk": 4, "crc')  # the kill tore a line
    process = _render_in_another_process(tmp_path, slow=0)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert bytes_of(small().folder(tmp_path)) == whole
    FaceStore.open(small(), tmp_path).verify()


@pytest.mark.slow
def test_two_processes_render_a_store_once(tmp_path):
    first = _render_in_another_process(tmp_path, slow=1.0)
    partial = small().folder(tmp_path).with_name(f"{small().folder(tmp_path).name}.partial")
    deadline = time.monotonic() + 60
    while not partial.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    second = _render_in_another_process(tmp_path, slow=1.0)
    outputs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert first.returncode == second.returncode == 0
    assert "Rendering 10 faces" in outputs[0]
    assert "Another process is rendering" in outputs[1]
    assert "Rendering 10 faces" not in outputs[1]
    FaceStore.open(small(), tmp_path).verify()


@pytest.mark.slow
def test_several_processes_write_the_same_bytes_as_one(tmp_path):
    parameters = small(num_frames=600, truth=False)
    for workers in (1, 2):
        render_store(parameters, tmp_path / str(workers), num_workers=workers)
    assert bytes_of(parameters.folder(tmp_path / "1")) == bytes_of(parameters.folder(tmp_path / "2"))


def test_a_worker_ends_when_its_parent_is_killed():
    # the watch thread is what ends it: a pool's worker otherwise waits for work for ever
    code = """
    import multiprocessing, os, sys, time
    from datamodules.face_chunks import _start_worker
    def work(connection):
        _start_worker()
        connection.send(os.getpid())
        time.sleep(60)
    if __name__ == "__main__":
        here, there = multiprocessing.Pipe()
        multiprocessing.get_context("fork").Process(target=work, args=(there,)).start()
        print(here.recv(), flush=True)
        time.sleep(60)
    """
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the worker lives on")


def test_parameters_are_plain_data():
    assert FaceStoreParameters(**dataclasses.asdict(small())) == small()
