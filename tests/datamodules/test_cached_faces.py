"""Cached samples of all kinds of data: the same labels, prompts and mirrors as from images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from datamodules.au_text import AUTextDataModule
from datamodules.augmentation import Augmentation
from datamodules.base import FaceDataModule
from datamodules.cache_store import MissingCacheError
from datamodules.loading import Request
from datamodules.manifest import ManifestFacesDataModule
from datamodules.token_cache import TokenCache
from lightning_modules.cli.cache_making import CacheMaker
from tests.datamodules.au_text import write_folder
from zoo.facs.composer import Composer
from zoo.images import from_uint8
from zoo.text_encoders.base import EncodedText

PROMPTS = {"style": "short", "unknown": "resolve", "word_side": True}


class GreyCodec(nn.Module):
    """The mean grey of quarters as tokens."""

    quantizer = SimpleNamespace(codebook_size=300)

    def tokenize(self, images):
        return ((nn.functional.adaptive_avg_pool2d(images, 2).mean(1, keepdim=True) + 1) * 149).long()


class GreyEncoder(nn.Module):
    def forward(self, images):
        return nn.functional.adaptive_avg_pool2d(images, 2).flatten(2)


class LetterEncoder(nn.Module):
    """A feature for each letter, padded to 900."""

    length = 900

    def forward(self, prompts, *, occurrence=None, intensity=None):
        mask = torch.arange(self.length) < torch.tensor([len(each) for each in prompts])[:, None]
        features = torch.zeros(len(prompts), self.length, 2)
        for row, prompt in enumerate(prompts):
            features[row, : len(prompt), 0] = torch.tensor([float(ord(letter)) for letter in prompt])
        return EncodedText(features, mask)


PARTS = {"tokens": GreyCodec(), "appearance": GreyEncoder(), "text": LetterEncoder()}


def cached(data, folder, *, weights="abc", **changes):
    """Make a cache and let the data use it."""
    identities = {name: {"weights": weights} for name in PARTS}
    data.cache = TokenCache(folder, parts=identities)
    options = {"device": torch.device("cpu"), "batch_size": 5, "dtype": "float32", "prompt_epochs": 2, **changes}
    CacheMaker(data.cache, parts=PARTS, data=data, **options).make()
    return data


@pytest.fixture(scope="module")
def au_text(tmp_path_factory):
    """Six people with eight frames each, with sides and unknown AUs."""
    path = tmp_path_factory.mktemp("au_text") / "mine"
    write_folder(path, size=16, sides=True)
    return path


def au_text_data(path, **changes):
    return AUTextDataModule(str(path), **{"batch_size": 4, "prompts": Composer(**PROMPTS), **changes})


@pytest.mark.parametrize("split", ["train", "validation"])
def test_batches_are_those_of_the_images(au_text, tmp_path, split):
    data = cached(au_text_data(au_text, num_workers=0), tmp_path)
    data.augmentation = Augmentation(brightness=0, contrast=0, saturation=0, gamma=0)
    dataset = data.dataset(split)
    request = Request(1, list(range(len(dataset)))[::-1])
    images = data.on_after_batch_transfer(dataset[request])
    batch = data.on_after_batch_transfer(data.cache.dataset(data, split)[request])
    if split == "train":
        assert "image" not in batch
        assert any("left" in prompt or "right" in prompt for prompt in batch["prompt"])
    else:
        assert torch.equal(batch["image"], images["image"])
    for name in ("prompt", "subject", "source"):
        assert batch[name] == images[name]
    for name in ("occurrence", "known", "intensity", "index", "side"):
        torch.testing.assert_close(batch[name], images[name], rtol=0, atol=0, equal_nan=True)
    assert not images["known"].all()
    assert torch.equal(batch["tokens"], PARTS["tokens"].tokenize(images["image"]))
    assert torch.equal(batch["appearance_features"], PARTS["appearance"](images["reference"]))
    text = PARTS["text"](images["prompt"])
    assert torch.equal(batch["text_features"], text.features)
    assert torch.equal(batch["text_mask"], text.mask)


def test_each_reference_and_each_prompt_is_encoded_once(au_text, tmp_path):
    data = cached(au_text_data(au_text), tmp_path)
    stores = data.cache.dataset(data, "train").stores
    people = len(set(data.dataset("train")[Request(0, list(range(24)))]["subject"]))
    assert len(stores["appearance"].array("features")) == people == 3
    prompts = stores["text"].texts("prompt")
    assert len(prompts) == len(set(prompts))
    assert stores["tokens"].array("tokens").dtype == np.uint16


def test_new_prompts_are_added_to_those_that_are_there(au_text, tmp_path):
    data = cached(au_text_data(au_text), tmp_path, prompt_epochs=1)
    few = data.cache.dataset(data, "train").stores["text"].texts("prompt")
    cached(data, tmp_path, prompt_epochs=3)
    many = data.cache.dataset(data, "train").stores["text"].texts("prompt")
    assert many[: len(few)] == few
    assert len(set(many)) == len(many) > len(few)


def test_without_augmentation_nothing_is_mirrored(au_text, tmp_path):
    data = cached(au_text_data(au_text, augment=False), tmp_path)
    images = data.dataset("train")[Request(3, [0, 1, 2])]["image"]
    batch = data.cache.dataset(data, "train")[Request(3, [0, 1, 2])]
    assert np.array_equal(batch["tokens"].long(), PARTS["tokens"].tokenize(from_uint8(images)))
    assert "draws" not in batch


def test_features_that_do_not_fit_are_refused(au_text, tmp_path, monkeypatch):
    monkeypatch.setattr(GreyEncoder, "forward", lambda self, images: torch.full((len(images), 1, 2), 1e6))
    with pytest.raises(OSError, match="appearance must fit float16"):
        cached(au_text_data(au_text), tmp_path, dtype="float16")


def test_changed_tables_are_other_data(au_text, tmp_path):
    before = au_text_data(au_text).content("train")
    assert au_text_data(au_text).content("train") == before
    assert au_text_data(au_text, num_train=5).content("train") != before
    assert au_text_data(au_text, image_size=32).content("train") != before
    assert au_text_data(au_text).content("validation") != before
    write_folder(tmp_path / "mine", size=16, sides=True, seed=1)
    assert au_text_data(tmp_path / "mine").content("train") != before


def test_a_manifest_is_cached_until_it_or_its_images_change(tmp_path):
    def image(name, grey):
        Image.fromarray(np.random.default_rng(grey).integers(0, grey, (16, 16, 3), np.uint8)).save(tmp_path / name)

    lines = ["image,subject,AU1,AU12,split"]
    for person in range(4):
        for take in range(2):
            image(f"{person}{take}.png", 200 + take)
            lines.append(f"{person}{take}.png,p{person},{take},9,{'validation' if person == 3 else 'train'}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")

    def data():
        return ManifestFacesDataModule(
            str(tmp_path / "manifest.csv"), image_size=16, batch_size=2, prompts=Composer(**PROMPTS)
        )

    made = cached(data(), tmp_path / "cache")
    batch = next(iter(made.train_dataloader()))
    assert set(batch) >= {"tokens", "appearance_features", "occurrence", "known", "prompt", "subject"}
    made.cache.check(data())
    image("00.png", 2)
    with pytest.raises(MissingCacheError, match=r"data\.faces\.images differs|differs: data\.faces\.images"):
        made.cache.check(data())
    assert data().content("train")["image_size"] == 16


def test_data_without_content_says_so(au_text):
    with pytest.raises(ValueError, match=r"AUTextDataModule: its faces can't be cached"):
        FaceDataModule.content(au_text_data(au_text), "train")


def test_ranks_see_disjoint_parts_of_the_cache(au_text, tmp_path, monkeypatch):
    data = cached(au_text_data(au_text), tmp_path)
    seen = []
    for rank in range(2):
        monkeypatch.setattr(data, "_world", lambda rank=rank: (2, rank))
        seen.append([batch["index"].tolist() for batch in data.train_dataloader()])
    whole = AUTextDataModule(str(au_text), batch_size=8, prompts=Composer(**PROMPTS))
    whole.cache = data.cache
    assert [first + second for first, second in zip(*seen, strict=True)] == [
        batch["index"].tolist() for batch in whole.train_dataloader()
    ]
