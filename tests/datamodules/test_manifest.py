"""A folder of images and a table of labels."""

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.face_images import UnreadableImageError
from datamodules.manifest import ManifestFacesDataModule
from datamodules.manifest_table import ManifestError, read_manifest, subject_splits
from zoo.facs import AUS


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
