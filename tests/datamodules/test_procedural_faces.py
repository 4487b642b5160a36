"""Procedural faces as batches."""

import itertools
import time
import typing

import jsonargparse
import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from datamodules.augmentation import is_mirrored, mirror_landmarks
from datamodules.base import FaceDataModule
from datamodules.batch import ProceduralFaceBatch
from datamodules.face_sampling import held_out_sets
from datamodules.face_store import MissingStoreError
from datamodules.loading import Request
from datamodules.procedural_faces import ProceduralFacesDataModule, check_disjoint
from zoo.components import specification
from zoo.faces import IDENTITY_RANGES, FaceRenderer, sample_faces
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.images import check_signed
from zoo.randomness import uniform


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder for the stores of this file, rendered as they are asked for."""
    return str(tmp_path_factory.mktemp("procedural"))


def _module(root, **changes):
    values = {
        "image_size": 32,
        "num_train": 12,
        "num_validation": 5,
        "num_test": 5,
        "train_identities": 3,
        "validation_identities": 2,
        "test_identities": 2,
        "batch_size": 4,
        "render_workers": 1,
        "root": root,
    }
    return ProceduralFacesDataModule(**{**values, **changes})


def _batch(module, split="train"):
    loader = {"train": module.train_dataloader, "validation": module.val_dataloader, "test": module.test_dataloader}
    return module.on_after_batch_transfer(next(iter(loader[split]())), 0)


def test_a_batch_has_the_keys_and_types_of_the_contract(root):
    batch = _batch(_module(root))
    required = set(typing.get_type_hints(ProceduralFaceBatch, include_extras=True, localns=_names()))
    assert set(batch) == required - {"truth", "side", "reference_landmarks"}
    assert set(_batch(_module(root), "validation")) == required - {"side", "reference_landmarks"}
    for name in ("image", "reference"):
        assert batch[name].shape == (4, 3, 32, 32)
        assert batch[name].dtype == torch.float32
        check_signed(batch[name])
    assert batch["occurrence"].dtype == batch["known"].dtype == batch["visible"].dtype == torch.bool
    assert batch["occurrence"].shape == batch["intensity"].shape == (4, 12)
    assert batch["known"].all()
    assert torch.equal(batch["intensity"] >= 2, batch["occurrence"])
    assert batch["landmarks"].shape == (4, 68, 2)
    assert batch["regions"].dtype == torch.int64
    assert batch["parameters"].shape == (4, len(_module(root).parameter_names))
    assert batch["index"].dtype == torch.int64
    assert batch["subject"] == [f"faces/{person}" for person in batch["identity"].tolist()]
    assert batch["source"] == [f"faces/train/{index}" for index in batch["index"].tolist()]
    assert all(isinstance(text, str) and text for text in batch["prompt"])


def _names():
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

    from zoo import shapes

    return {"Bool": Bool, "Float": Float, "Int": Int, "Tensor": Tensor, **vars(shapes)}


def test_a_reference_is_the_same_person_without_action(root):
    module = _module(root, augment=False)
    batch = _batch(module, "validation")
    same_shot = batch["index"] // 4 == batch["index"][0] // 4
    assert same_shot.sum() >= 2
    assert torch.equal(batch["reference"][same_shot][0], batch["reference"][same_shot][1])
    assert not torch.equal(batch["reference"][0], batch["image"][0])
    # the truth is the frame but for what is not labelled, so it is nearer to it than the neutral face is
    error = (batch["truth"] - batch["image"]).square().mean()
    assert error < (batch["reference"] - batch["image"]).square().mean()


@pytest.mark.parametrize("on_the_fly", [False, True])
def test_the_points_of_references_are_those_of_the_neutral_face(root, on_the_fly):
    module = _module(root, augment=False, nuisance=False, reference_landmarks=True, on_the_fly=on_the_fly)
    batch = _batch(module, "validation")
    store = _module(root, augment=False, nuisance=False).dataset("validation").store
    identity, view, action = (torch.from_numpy(column.copy()) for column in np.array(store.array("seeds")[:4]).T)
    neutral = FaceRenderer(32)(sample_faces(identity, view, action).neutral())
    torch.testing.assert_close(batch["reference_landmarks"], neutral.landmarks)
    assert (batch["reference"] - neutral.images).abs().max() < 0.01
    assert not torch.equal(batch["reference_landmarks"], batch["landmarks"])


def test_the_points_of_references_are_mirrored_with_them(root):
    plain, augmented = (
        _module(root, augment=augment, reference_landmarks=True).train_dataloader().dataset for augment in (False, True)
    )
    module = _module(root, reference_landmarks=True)
    request = Request(0, list(range(8)))
    batch = augmented[request]
    flipped = is_mirrored(batch["draws"])
    points = plain[request]["reference_landmarks"]
    found = module.on_after_batch_transfer(batch, 0)["reference_landmarks"]
    assert flipped.any()
    assert not flipped.all()
    torch.testing.assert_close(found[~flipped], points[~flipped])
    torch.testing.assert_close(found[flipped], mirror_landmarks(points[flipped], width=32))


def test_identities_are_disjoint_between_splits(root):
    module = _module(root)
    people = {
        split: {int(person) for batch in loader for person in batch["identity"]}
        for split, loader in (
            ("train", module.train_dataloader()),
            ("validation", module.val_dataloader()),
            ("test", module.test_dataloader()),
        )
    }
    for split, members in people.items():
        assert members
        assert all(person in IDENTITY_RANGES[split] for person in members)
    judges = _module(root, train_on="judges")
    assert judges.stores["train"].split == "judges"
    with pytest.raises(ValueError, match="train and validation share some"):
        check_disjoint({"train": judges.stores["validation"], "validation": judges.stores["validation"]})


def test_training_order_and_augmentation_depend_on_epoch_and_index_alone(root):
    module = _module(root)
    loader = module.train_dataloader()

    def epoch(number):
        loader.sampler.set_epoch(number)
        return {int(index): image for batch in loader for index, image in zip(*_finished(module, batch), strict=True)}

    def _finished(module, batch):
        batch = module.on_after_batch_transfer(batch, 0)
        return batch["index"], batch["image"]

    first, second = epoch(0), epoch(1)
    assert first.keys() == second.keys()
    assert any(not torch.equal(first[index], second[index]) for index in first)
    again = epoch(0)
    assert all(torch.equal(first[index], again[index]) for index in first)
    alone = module.dataset("train")[type(next(iter(loader.sampler)))(0, [7])]
    assert torch.equal(module.on_after_batch_transfer(alone, 0)["image"][0], first[7])


def test_evaluation_is_never_augmented_and_in_order(root):
    module = _module(root)
    batches = list(module.val_dataloader())
    assert list(itertools.chain(*(batch["index"].tolist() for batch in batches))) == list(range(5))
    assert all("draws" not in batch for batch in batches)
    assert batches[0]["image"].dtype == torch.uint8


def test_rendering_on_the_fly_gives_the_batches_of_the_store(root):
    stored = _batch(_module(root, augment=False))
    sampled = _batch(_module(root, augment=False, on_the_fly=True))
    assert sampled.keys() == stored.keys()
    for name in stored:
        if torch.is_tensor(stored[name]):
            assert sampled[name].dtype == stored[name].dtype, name
            assert sampled[name].shape == stored[name].shape, name
    assert sampled["index"].tolist() == stored["index"].tolist()
    assert sampled["prompt"] == stored["prompt"]  # the first epoch shows the faces of the store
    assert (sampled["image"] - stored["image"]).abs().max() < 0.02  # the store has 8 bits
    assert (sampled["reference"] - stored["reference"]).abs().max() < 0.02


def test_truth_on_the_fly_is_the_stores_and_never_leaves_the_device(root, monkeypatch):
    stored = _batch(_module(root), "validation")
    module = _module(root, on_the_fly=True)
    batch = next(iter(module.val_dataloader()))
    monkeypatch.setattr(torch.Tensor, "numpy", None)  # as good as refused by a GPU's tensors
    batch = module.on_after_batch_transfer(batch, 0)
    assert (batch["truth"] - stored["truth"]).abs().max() < 0.02


def test_rendering_on_the_fly_gives_new_actions_in_each_epoch(root):
    module = _module(root, on_the_fly=True, augment=False)
    loader = module.train_dataloader()
    labels = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        labels.append(
            {int(i): row for batch in loader for i, row in zip(batch["index"], batch["intensity"], strict=True)}
        )
    assert all(torch.equal(labels[0][index], labels[2][index]) for index in labels[0])
    assert any(not torch.equal(labels[0][index], labels[1][index]) for index in labels[0])
    assert "truth" in _batch(module, "validation")


def test_unseen_test_faces_show_only_sets_that_training_never_does(root):
    module = _module(root, held_out=[[1, 4], [12, 15]], test_aus="unseen", augment=False)
    batch = _batch(module, "test")
    shown = {tuple(au for au, on in zip(AUS, row, strict=True) if on) for row in batch["occurrence"]}
    assert shown <= {(1, 4), (12, 15)}
    assert module.stores["train"].aus == "seen"
    assert module.stores["train"].held_out == ((1, 4), (12, 15))


def test_prompts_are_fresh_in_each_training_epoch_and_the_same_in_validation(root):
    module = _module(root)
    request = type(next(iter(module.train_dataloader().sampler)))
    train, validation = module.dataset("train"), module.dataset("validation")
    first, second, again = (train[request(epoch, list(range(12)))]["prompt"] for epoch in (0, 1, 0))
    assert first == again
    assert sum(one != other for one, other in zip(first, second, strict=True)) > 6
    assert validation[request(0, [0, 1, 2])]["prompt"] == validation[request(1, [0, 1, 2])]["prompt"]
    fixed = _module(root, fresh_prompts=False).dataset("train")
    assert fixed[request(1, [0, 1, 2])]["prompt"] == first[:3]


def test_another_composer_writes_the_prompts(root):
    short = _module(root, prompts=Composer(style="short", variant=2))
    batch = _batch(short, "validation")
    for text, occurrence in zip(batch["prompt"], batch["occurrence"], strict=True):
        aus = [au for au, on in zip(AUS, occurrence.tolist(), strict=True) if on]
        assert text == Composer(style="short", variant=2).describe(aus)


def test_intensities_are_worded_where_asked_for(root):
    # frames have traces (intensity A) that count as absent, which must not be worded
    prompts = {
        worded: _batch(_module(root, prompts=Composer(variant=1, word_intensity=worded)), "validation")["prompt"]
        for worded in (False, True)
    }
    assert all(worded.startswith(plain) for plain, worded in zip(prompts[False], prompts[True], strict=True))
    assert any("In strength, " in text for text in prompts[True])


def test_sets_held_out_by_name_leave_the_stores_of_a_share_as_they_were(root):
    shares = _module(root, held_out=0.1).stores["train"]
    assert _module(root, held_out=0.1, held_out_seed=0).stores["train"].key == shares.key
    assert _module(root, held_out=0.1, held_out_seed=1).stores["train"].key != shares.key
    named = _module(root, held_out=["12+15", [4, 1]]).stores["train"]
    assert named.key == _module(root, held_out=[[1, 4], [15, 12]]).stores["train"].key


def test_held_out_sets_have_two_aus_or_more_and_the_asked_share():
    sets = held_out_sets(0.2)
    assert min(map(len, sets)) == 2
    assert len(sets) == pytest.approx(0.2 * 4083, rel=0.1)
    assert set(held_out_sets(0.1)) < set(sets)
    with pytest.raises(ValueError, match="share must be at least 0 and below 1"):
        held_out_sets(1.0)


def test_the_global_batch_is_divided_by_the_devices(root):
    module = _module(root, global_batch_size=6)
    assert module.device_batch_size == 6
    module._world = lambda: (2, 0)
    assert module.device_batch_size == 3
    module._world = lambda: (4, 0)
    with pytest.raises(ValueError, match="must divide by the number of devices, got 6 for 4"):
        module.train_dataloader()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"num_workers": -1}, "num_workers must be at least 0"),
        ({"train_on": "test"}, "train_on must be 'train' or 'judges'"),
        ({"held_out": [[1, 3]]}, "held_out must name AUs"),
        ({"held_out": 1.5}, "ProceduralFacesDataModule: held_out must be a share from 0 to below 1"),
        ({"image_size": 33}, "size must be a multiple of 8 from 32 to 512, got 33"),
        ({"num_train": 0}, "ProceduralFacesDataModule: num_train must be at least 1, got 0"),
        ({"test_identities": 0}, "ProceduralFacesDataModule: test_identities must be at least 1, got 0"),
        ({"held_out": [], "test_aus": "unseen"}, "aus must be 'seen'"),
    ],
)
def test_impossible_arguments_are_refused(root, change, message):
    with pytest.raises(ValueError, match=message):
        _module(root, **change)


def test_it_can_be_said_as_plain_data(root):
    spec = specification(_module(root, held_out=[[1, 4]]))
    assert spec["class_path"] == "datamodules.procedural_faces.ProceduralFacesDataModule"
    assert spec["init_args"]["held_out"] == [[1, 4]]


@pytest.mark.parametrize("config", ["procedural_faces", "manifest"])
def test_the_configs_parse(config):
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(FaceDataModule, "data")
    parsed = parser.parse_args([f"--data=configs/data/{config}.yaml"])
    assert isinstance(parser.instantiate(parsed).data, FaceDataModule)


class _Sum(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def training_step(self, batch, batch_idx):
        check_signed(batch["image"])
        self.seen.append((self.current_epoch, batch["index"].tolist(), float(batch["image"].sum())))
        return (batch["image"].mean() - self.weight).square()

    def validation_step(self, batch, batch_idx):
        assert "truth" in batch

    def predict_step(self, batch, batch_idx):
        return batch["index"]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def _trainer(**arguments):
    return pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, **arguments
    )


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on workers
def test_lightning_fits_and_resumes_to_the_bit(root, tmp_path):
    whole = _Sum()
    saving = pl.callbacks.ModelCheckpoint(dirpath=tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    _trainer(max_epochs=2, callbacks=[saving]).fit(whole, datamodule=_module(root))
    assert len(whole.seen) == 6
    resumed = _Sum()
    _trainer(max_epochs=2, enable_checkpointing=False).fit(
        resumed, datamodule=_module(root), ckpt_path=str(tmp_path / "step=4.ckpt")
    )
    assert resumed.seen == whole.seen[4:]
    assert torch.equal(resumed.weight, whole.weight)


@pytest.mark.filterwarnings("ignore")
def test_lightning_predicts_on_every_face_once(root):
    predicted = _trainer(enable_checkpointing=False).predict(_Sum(), datamodule=_module(root))
    assert torch.cat(predicted).tolist() == list(range(5))


@pytest.mark.filterwarnings("ignore")
def test_lightning_overfits_the_same_batches(root):
    module = _Sum()
    _trainer(max_epochs=2, overfit_batches=2, enable_checkpointing=False).fit(module, datamodule=_module(root))
    assert [entry[1] for entry in module.seen] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2


def test_augmentation_draws_are_those_of_the_index(root):
    request_type = type(next(iter(_module(root).train_dataloader().sampler)))
    batch = _module(root).dataset("train")[request_type(3, [5, 2])]
    assert np.array_equal(batch["draws"].numpy(), uniform(0, 3, np.array([5, 2]), count=5))


@pytest.mark.slow
def test_reading_is_far_faster_than_training_needs(root):
    loader = _module(root, num_train=512, batch_size=64, augment=False, train_identities=8).train_dataloader()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        list(loader)
        seconds.append(time.perf_counter() - start)
    assert 512 / min(seconds) > 10_000


def test_a_missing_store_is_said(root):
    from datamodules.face_store import FaceStore

    with pytest.raises(MissingStoreError, match="must be a store of faces"):
        FaceStore.open(_module(root, seed=99).stores["train"], root)
