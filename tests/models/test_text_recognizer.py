"""The committed recogniser of texts reads what it never saw: other sets, other variants, other people's wording."""

import pytest
import torch

import zoo
from datamodules.descriptions import DescriptionsDataModule
from datamodules.loading import Request
from tests.zoo.facs.test_linter_clean_texts import CLEAN
from zoo.bundles import find, metadata_of, verify
from zoo.facs import AUS
from zoo.metrics.occurrence_f1 import OccurrenceF1
from zoo.text_recognizers.base import TextRecognizer


@pytest.fixture(scope="module")
def recognizer():
    return zoo.load("models/text_recognizer")


def f1(recognizer, texts, occurrence):
    """Macro F1, and that of naming every AU of every text."""
    metrics = OccurrenceF1(), OccurrenceF1(threshold=0.0)
    with torch.no_grad():
        probability = torch.cat([recognizer(texts[at : at + 32]).probability for at in range(0, len(texts), 32)])
    for metric in metrics:
        metric.update(probability, occurrence, torch.ones_like(occurrence))
    return [float(metric.macro()) for metric in metrics]


def test_descriptions_of_unseen_sets_in_unseen_variants_are_read(recognizer):
    trained_on = metadata_of("models/text_recognizer")["data"]["init_args"]
    data = DescriptionsDataModule(**trained_on)
    assert not set(data.texts["train"].variants[(12,)]) & set(data.texts["test"].variants[(12,)])
    assert not set(data.sets("train").tolist()) & set(data.sets("test").tolist())
    dataset = data.dataset("test")
    batch = dataset[Request(0, list(range(0, len(dataset), 2)))]
    reached, blind = f1(recognizer, batch["prompt"], batch["occurrence"])
    assert reached > 0.75 > blind + 0.1


def test_free_texts_are_read_as_well(recognizer):
    """Harder: none of these texts is made of descriptions of the lexicon."""
    occurrence = torch.tensor([[au in aus for au in AUS] for aus, _ in CLEAN])
    reached, blind = f1(recognizer, [text for _, text in CLEAN], occurrence)
    assert reached > 0.65 > blind + 0.3


def test_the_bundle_is_whole_small_and_says_how_it_was_made(recognizer):
    bundle = find("models/text_recognizer")
    verify(bundle)
    assert isinstance(recognizer, TextRecognizer)
    assert sum(file.stat().st_size for file in bundle.iterdir()) < 0.6e6
    assert metadata_of(bundle)["command"].startswith("python cli.py fit --config text_recognizer.yaml")
    assert "composed texts alone" in (bundle / "README.md").read_text()
