"""AU text folders as batches."""

import json

import jsonargparse
import numpy as np
import pytest
import pytorch_lightning as pl
import torch

import cli
from datamodules.au_text import AUTextDataError, AUTextDataModule
from datamodules.au_text_folder import MissingAUTextFolderError
from datamodules.base import FaceDataModule
from datamodules.batch import FaceBatch
from datamodules.builders.sources.base import DatasetError
from datamodules.loading import Request
from tests.datamodules.au_text import colour_of, write_folder
from zoo.components import specification
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.images import check_signed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six people with eight frames each."""
    path = tmp_path_factory.mktemp("au_text") / "mine"
    write_folder(path)
    return path


def _module(path, **changes):
    return AUTextDataModule(str(path), **{"batch_size": 4, "augment": False, **changes})


def _everything(module, split="train", epoch=0):
    dataset = module.dataset(split)
    return dataset[Request(epoch, list(range(len(dataset))))]


def test_batches_have_the_keys_of_the_contract(folder):
    module = _module(folder, augment=True)
    batch = module.on_after_batch_transfer(next(iter(module.train_dataloader())), 0)
    assert set(batch) == set(FaceBatch.__annotations__) - {"side"}
    for name in ("image", "reference"):
        assert batch[name].shape == (4, 3, 32, 32)
        check_signed(batch[name])
    assert batch["occurrence"].dtype == batch["known"].dtype == torch.bool
    assert not (batch["occurrence"] & ~batch["known"]).any()
    assert batch["index"].dtype == torch.int64
    assert all(subject.startswith("mine/P") for subject in batch["subject"])


def test_each_frame_comes_with_its_own_image_reference_and_labels(folder):
    table = write_folder(folder)
    for split in ("train", "validation", "test"):
        batch = _everything(_module(folder), split)
        rows = batch["index"].numpy()
        assert rows.tolist() == np.flatnonzero(table.split == split).tolist()
        assert batch["image"][:, 0, 0, -1].tolist() == [colour_of(row) for row in rows]
        assert batch["reference"][:, 0, 0, -1].tolist() == [colour_of(row % 6) for row in rows]
        assert batch["source"] == table.source[rows].tolist()
        assert batch["subject"] == table.subject[rows].tolist()
        assert np.array_equal(batch["occurrence"].numpy(), table.occurrence[rows] == 1)
        assert np.array_equal(batch["known"].numpy(), table.occurrence[rows] != 9)
        assert np.array_equal(batch["intensity"].numpy(), table.intensity[rows], equal_nan=True)


def test_prompts_are_fresh_in_training_and_fixed_elsewhere(folder):
    module = _module(folder)
    first, second = (_everything(module, epoch=epoch) for epoch in (0, 1))
    assert sum(one != other for one, other in zip(first["prompt"], second["prompt"], strict=True)) > 12
    assert _everything(module, epoch=1)["prompt"] == second["prompt"]
    assert _everything(module, "test", 0)["prompt"] == _everything(module, "test", 1)["prompt"]
    fixed = _module(folder, fresh_prompts=False)
    assert _everything(fixed, epoch=1)["prompt"] == first["prompt"]
    composer = Composer(style="short", unknown="resolve")
    table = write_folder(folder)
    assert _everything(_module(folder, prompts=composer), "test")["prompt"] == composer.prompts(
        table.occurrence[table.split == "test"], index=np.flatnonzero(table.split == "test")
    )


def test_two_folders_are_taken_together(folder, tmp_path):
    table = write_folder(tmp_path / "other", name="other", seed=1, size=32)
    module = AUTextDataModule([str(folder), str(tmp_path / "other")], augment=False)
    batch = _everything(module)
    assert len(batch["index"].unique()) == len(batch["index"]) == 48
    dataset = module.dataset("train")
    mixed = dataset[Request(0, [47, 0, 24, 1])]
    assert [subject.split("/")[0] for subject in mixed["subject"]] == ["other", "mine", "other", "mine"]
    for place, index in enumerate(mixed["index"].tolist()):
        assert mixed["image"][place, 0, 0, -1] == colour_of(index % 48)
        if index >= 48:
            assert mixed["source"][place] == table.source[index - 48]


def test_folders_of_different_sizes_ask_for_one(folder, tmp_path):
    write_folder(tmp_path / "other", name="other", size=48)
    paths = [str(folder), str(tmp_path / "other")]
    with pytest.raises(AUTextDataError, match=r"image_size must be given.*32 and 48 pixels"):
        AUTextDataModule(paths).prepare_data()
    batch = _everything(AUTextDataModule(paths, image_size=16, augment=False))
    assert batch["image"].shape[-2:] == (16, 16)
    assert batch["image"][:, 0, 8, -1].tolist() == [colour_of(index % 48) for index in batch["index"].tolist()]


def test_the_same_frames_twice_and_a_subject_in_two_splits_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="without common frames, but 48 frames"):
        AUTextDataModule([str(folder), str(folder)]).prepare_data()
    table = write_folder(tmp_path / "later", frames=60)  # the same people, other frames
    table.source = np.array([f"{source}b" for source in table.source], dtype=object)
    table.split = np.array(["test"] * 60, dtype=object)
    table.save(tmp_path / "later" / "frames.parquet")
    with pytest.raises(DatasetError, match="in one split, but mine/P0 is in train and in test"):
        AUTextDataModule([str(folder), str(tmp_path / "later")]).prepare_data()


def test_held_out_sets_leave_training_and_validation_and_are_all_that_an_unseen_test_shows(folder):
    held_out = ["12+..."]
    shown = {}
    for aus in ("seen", "unseen"):
        module = _module(folder, held_out=held_out, test_aus=aus)
        for split in ("train", "validation", "test"):
            shown[aus, split] = _everything(module, split)["occurrence"][:, AUS.index(12)]
    assert not any(shown["seen", split].any() for split in ("train", "validation", "test"))
    assert not shown["unseen", "train"].any()
    assert shown["unseen", "test"].all()
    table = write_folder(folder)
    assert len(shown["unseen", "test"]) + len(shown["seen", "test"]) == (table.split == "test").sum()


def test_a_share_of_the_sets_can_be_held_out(folder):
    with_them, without = _everything(_module(folder)), _everything(_module(folder, held_out=0.5))
    assert 0 < len(without["index"]) < len(with_them["index"])
    other = _everything(_module(folder, held_out=0.5, held_out_seed=1))
    assert other["index"].tolist() != without["index"].tolist()


def test_the_number_of_frames_can_be_limited(folder):
    module = _module(folder, num_train=7, num_test=3)
    assert len(_everything(module)["index"]) == 7
    chosen = _everything(module, "test")["index"].tolist()
    assert len(chosen) == 3
    assert chosen == _everything(_module(folder, num_test=3), "test")["index"].tolist()
    assert len(_everything(_module(folder, num_test=3, seed=1), "test")["index"]) == 3
    assert module.dataset("predict").places.tolist() == chosen


def test_subjects_can_be_dealt_anew_by_seed_or_by_a_published_fold(folder, tmp_path):
    module = _module(folder, split="random", validation_share=0.2, test_share=0.4)
    people = {split: set(_everything(module, split)["subject"]) for split in ("train", "validation", "test")}
    assert sum(map(len, people.values())) == len(set.union(*people.values())) == 6
    table = write_folder(tmp_path / "bp4d", name="bp4d")
    names = ["F001", "F002", "F003", "F004", "F005", "F006"]  # parts 1, 1, 2, 3, 2, 3
    table.subject = np.array([f"bp4d/{names[place % 6]}" for place in range(48)], dtype=object)
    table.save(tmp_path / "bp4d" / "frames.parquet")
    tested = _everything(_module(tmp_path / "bp4d", split="3fold:P3"), "test")
    assert set(tested["subject"]) == {"bp4d/F004", "bp4d/F006"}
    with pytest.raises(DatasetError, match=r"must name a published fold, got '5fold:P1'\. There are: bp4d/3fold"):
        _module(tmp_path / "bp4d", split="5fold:P1").prepare_data()


def test_a_mirrored_sample_words_the_side_that_it_shows(tmp_path):
    table = write_folder(tmp_path, sides=True, frames=96)
    composer = Composer(word_side=True, unknown="resolve")
    module = _module(tmp_path, prompts=composer, augment=True)
    batch = module.on_after_batch_transfer(_everything(module), 0)
    flipped = (batch["image"][:, 0, 0, -1] < batch["image"][:, 0, 0, 0]).numpy()
    assert 12 < flipped.sum() < 36
    # by hand: what a left is where the image is as it was taken, is a right where it is mirrored
    rows = batch["index"].numpy()
    left, right = table.side[rows] == "L", table.side[rows] == "R"
    shown = np.where(left, 1 + flipped[:, None], np.where(right, 2 - flipped[:, None], 0))
    assert np.array_equal(batch["side"].numpy(), shown)
    assert batch["prompt"] == composer.prompts(table.occurrence[rows], index=rows, side=shown)
    assert ["side shows" in text for text in batch["prompt"]] == (left | right).any(1).tolist()


def test_intensities_are_worded_where_they_are_known(folder):
    table = write_folder(folder)
    composer = Composer(word_intensity=True, unknown="resolve")
    batch = _everything(_module(folder, prompts=composer), "test")
    known = (~np.isnan(table.intensity) & (table.occurrence == 1))[table.split == "test"].any(1)
    assert ["In strength" in text for text in batch["prompt"]] == known.tolist()


@pytest.mark.parametrize("points", [5, 49, 68])
def test_landmarks_are_scaled_and_mirrored_with_their_face(tmp_path, points):
    table = write_folder(tmp_path, points=points)
    module = _module(tmp_path, image_size=16, augment=True)
    batch = _everything(module)
    assert np.allclose(batch["landmarks"].numpy(), table.landmarks[table.split == "train"] / 2)
    unscaled = batch["landmarks"].clone()
    finished = module.on_after_batch_transfer(batch, 0)
    flipped = finished["image"][:, 0, 0, -1] < finished["image"][:, 0, 0, 0]
    assert torch.equal(finished["landmarks"][~flipped], unscaled[~flipped])
    assert flipped.any()
    eye, other = {5: (0, 1), 49: (19, 28), 68: (36, 45)}[points]
    assert torch.allclose(finished["landmarks"][flipped, eye, 0], 16 - unscaled[flipped, other, 0], atol=1e-5)


@pytest.mark.parametrize("workers", [0, 2])
def test_order_and_content_do_not_depend_on_workers(folder, workers):
    module = _module(folder, augment=True, num_workers=workers)
    batches = [module.on_after_batch_transfer(batch, 0) for batch in module.train_dataloader()]
    alone = _module(folder, augment=True)
    for batch, expected in zip(batches, alone.train_dataloader(), strict=True):
        expected = alone.on_after_batch_transfer(expected, 0)
        assert batch["prompt"] == expected["prompt"]
        assert torch.equal(batch["image"], expected["image"])


def test_two_devices_share_an_epoch_and_every_test_frame(folder):
    seen = {"train": [], "test": []}
    for rank in range(2):
        module = _module(folder, global_batch_size=4)
        module._world = lambda rank=rank: (2, rank)
        for split, loader in (("train", module.train_dataloader()), ("test", module.test_dataloader())):
            seen[split] += [index for batch in loader for index in batch["index"].tolist()]
    assert sorted(seen["train"]) == _everything(_module(folder))["index"].tolist()
    assert sorted(seen["test"]) == _everything(_module(folder), "test")["index"].tolist()


def test_a_missing_folder_is_said_with_its_layout_and_the_command(tmp_path):
    with pytest.raises(MissingAUTextFolderError) as error:
        _module(tmp_path / "nowhere").prepare_data()
    for part in ("nowhere", "frames.parquet", "references.parquet", "python cli.py dataset bp4d"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held_out": 1.0}, "held_out must be a share from 0 to below 1"),
        ({"held_out": ["12+16"]}, "held_out must name AUs of"),
        ({"held_out": [[]]}, "held_out must name AUs of"),
        ({"test_aus": "unseen"}, "test_aus must be 'seen' where no AU sets are held out"),
        ({"test_aus": "all"}, "test_aus must be 'seen' or 'unseen', got 'all'"),
        ({"num_train": 0}, "num_train must be at least 1, got 0"),
        ({"image_size": 0}, "image_size must be at least 1, got 0"),
        ({"path": []}, "path must name at least one folder"),
    ],
)
def test_impossible_arguments_are_refused(folder, change, message):
    with pytest.raises(ValueError, match=message):
        AUTextDataModule(**{"path": str(folder), **change})


def test_a_split_without_frames_is_said(folder):
    with pytest.raises(
        AUTextDataError, match=r"must have test frames with AU sets that are held out, got none among 16"
    ):
        _everything(_module(folder, held_out=[list(AUS)], test_aus="unseen"), "test")


def test_an_empty_split_is_said(tmp_path):
    write_folder(tmp_path, people=3)  # all of them train
    with pytest.raises(AUTextDataError, match="must have validation frames, got none among 0 validation frames"):
        _module(tmp_path).val_dataloader()


def test_it_can_be_said_as_plain_data(folder):
    spec = specification(_module(folder, held_out=["1+4"], prompts=Composer(style="short")))
    assert spec["class_path"] == "datamodules.au_text.AUTextDataModule"
    assert spec["init_args"]["prompts"]["init_args"]["style"] == "short"
    assert spec["init_args"]["held_out"] == ["1+4"]


def test_the_config_and_its_parts_parse(folder):
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(FaceDataModule, "data")
    words = [
        "--data=configs/data/bp4d_autext.yaml",
        f"--data.path=[{folder}]",
        "--data.held_out=[12+15+..., [1, 4]]",
        "--data.prompts=zoo.facs.composer.Composer",
        "--data.prompts.style=short",
    ]
    module = parser.instantiate(parser.parse_args(words)).data
    assert module.prompts.style == "short"
    assert len(module.held_out) == 1025
    assert len(module.dataset("train")) > 0


class _Sum(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, batch["index"].tolist(), batch["prompt"], float(batch["image"].sum())))
        return (batch["image"].mean() - self.weight).square()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on workers
def test_lightning_resumes_in_the_middle_of_an_epoch_to_the_bit(folder, tmp_path):
    def fit(module, **arguments):
        trainer = pl.Trainer(
            accelerator="cpu",
            logger=False,
            default_root_dir=tmp_path,
            enable_progress_bar=False,
            enable_model_summary=False,
            max_epochs=2,
            limit_val_batches=0,
            callbacks=arguments.pop("callbacks", None),
        )
        trainer.fit(module, datamodule=_module(folder, augment=True, num_train=12), **arguments)

    whole, resumed = _Sum(), _Sum()
    saving = pl.callbacks.ModelCheckpoint(dirpath=tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    fit(whole, callbacks=[saving])
    assert len(whole.seen) == 6
    fit(resumed, ckpt_path=str(tmp_path / "step=4.ckpt"))
    assert resumed.seen == whole.seen[4:]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_stage_one_trains_on_a_folder(tmp_path, monkeypatch, capfd):
    write_folder(tmp_path / "mine", size=64)
    monkeypatch.chdir(tmp_path)
    words = ["--config", "tiny/stage1.yaml", "--data", "data/bp4d_autext.yaml", "--data.path", str(tmp_path / "mine")]
    assert cli.main(["fit", *words, "--data.num_workers", "1", "--data.prompts.style", "short"]) == 0
    run = tmp_path / "runs" / "tiny" / "stage1" / "version_0"
    assert json.loads((run / "metrics.json").read_text())
    assert (run / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.filterwarnings("ignore")
def test_a_missing_folder_ends_a_run_with_one_message(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ["--config", "tiny/stage1.yaml", "--data", "data/bp4d_autext.yaml", "--data.path", "nowhere"]
    assert cli.main(["fit", *words]) == 2
    error = capfd.readouterr().err
    assert "'nowhere' must be a folder with a dataset.json" in error
    assert "references.parquet" in error
    assert "Traceback" not in error
