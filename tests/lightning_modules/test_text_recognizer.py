"""Training of the AU recogniser of texts."""

import json

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules.descriptions import DescriptionsDataModule
from lightning_modules.optimizers import AdamW
from lightning_modules.text_recognizer import TextRecognizerModule
from zoo.bundles import load
from zoo.text_encoders.compact import CompactTextEncoder
from zoo.text_recognizers.base import TextRecognition, TextRecognizer
from zoo.text_recognizers.perceptron import PerceptronTextRecognizer

AUS = (6, 12)
TEXTS = {6: "the cheeks rise", 12: "the lip corners rise"}


class Sayings(torch.utils.data.Dataset):
    """A few words for each AU, in any order; AU 12 is unknown in every fourth text."""

    def __init__(self, size):
        generator = torch.Generator().manual_seed(size)
        self.occurrence = torch.rand(size, 2, generator=generator) < 0.5
        self.turned = torch.rand(size, generator=generator) < 0.5

    def __len__(self):
        return len(self.occurrence)

    def __getitem__(self, index):
        said = [TEXTS[au] for au, present in zip(AUS, self.occurrence[index], strict=True) if present]
        known = torch.tensor([True, index % 4 != 0])
        return {
            "prompt": ", ".join(said[::-1] if self.turned[index] else said) or "the face rests",
            "occurrence": self.occurrence[index] & known,
            "known": known,
        }


class Naming(TextRecognizer):
    """Say the same of every text, whatever it says."""

    def __init__(self, logits):
        super().__init__()
        self.aus = AUS
        self.logits = torch.nn.Parameter(torch.tensor(logits))

    def forward(self, prompts):
        logits = self.logits.expand(len(prompts), 2)
        return TextRecognition(logits.sigmoid(), logits)


def _module(seed=0):
    torch.manual_seed(seed)
    recognizer = PerceptronTextRecognizer(
        CompactTextEncoder(dim=16, num_layers=1, num_heads=2, num_hashes=64), aus=AUS, hidden_dim=16
    )
    return TextRecognizerModule(recognizer, optimizer=AdamW(1e-2, warmup_steps=2))


def _trainer(folder, **arguments):
    return Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"logger": False, "enable_checkpointing": False, "max_epochs": 6, "num_sanity_val_steps": 1, **arguments},
    )


def _loaders():
    return {
        "train_dataloaders": torch.utils.data.DataLoader(Sayings(96), batch_size=8),
        "val_dataloaders": torch.utils.data.DataLoader(Sayings(20), batch_size=8),
    }


def test_it_learns_and_says_so_for_each_au(tmp_path, caplog):
    module, trainer = _module(), _trainer(tmp_path)
    with caplog.at_level("INFO"):
        trainer.fit(module, **_loaders())
    figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val")}
    assert figures["val/f1"] > 0.9 > figures["val/f1_without_reading"]
    assert figures["val/f1"] == pytest.approx(sum(figures[f"val_f1/AU{au}"] for au in AUS) / 2)
    assert json.loads((tmp_path / "metrics.json").read_text()) == pytest.approx(figures)
    tables = [record.getMessage() for record in caplog.records if "F1 of AUs" in record.getMessage()]
    assert len(tables) == 1  # once, at the end
    rows = tables[0].splitlines()
    assert [row.split()[0] for row in rows[2:]] == ["6", "12", "mean"]
    assert [row.split()[-1] for row in rows[2:4]] == ["20", "15"]  # texts whose label is known
    results = trainer.validate(module, _loaders()["val_dataloaders"], verbose=False)
    assert results[0]["val/f1"] == pytest.approx(figures["val/f1"])


def test_naming_every_au_is_what_can_be_had_without_reading(tmp_path):
    texts = Sayings(20)
    batches = [texts[place] for place in range(20)]
    present = torch.stack([batch["occurrence"] for batch in batches])
    known = torch.stack([batch["known"] for batch in batches])
    rate = present.sum(0) / known.sum(0)
    module = TextRecognizerModule(Naming([9.0, 9.0]))
    loader = torch.utils.data.DataLoader(texts, batch_size=8)
    (figures,) = _trainer(tmp_path).test(module, loader, verbose=False)
    assert figures["test/f1"] == figures["test/f1_without_reading"]
    assert figures["test/f1"] == pytest.approx(float((2 * rate / (1 + rate)).mean()))


def test_the_loss_is_the_cross_entropy_of_what_is_known(tmp_path):
    module = TextRecognizerModule(Naming([0.5, -2.0]))
    trainer = _trainer(tmp_path, max_steps=1, log_every_n_steps=1)
    trainer.fit(module, **_loaders())
    texts = Sayings(96)
    terms = []
    for place in range(8):
        for logit, present, known in zip((0.5, -2.0), texts[place]["occurrence"], texts[place]["known"], strict=True):
            probability = torch.sigmoid(torch.tensor(logit))
            if known:
                terms.append(-torch.log(probability if present else 1 - probability))
    assert float(trainer.callback_metrics["train/loss"]) == pytest.approx(float(torch.stack(terms).mean()))


def test_a_checkpoint_gives_the_recogniser_back(tmp_path):
    module = _module()
    saver = ModelCheckpoint(tmp_path, filename="last")
    _trainer(tmp_path, max_steps=2, enable_checkpointing=True, callbacks=[saver]).fit(module, **_loaders())
    loaded = load(tmp_path / "last.ckpt")
    texts = list(TEXTS.values())
    with torch.no_grad():
        assert torch.equal(loaded(texts).probability, module.recognizer.eval()(texts).probability)


def test_predictions_are_a_probability_of_each_au():
    data = DescriptionsDataModule(num_faces=100, batch_size=8)
    module = TextRecognizerModule(PerceptronTextRecognizer(CompactTextEncoder(dim=16), hidden_dim=8)).eval()
    said = [module.predict_step(batch, place).probability for place, batch in enumerate(data.predict_dataloader())]
    assert torch.cat(said).shape == (len(data.dataset("predict")), 12)
