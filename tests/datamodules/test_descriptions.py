"""Descriptions without faces, read back by the parser."""

import numpy as np
import pytest
import torch

from datamodules.au_text_folder import AUTextFolderError
from datamodules.description_texts import DescriptionTexts, variants_of_constructs
from datamodules.descriptions import DescriptionBatch, DescriptionsDataModule
from datamodules.loading import Request
from tests.datamodules.au_text import write_folder
from zoo.components import specification
from zoo.facs import AUS
from zoo.facs.allocation import aus_of, codes_of, constructs_of
from zoo.facs.lexicon import Lexicon
from zoo.facs.parsing import read

VARIANTS = {"train": 3, "validation": 1, "test": 1}


@pytest.fixture(scope="module")
def module():
    return DescriptionsDataModule(num_faces=400, batch_size=8)


def everything(module, split, epoch=0):
    dataset = module.dataset(split)
    return dataset[Request(epoch, list(range(len(dataset))))]


def sets_of(batch):
    return [tuple(au for au, present in zip(AUS, row, strict=True) if present) for row in batch["occurrence"].tolist()]


@pytest.mark.parametrize("split", VARIANTS)
def test_texts_say_what_the_labels_say(module, split):
    batch = everything(module, split)
    for text, aus in list(zip(batch["prompt"], sets_of(batch), strict=True))[::7]:
        reading = read(text)
        assert reading.method != "linter"
        assert tuple(label.number for label in reading.labels) == aus
        assert len({each.style for each in reading.stated}) == 1
    assert batch["known"].all()


def test_each_construct_keeps_variants_of_its_own_from_training(module):
    seen = {split: {} for split in VARIANTS}
    for split, of_construct in seen.items():
        for text in everything(module, split)["prompt"]:
            for each in read(text).stated:
                of_construct.setdefault(each.construct, set()).add(each.variant)
    for construct, variants in seen["train"].items():
        others = [seen[split][construct] for split in ("validation", "test") if construct in seen[split]]
        assert [len(each) for each in (variants, *others)] == [3, 1, 1][: 1 + len(others)]
        assert len(set.union(variants, *others)) == 3 + len(others)
    assert {variant for variants in seen["test"].values() for variant in variants} == {1, 2, 3, 4, 5}


def test_where_variants_do_not_suffice_for_all_they_are_shared():
    module = DescriptionsDataModule(num_faces=100, train_variants=5, validation_variants=2, test_variants=1)
    places = [module.texts[split].variants[(12,)] for split in VARIANTS]
    assert sorted(places[0]) == [1, 2, 3, 4, 5]
    assert [places[0][2:4], places[0][4:]] == places[1:]


def test_no_set_and_no_variant_is_in_two_splits(module):
    sets = {split: set(sets_of(everything(module, split))) for split in VARIANTS}
    for split, others in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not sets[split] & sets[others]
        assert not set(everything(module, split)["prompt"]) & set(everything(module, others)["prompt"])
    assert {(), *((au,) for au in AUS)} <= sets["train"]
    assert all(len(sets[split]) > 3 for split in ("validation", "test"))


def test_each_set_has_five_different_descriptions_or_all_there_are(module):
    batch = everything(module, "train")
    of_set = {}
    for text, aus in zip(batch["prompt"], sets_of(batch), strict=True):
        of_set.setdefault(aus, []).append(text)
    for aus, texts in of_set.items():
        assert len(set(texts)) == len(texts) == min(5, 2 * 3 ** max(1, len(constructs_of(aus))))
    # every one of the texts of a construct is taken where all are asked for
    texts = DescriptionTexts(
        Lexicon.load(), variants=variants_of_constructs([0, 2, 4], number=5), styles=["full", "short"], most=99
    )
    assert len({texts.write(1, number) for number in range(texts.count(1))}) == texts.count(1) == 6


def test_variants_and_styles_are_taken_evenly():
    variants = variants_of_constructs(range(5), number=5)
    texts = DescriptionTexts(Lexicon.load(), variants=variants, styles=["full", "short"], most=1)
    stated = [each for seed in range(150) for each in read(texts.write(0b110001, 0, epoch=seed)).stated]
    for construct in {each.construct for each in stated}:
        counts = np.bincount([each.variant for each in stated if each.construct == construct], minlength=6)[1:]
        assert counts.sum() == 150
        assert counts.min() > 12  # 30 are expected, with a standard deviation of 5
        assert 50 < sum(each.style == "full" for each in stated if each.construct == construct) < 100


