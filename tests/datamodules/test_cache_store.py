"""Stores of a cache: what a kill leaves, what is refused, and what the refusal says."""

from __future__ import annotations

import os

import numpy as np
import pytest

from datamodules.cache_store import (
    CacheError,
    CacheStore,
    DamagedCacheError,
    MissingCacheError,
    UnfinishedCacheError,
    key_of,
    packed,
)
from datamodules.cache_writing import CacheWriter, alone

IDENTITY = {"data": {"split": "train", "seed": 0}, "part": {"weights": "abc", "layers": (1, 2)}}
NAMES = ["ä", "", "long name", "b", "c"]


def rows(first, last):
    values = np.arange(first * 6, last * 6, dtype=np.uint16).reshape(-1, 2, 3)
    return {"values": values, **packed("name", NAMES[first:last])}


def write(folder, *, until=5, finish=True):
    writer = CacheWriter(folder, identity=IDENTITY, facts={"kind": "test"}, total=5)
    for first in range(writer.done, until, 2):
        last = min(first + 2, until)
        writer.append(rows(first, last), count=last - first)
    if finish:
        writer.finish()
    return folder


@pytest.fixture
def folder(tmp_path):
    return tmp_path / f"train-values-{key_of(IDENTITY)}"


def test_what_was_written_is_read_back(folder):
    store = CacheStore(write(folder), identity=IDENTITY)
    assert np.array_equal(store.array("values"), rows(0, 5)["values"])
    assert store.array("values").dtype == np.uint16
    assert store.texts("name") == NAMES
    assert store.metadata["facts"] == {"kind": "test"}
    assert "values" in store
    assert "others" not in store
    store.verify()


def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path):
    whole = write(tmp_path / "whole")
    broken = write(tmp_path / "broken", until=4, finish=False)
    with (broken / "values.bin").open("ab") as file:
        file.write(b"half a chunk")  # appended before the metadata were
    (broken / "other.bin").write_bytes(b"of a chunk that was the first to have it")
    with pytest.raises(UnfinishedCacheError, match="4 of 5 are done"):
        CacheStore(broken, identity=IDENTITY)
    write(broken)
    assert {file.name: file.read_bytes() for file in broken.iterdir()} == {
        file.name: file.read_bytes() for file in whole.iterdir()
    }


def test_a_full_store_can_grow(folder):
    write(folder)
    writer = CacheWriter(folder, identity=IDENTITY, facts={}, total=6)
    assert writer.texts("name") == NAMES
    writer.append({"values": rows(0, 1)["values"], **packed("name", ["d"])}, count=1)
    with pytest.raises(UnfinishedCacheError):
        CacheStore(folder, identity=IDENTITY)
    writer.finish()
    assert CacheStore(folder, identity=IDENTITY).texts("name") == [*NAMES, "d"]


def test_an_empty_store_is_whole(folder):
    CacheWriter(folder, identity=IDENTITY, facts={}, total=0).finish()
    assert "values" not in CacheStore(folder, identity=IDENTITY)


def test_a_truncated_file_is_refused_by_its_name(folder):
    write(folder)
    os.truncate(folder / "values.bin", 7)
    with pytest.raises(DamagedCacheError, match=r"values.bin .* 7 bytes in place of 60.*\n?.*Delete"):
        CacheStore(folder, identity=IDENTITY)
    with pytest.raises(DamagedCacheError, match="--rebuild"):
        CacheWriter(folder, identity=IDENTITY, facts={}, total=5)
    (folder / "values.bin").unlink()
    with pytest.raises(DamagedCacheError, match="can't be read"):
        CacheStore(folder, identity=IDENTITY)


def test_a_file_that_is_truncated_later_is_noticed_when_it_is_mapped(folder):
    store = CacheStore(write(folder), identity=IDENTITY)
    os.truncate(folder / "values.bin", 7)
    with pytest.raises(DamagedCacheError, match="7 bytes"):
        store.array("values")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 1}', '{"format_version": 99}'])
def test_metadata_that_say_too_little_are_refused(folder, text):
    (write(folder) / "metadata.json").write_text(text)
    with pytest.raises(DamagedCacheError, match="elete"):
        CacheStore(folder, identity=IDENTITY)


def test_changed_bytes_are_found(folder):
    store = CacheStore(write(folder), identity=IDENTITY)
    content = bytearray((folder / "values.bin").read_bytes())
    content[30] ^= 1
    (folder / "values.bin").write_bytes(content)
    with pytest.raises(DamagedCacheError, match="rows from 2 on differ"):
        store.verify()


def test_what_is_there_says_how_it_differs_from_what_is_wanted(folder, tmp_path):
    write(folder)
    other = {**IDENTITY, "part": {"weights": "xyz", "layers": (1, 2)}}
    with pytest.raises(MissingCacheError, match=r'part\.weights is "abc" there and "xyz" here') as caught:
        CacheStore(tmp_path / f"train-values-{key_of(other)}", identity=other)
    assert "layers" not in str(caught.value)
    with pytest.raises(MissingCacheError, match=r"must be of this data and these weights: part\.weights"):
        CacheStore(folder, identity=other)


def test_a_chunk_of_other_shape_is_refused(folder):
    write(folder, until=2, finish=False)
    writer = CacheWriter(folder, identity=IDENTITY, facts={}, total=5)
    with pytest.raises(ValueError, match="rows of values must be uint16"):
        writer.append({"values": np.zeros((1, 2, 3), np.int64)}, count=1)


def test_a_store_that_is_not_full_is_not_finished(folder):
    write(folder, until=2, finish=False)
    with pytest.raises(DamagedCacheError, match="must hold 5 things at the end, got 2"):
        CacheWriter(folder, identity=IDENTITY, facts={}, total=5).finish()


def test_a_full_disk_is_told_before_the_end(folder, monkeypatch):
    usage = type("Usage", (), {"free": 70 * 2**20})()
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    writer = CacheWriter(folder, identity=IDENTITY, facts={}, total=2**20)
    with pytest.raises(CacheError, match="room for 12 MiB more, got 70 MiB"):
        writer.append({"values": np.zeros((1, 2, 3), np.uint16)}, count=1)


def test_one_process_writes_at_a_time(tmp_path):
    with alone(tmp_path), pytest.raises(CacheError, match="another does"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
