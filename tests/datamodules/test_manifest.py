"""A folder of images and a table of labels."""

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.alignment import CANONICAL_POINTS
from datamodules.face_images import UnreadableImageError
from datamodules.manifest import ManifestFacesDataModule
from datamodules.manifest_table import ManifestError, read_manifest, subject_splits
from zoo.facs import AUS
from zoo.facs.composer import Composer


def _write(folder, lines, header="image,subject,AU1,AU2,AU12"):
    (folder / "manifest.csv").write_text("\n".join([header, *lines]) + "\n")
    return str(folder / "manifest.csv")


@pytest.fixture
def folder(tmp_path):
    """Six people with two images each; the second of each is neutral."""
    lines = []
    for person in range(6):
        for take in range(2):
            name = f"{person}-{take}.png"
            Image.fromarray(np.full((20, 16, 3), 40 * person + take, np.uint8)).save(tmp_path / name)
            lines.append(f"{name},p{person},{1 - take},9,")
    _write(tmp_path, lines)
    return tmp_path


def _module(folder, **changes):
    return ManifestFacesDataModule(
        str(folder / "manifest.csv"), **{"image_size": 16, "batch_size": 2, "name": "mine", **changes}
    )


def test_batches_have_the_keys_of_the_contract(folder):
    module = _module(folder, augment=False)
    batch = module.on_after_batch_transfer(next(iter(module.train_dataloader())), 0)
    assert set(batch) == {
        "image",
        "reference",
        "occurrence",
        "known",
        "intensity",
        "prompt",
        "subject",
        "source",
        "index",
    }
    assert batch["image"].shape == (2, 3, 16, 16)
    assert batch["image"].dtype == torch.float32
    assert batch["known"][:, 0].all()
    assert not batch["known"][:, 1:].any()
    assert not batch["occurrence"][:, 1:].any()
    assert batch["intensity"][:, 1:].isnan().all()
    assert all(subject.startswith("mine/p") for subject in batch["subject"])


def test_the_subjects_most_neutral_image_is_the_reference(folder):
    module = _module(folder)
    for row in module.rows:
        assert row.reference.name == f"{row.subject[1:]}-1.png"


def test_a_subject_is_in_one_split_only(folder):
    module = _module(folder, validation_share=0.34, test_share=0.17)
    people = {
        split: {row.subject for row in module.rows if row.split == split} for split in ("train", "validation", "test")
    }
    assert [len(each) for each in people.values()] == [3, 2, 1]
    assert not people["train"] & people["validation"]
    assert not people["test"] & (people["train"] | people["validation"])


def test_a_row_without_a_split_stays_with_its_subject(tmp_path):
    lines = [f"{person}-{take}.png,p{person},{'test' if take else ''}" for person in range(10) for take in range(2)]
    _write(tmp_path, lines, header="image,subject,split")
    assert {row.split for row in _module(tmp_path).rows} == {"test"}


def test_sources_tell_images_of_one_name_apart(tmp_path):
    for take in ("T1", "T2"):
        (tmp_path / take).mkdir()
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / take / "7.png")
    _write(tmp_path, ["T1/7.png,p1", "T2/7.png,p1"], header="image,subject")
    batch = next(iter(_module(tmp_path).predict_dataloader()))
    assert batch["source"] == ["mine/T1/7.png", "mine/T2/7.png"]


def test_splits_do_not_depend_on_the_order_of_the_rows():
    people = [f"p{number}" for number in range(20)]
    splits = subject_splits(people, validation_share=0.2, test_share=0.1, seed=0)
    assert splits == subject_splits(people[::-1] * 2, validation_share=0.2, test_share=0.1, seed=0)
    assert splits != subject_splits(people, validation_share=0.2, test_share=0.1, seed=1)


def test_predicting_takes_all_images(folder):
    module = _module(folder, batch_size=5)
    assert [index for batch in module.predict_dataloader() for index in batch["index"].tolist()] == list(range(12))


def test_given_splits_references_and_intensities_are_used(tmp_path):
    manifest = _write(
        tmp_path,
        ["a.png,x,1,3,b.png,train", "b.png,x,0,,,validation"],
        header="image,subject,AU12,intensity_AU12,reference,split",
    )
    first, second = read_manifest(manifest)
    place = AUS.index(12)
    assert (first.split, first.reference) == ("train", tmp_path / "b.png")
    assert first.intensity[place] == 3
    assert second.intensity[place] == 0
    assert second.reference is None


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (["a.png,x,2,0,0"], None, "line 2: AU1 must be 0, 1, 9 or empty, got '2'"),
        (["a.png,x,1,0,0", ",x,1,0,0"], None, "line 3: image and subject must not be empty"),
        (["a.png,1"], "image,AU1", "columns must include 'subject'"),
        ([], None, "at least one row"),
        (["a.png,x,later"], "image,subject,split", "split must be one of train, validation, test"),
        (["a.png,x,strong"], "image,subject,intensity_AU1", "intensity_AU1 must be from 0 to 5"),
        (["a.png,x,1"], "image,subject,AU01", "must be named AU1 or intensity_AU1, got 'AU01'. Name it AU1"),
        (["a.png,x,1"], "image,subject,intensity_au12", "got 'intensity_au12'. Name it intensity_AU12"),
        (["a.png,x,1,0"], None, "line 2: there must be a field for each column"),
        (["a.png,x,1,0,0", "b,c.png,x,1,0,0"], None, "line 3: there must be a field for each column"),
        (["a.png,x,1,0"], "image,subject,AU1,AU1", "got 'AU1' 2 times"),
        (["", "a.png,x,2,0,0"], None, "line 3: AU1 must be 0, 1, 9 or empty"),
    ],
)
def test_mistakes_in_a_manifest_name_the_line(tmp_path, lines, header, message):
    manifest = _write(tmp_path, lines, **({"header": header} if header else {}))
    with pytest.raises(ManifestError, match=message):
        read_manifest(manifest)