def test_a_description_depends_on_set_number_epoch_and_seed_alone(module):
    dataset = module.dataset("train")
    whole = dataset[Request(0, list(range(20)))]["prompt"]
    assert [dataset[Request(3, [place])]["prompt"][0] for place in range(20)] == whole  # the same in every epoch
    again = DescriptionsDataModule(num_faces=400, batch_size=3).dataset("train")
    assert again[Request(0, list(range(20)))]["prompt"] == whole
    other = DescriptionsDataModule(num_faces=400, seed=1).dataset("train")
    assert other[Request(0, list(range(20)))]["prompt"] != whole
    fresh = DescriptionsDataModule(num_faces=400, fresh_prompts=True)
    first, second = (everything(fresh, "train", epoch)["prompt"] for epoch in (0, 1))
    assert sum(one != two for one, two in zip(first, second, strict=True)) > len(first) / 2
    assert everything(fresh, "test", 0)["prompt"] == everything(fresh, "test", 1)["prompt"]


def test_words_are_dropped_in_training_alone():
    plain = DescriptionsDataModule(num_faces=400)
    dropping = DescriptionsDataModule(num_faces=400, word_dropout=0.3)
    whole, rest = (everything(each, "train")["prompt"] for each in (plain, dropping))
    kept = 0
    for one, two in zip(whole, rest, strict=True):
        words = one.split()
        for word in two.split():
            words.remove(word)  # raises where it was never there
        kept += len(two.split())
    assert kept / sum(len(text.split()) for text in whole) == pytest.approx(0.7, abs=0.01)
    assert everything(dropping, "test")["prompt"] == everything(plain, "test")["prompt"]


def test_loaders_give_batches_that_cover_the_data(module):
    batches = list(module.train_dataloader())
    assert set(batches[0]) == set(DescriptionBatch.__annotations__)
    indices = torch.cat([batch["index"] for batch in batches]).tolist()
    assert len(set(indices)) == len(indices) > len(module.dataset("train")) - 8
    batch = module.on_after_batch_transfer(next(iter(module.val_dataloader())))
    assert len(batch["prompt"]) == 8
    few = DescriptionsDataModule(num_faces=400, num_train=32)
    assert everything(few, "train")["index"].tolist() == list(range(32))
    assert set(everything(few, "train")["prompt"]) < set(everything(module, "train")["prompt"])
    assert module.subjects("train") == []


def test_sets_come_from_the_labels_of_a_folder_whose_images_are_not_there(tmp_path):
    table = write_folder(tmp_path / "mine")
    for image in (tmp_path / "mine" / "images").iterdir():
        image.unlink()
    module = DescriptionsDataModule(str(tmp_path / "mine"), validation_share=0.2, test_share=0.2)
    sets = [set(module.sets(split).tolist()) for split in VARIANTS]
    assert set.union(*sets) == set(codes_of(table.occurrence == 1).tolist())
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert {tuple(aus_of(code)) for code in sets[2]} == set(sets_of(everything(module, "predict")))
    twice = DescriptionsDataModule([str(tmp_path / "mine")] * 2, validation_share=0.2, test_share=0.2)
    assert twice.sets("test").tolist() == module.sets("test").tolist()
    assert specification(twice)["init_args"]["path"] == [str(tmp_path / "mine")] * 2
    with pytest.raises(AUTextFolderError, match="must be a folder with a dataset"):
        DescriptionsDataModule(str(tmp_path / "other")).dataset("train")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"num_faces": 0}, "num_faces must be at least 1, got 0"),
        ({"num_descriptions": 0}, "num_descriptions must be at least 1"),
        ({"validation_share": 0.6, "test_share": 0.4}, "validation_share must be such that it and test_share"),
        ({"train_variants": 6}, "train_variants must be from 1 to 5, the variants of the lexicon, got 6"),
        ({"test_variants": 0}, "test_variants must be from 1 to 5"),
        ({"styles": ["full", "full"]}, "styles must be different ones"),
        ({"styles": ["terse"]}, "style must be one of full, short"),
        ({"word_dropout": 1.0}, "word_dropout must be from 0 to below 1"),
    ],
)
def test_impossible_arguments_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        DescriptionsDataModule(**arguments)


def test_a_split_without_sets_is_refused():
    with pytest.raises(ValueError, match="validation_share must be so large that validation has sets of AUs, got 0"):
        DescriptionsDataModule(num_faces=50, validation_share=0.0).dataset("validation")
