"""Images are found in folders, archives and videos, and numbered by their names whatever these look like."""

import re
import zipfile

import pytest

from datamodules.builders.sources.base import DatasetError, Problems
from datamodules.builders.sources.bp4d import key_of as bp4d_key
from datamodules.builders.sources.bp4dplus import key_of as bp4dplus_key
from datamodules.builders.sources.image_trees import find_folder, index_images


def key_of(name):
    match = re.fullmatch(r"(F\d{3})[/_](T\d)", name)
    return (match[1], match[2]) if match else None


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (("000.jpg", "001.jpg", "0010.jpg"), [0, 1, 10]),
        (("2440.jpg", "999.jpg"), [999, 2440]),
        (("frame_3.png", "frame_20.png"), [3, 20]),
        (("frame-7.JPG", "LeftVideoSN001_comp_00008.jpeg"), [7, 8]),
        (("1.jpg", "1.obj", "1.mtl", "._2.jpg", ".DS_Store", "Thumbs.db", "notes.txt"), [1]),
    ],
    ids=["three digits", "no padding", "named", "other names", "strays"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_images_are_numbered_by_their_names(names, numbers, packed, tmp_path):
    if packed:
        with zipfile.ZipFile(tmp_path / "F001.zip", "w") as archive:
            for name in names:
                archive.writestr(f"F001/T1/{name}", b"")
    else:
        make(tmp_path, *(f"F001/T1/{name}" for name in names))
    problems = Problems()
    (images,) = index_images(tmp_path, key_of, problems).values()
    assert images.numbers.tolist() == numbers
    assert problems.counts() == {}
    assert [int(re.findall(r"\d+", images.image(place).name)[-1]) for place in range(len(numbers))] == numbers


def test_images_of_one_number_are_left_out_and_named(tmp_path):
    make(tmp_path, "F001/T1/012.jpg", "F001/T1/0012.jpg", "F001/T1/013.jpg")
    problems = Problems()
    (images,) = index_images(tmp_path, key_of, problems).values()
    assert images.numbers.tolist() == [13]
    assert problems.counts() == {"duplicate image": 1}
    assert "0012.jpg, 012.jpg" in problems.found[0].detail


def test_an_image_without_a_number_is_named(tmp_path):
    make(tmp_path, "F001/T1/first.jpg", "F001/T1/013.jpg")
    problems = Problems()
    (images,) = index_images(tmp_path, key_of, problems).values()
    assert images.numbers.tolist() == [13]
    assert problems.counts() == {"image without a number": 1}


@pytest.mark.parametrize("parent", ["F001/T1", "T1", "data/T1", "2D+3D/F001/T1"])
def test_archives_may_be_packed_from_any_folder(parent, tmp_path):
    with zipfile.ZipFile(tmp_path / "F001.zip", "w") as archive:
        archive.writestr(f"{parent}/", b"")
        archive.writestr(f"{parent}/005.jpg", b"")
        archive.writestr(f"__MACOSX/{parent}/._005.jpg", b"")
        archive.writestr("F001/T11/005.jpg", b"")
    found = index_images(tmp_path, key_of, Problems())
    assert set(found) == {("F001", "T1")}
    assert found["F001", "T1"].image(0).member == f"{parent}/005.jpg"


def test_unpacked_images_go_before_packed_ones(tmp_path):
    make(tmp_path, "F001/T1/001.jpg")
    with zipfile.ZipFile(tmp_path / "F001.zip", "w") as archive:
        archive.writestr("F001/T1/002.jpg", b"")
        archive.writestr("F001/T2/003.jpg", b"")
    found = index_images(tmp_path, key_of, Problems())
    assert {key: images.numbers.tolist() for key, images in found.items()} == {("F001", "T1"): [1], ("F001", "T2"): [3]}


def test_a_sequence_that_is_there_twice_is_named(tmp_path):
    make(tmp_path, "F001/T1/001.jpg", "F001_T1/002.jpg")
    problems = Problems()
    (images,) = index_images(tmp_path, key_of, problems).values()
    assert images.numbers.tolist() == [1]
    assert problems.counts() == {"duplicate sequence": 1}


@pytest.mark.parametrize("name", ["F001.zip", "F001_T1.avi"])
def test_what_can_not_be_opened_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"PK\x03\x04 broken")
    problems = Problems()
    assert index_images(tmp_path, key_of, problems) == {}
    assert list(problems.counts()) == ["unreadable " + ("archive" if name.endswith("zip") else "video")]
    assert name in problems.found[0].where
    with pytest.raises(DatasetError, match=name):
        index_images(tmp_path, key_of, Problems(refuse=True))


def test_folders_are_found_however_they_are_spelt(tmp_path):
    (tmp_path / "sequences_2D+3D").mkdir()
    (tmp_path / "AUCoding" / "au_occ").mkdir(parents=True)
    assert find_folder(tmp_path, ["2D+3D", "Sequences(2D+3D)"]) == tmp_path / "sequences_2D+3D"
    assert find_folder(tmp_path, ["AUCoding/AU_OCC"]) == tmp_path / "AUCoding" / "au_occ"
    assert find_folder(tmp_path, ["AUCoding/AU_INT", "Videos"]) is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("F001/T1", ("F001", "T1")),
        ("m018_t8", ("M018", "T8")),
        ("2F01_01", ("F001", "T1")),
        ("2M18_13", ("M018", "T8")),
        ("2F23_T5", ("F023", "T5")),
        ("2F01_02", None),
        ("F001/T9", None),
        ("F001_T1_AU06", None),
        ("Thumbs", None),
    ],
)
def test_names_of_bp4d(name, key):
    assert bp4d_key(name) == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("F082/T10", ("F082", "T10")),
        ("M058_T1", ("M058", "T1")),
        ("F042/T11", None),
        ("F083_T1", None),
        ("2F01_01", None),
    ],
)
def test_names_of_bp4dplus(name, key):
    assert bp4dplus_key(name) == key