def test_a_missing_manifest_and_an_empty_split_are_said(folder, tmp_path):
    with pytest.raises(ManifestError, match=r"nothing\.csv', which does not exist"):
        read_manifest(tmp_path / "nothing.csv")
    with pytest.raises(ManifestError, match="must be a readable CSV file"):
        read_manifest(tmp_path)
    with pytest.raises(ManifestError, match="images of the validation split, got none"):
        _module(folder, validation_share=0.0).val_dataloader()
    with pytest.raises(ValueError, match="together below 1"):
        _module(folder, validation_share=0.5, test_share=0.5)
    with pytest.raises(ValueError, match="image_size must be at least 1"):
        _module(folder, image_size=0)


def test_an_unreadable_image_is_named(folder):
    (folder / "3-0.png").write_bytes(b"broken")
    with pytest.raises(UnreadableImageError, match=r"3-0\.png must be a whole image"):
        list(_module(folder).predict_dataloader())


def _photograph(path, *, centre, distance, angle=0.0, size=200):
    """Draw a face of five dots in a photograph, and give their places."""
    canonical = (np.array(CANONICAL_POINTS) - 0.5) * distance
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = canonical @ turn.T + centre
    pixels = np.full((size, size, 3), 40, np.uint8)
    y, x = np.mgrid[:size, :size] + 0.5
    for number, point in enumerate(points):
        pixels[(x - point[0]) ** 2 + (y - point[1]) ** 2 < 30] = 100 + 30 * number
    Image.fromarray(pixels).save(path)
    return points


def test_landmarks_bring_faces_into_one_place(tmp_path):
    first = _photograph(tmp_path / "a.png", centre=(60, 70), distance=64)
    second = _photograph(tmp_path / "b.png", centre=(120, 110), distance=96, angle=0.4)
    lines = [f"{name}.png,p,{' '.join(map(str, points.ravel()))}" for name, points in (("a", first), ("b", second))]
    _write(tmp_path, lines, header="image,subject,landmarks")
    batch = next(iter(_module(tmp_path, image_size=64).predict_dataloader()))
    for face in batch["image"]:
        for number, (x, y) in enumerate(np.array(CANONICAL_POINTS) * 64):
            around = face[0, int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].float()
            assert (around - (100 + 30 * number)).abs().mean() < 12, number
    # the reference is a row of the manifest, so it is aligned, too
    assert torch.equal(batch["reference"][1], batch["image"][0])


def test_a_box_is_cut_out(tmp_path):
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[20:40, 30:50] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _write(tmp_path, ['a.png,p,"30,20,50,40"', "a.png,q,"], header="image,subject,box")
    batch = next(iter(_module(tmp_path, image_size=20).predict_dataloader()))
    assert (batch["image"][0] == 200).all()
    wider = next(iter(_module(tmp_path, image_size=40, margin=0.5).predict_dataloader()))
    assert (wider["image"][0, 0, 12:28, 12:28] == 200).all()
    assert wider["image"][0, 0, 2, 2] == 0


def test_two_faces_of_one_picture_are_told_apart(tmp_path):
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, 20:] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _write(tmp_path, ["a.png,p,0 0 20 20", "a.png,q,20 0 40 20"], header="image,subject,box")
    batch = next(iter(_module(tmp_path, image_size=20).predict_dataloader()))
    for name in ("image", "reference"):
        assert (batch[name][0] == 0).all()
        assert (batch[name][1] == 200).all()


def test_landmarks_that_are_no_face_name_the_image(tmp_path):
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(tmp_path / "a.png")
    _write(tmp_path, [f"a.png,p,{'7 7 ' * 5}"], header="image,subject,landmarks")
    with pytest.raises(ManifestError, match=r"a\.png: the face must have usable landmarks"):
        list(_module(tmp_path).predict_dataloader())


def test_sides_are_read_and_worded(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    lines = ["a.png,p,1,1,L,", "a.png,q,1,1,,R"]
    _write(tmp_path, lines, header="image,subject,AU12,AU14,side_AU12,side_AU14")
    module = _module(tmp_path, prompts=Composer(word_side=True, variant=1))
    batch = next(iter(module.predict_dataloader()))
    assert batch["side"][:, [AUS.index(12), AUS.index(14)]].tolist() == [[1, 0], [0, 2]]
    assert ["left side" in text for text in batch["prompt"]] == [True, False]
    assert ["right side" in text for text in batch["prompt"]] == [False, True]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("1 2 3", "landmarks", "landmarks must be 10 or 98 or 136 numbers in pixels"),
        ("1 2 3 x", "box", "box must be 4 numbers in pixels, or empty, got '1 2 3 x'"),
        ("1 2 3 nan", "box", "box must be 4 numbers"),
        ("left", "side_AU12", "side_AU12 must be L, R or empty, got 'left'"),
        ("L", "Side AU12", "got 'Side AU12'. Name it side_AU12"),
        ("nan", "intensity_AU12", "intensity_AU12 must be from 0 to 5"),
    ],
)
def test_mistakes_in_places_and_sides_name_the_line(tmp_path, line, column, message):
    manifest = _write(tmp_path, [f"a.png,x,{line}"], header=f"image,subject,{column}")
    with pytest.raises(ManifestError, match=message):
        read_manifest(manifest)
