"""Images as files and in archives."""

import io
import pickle
import tarfile
import threading

import numpy as np
import pytest
from PIL import Image

from datamodules.image_storage import ImagePlaces, ImageReader, ImageStorageError, image_writer, path_of

CONTENTS = [bytes([place]) * size for place, size in enumerate((1, 511, 512, 513, 20_000))]
NAMES = ["images/a/1.jpg", "images/b/2.jpg", f"images/{'long' * 60}.jpg", "images/\u00fc.jpg", "images/a/5.jpg"]


def _stored(folder, storage):
    shard = "shards/some.tar" if storage == "tar" else None
    with image_writer(folder, shard=shard) as write:
        offsets = [write(name, content) for name, content in zip(NAMES, CONTENTS, strict=True)]
    return ImagePlaces(
        np.array(NAMES, dtype=object),
        np.array([len(content) for content in CONTENTS]),
        None if shard is None else np.array([shard] * len(NAMES), dtype=object),
        np.array(offsets),
    )


@pytest.mark.parametrize("storage", ["files", "tar"])
def test_what_was_written_is_read_in_any_order(tmp_path, storage):
    reader = ImageReader(tmp_path, _stored(tmp_path, storage))
    reader.check_presence()
    for place in (3, 0, 4, 2, 1, 0):
        assert reader.encoded(place) == CONTENTS[place]
    assert pickle.loads(pickle.dumps(reader)).encoded(4) == CONTENTS[4]
    found = {}
    threads = [
        threading.Thread(
            target=lambda place=place: found.update({place: [reader.encoded(place % 5) for _ in range(50)]})
        )
        for place in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(set(contents) == {CONTENTS[place % 5]} for place, contents in found.items())
    reader.close()


def test_archives_are_those_that_pythons_own_writer_makes(tmp_path):
    places = _stored(tmp_path, "tar")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in zip(NAMES, CONTENTS, strict=True):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    assert (tmp_path / "shards/some.tar").read_bytes() == buffer.getvalue()
    with tarfile.open(tmp_path / "shards/some.tar") as archive:
        assert [member.offset_data for member in archive] == places.offset.tolist()


@pytest.mark.parametrize("storage", ["files", "tar"])
def test_missing_and_short_images_are_named(tmp_path, storage):
    places = _stored(tmp_path, storage)
    if storage == "tar":
        file = tmp_path / "shards/some.tar"
        file.write_bytes(file.read_bytes()[:6000])
    else:
        (tmp_path / NAMES[4]).write_bytes(b"short")
        (tmp_path / NAMES[0]).unlink()
    reader = ImageReader(tmp_path, places)
    with pytest.raises(
        ImageStorageError, match=r"1 are missing or cut short, such as (shards/some\.tar|images/a/1\.jpg)"
    ):
        reader.check_presence()
    with pytest.raises(ImageStorageError, match=r"images/a/5\.jpg: the image must have 20,000 bytes"):
        reader.encoded(4)
    reader.close()


def test_what_is_no_image_is_said(tmp_path):
    with image_writer(tmp_path, shard=None) as write:
        write("a.png", b"nothing")
        buffer = io.BytesIO()
        Image.new("L", (4, 3), 7).save(buffer, "PNG")
        write("b.png", buffer.getvalue())
    sizes = np.array([7, len(buffer.getvalue())])
    reader = ImageReader(
        tmp_path, ImagePlaces(np.array(["a.png", "b.png"], dtype=object), sizes, None, np.zeros(2, int))
    )
    with pytest.raises(ImageStorageError, match=r"a\.png: must be a whole image"):
        reader.read(0)
    assert (reader.read(1) == np.full((3, 4, 3), 7)).all()


def test_an_archive_that_was_broken_off_is_closed(tmp_path):
    def broken_off():
        with image_writer(tmp_path, shard="a.tar") as write:
            write("x", b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with image_writer(tmp_path, shard="a.tar") as write:
        write("y", b"2")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert archive.getnames() == ["y"]


def test_names_of_frames_become_safe_paths():
    assert path_of("bp4d/F001/T1/2440") == "bp4d/F001/T1/2440"
    assert ".." not in path_of("../../etc/passwd")
    # distinct names stay distinct
    names = ["a.b", "a%2Eb", "a:b", "a b", "a\\b", "\u00fc", "a\nb"]
    assert len({path_of(name) for name in names}) == len(names)
