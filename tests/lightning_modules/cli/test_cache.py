"""The command ``cache``, and training on what it wrote, on a tiny stage II whose encoders are frozen bundles."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from datamodules.augmentation import Augmentation
from datamodules.cache_writing import CacheWriter
from datamodules.loading import Request
from lightning_modules.cli import cache_making
from lightning_modules.cli.cache import CacheCLI
from lightning_modules.cli.cache_parts import open_cache
from lightning_modules.cli.composition import compose
from lightning_modules.cli.trainer_cli import built
from zoo.backbones.compact import CompactBackbone
from zoo.bundles import save_bundle
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.compact_appearance import CompactAppearanceFaceEncoder
from zoo.face_encoders.compact_structure import CompactStructureFaceEncoder
from zoo.images import from_uint8
from zoo.quantizers.residual import ResidualQuantizer
from zoo.text_encoders.compact import CompactTextEncoder

CONTRACT = Path(__file__).parents[1] / "contract_run.py"
ROOT = Path(__file__).parents[3]
FEATURES = ("appearance", "structure", "latent")


def make_codec(seed):
    torch.manual_seed(seed)
    quantizer = ResidualQuantizer(8, num_levels=2, codebook_size=16)
    return ResidualVQGANCodec(
        quantizer, channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Bundles of untrained parts."""
    folder = tmp_path_factory.mktemp("parts")
    backbone = {"widths": [8, 16], "num_blocks": [1, 1]}
    with torch.random.fork_rng(devices=[]):
        made = {
            "codec": make_codec(0),
            "other_codec": make_codec(1),
            "appearance": CompactAppearanceFaceEncoder(CompactBackbone(**backbone), dim=8),
            "structure": CompactStructureFaceEncoder(CompactBackbone(**backbone), dim=8),
            "text": CompactTextEncoder(dim=16, num_layers=1, num_heads=2),
        }
    for name, part in made.items():
        save_bundle(part.eval(), folder / name, card="untrained")
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Folder of the faces, rendered once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def config(folder, parts, root):
    """Write the config of the run; its words, and where its cache goes."""
    names = {"codec": "codec", "text_encoder": "text", "appearance": "appearance", "structure": "structure"}
    data = {"root": str(root), "num_train": 24, "num_validation": 8, "train_identities": 3, "frames_per_shot": 2}
    Path("run.yaml").write_text(
        yaml.safe_dump(
            {
                "extends": "tiny/stage2.yaml",
                "model": {"init_args": {name: str(parts / each) for name, each in names.items()}},
                "data": {"init_args": data},
                "trainer": {"accelerator": "cpu", "max_epochs": 2},
                "callbacks": None,
            }
        )
    )
    return ("--config", "run.yaml", "--cache", "cached")


@pytest.fixture
def fit(folder, capfd):
    """Fit in this process; gives what each batch was and what came of it."""
    spec = importlib.util.spec_from_file_location("contract_run", CONTRACT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda name, *words, **options: module.fit(folder, name, [*words, "--run", name], **options)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def losses(recorder):
    return torch.tensor([float.fromhex(figures["train/loss"]) for figures in recorder.figures])


def opened(*words):
    """Build model and data of a run, with its cache."""
    cli = built(CacheCLI, "cache", compose(list(words)))
    cli.datamodule.cache = open_cache(cli.model.eval(), cli.datamodule, cli.config["cache"])
    return cli.model, cli.datamodule


def test_training_on_a_cache_is_training_on_images(config, call, fit):
    result = call("cache", *config)
    assert result.code == 0, result.err
    assert "tokens, appearance, structure, latent, text into cached" in result.out
    names = {path.name.rpartition("-")[0] for path in Path("cached").glob("*-*")}
    assert names == {"text", *(f"{s}-{w}" for s in ("train", "validation") for w in ("labels", "tokens", *FEATURES))}
    on_images, plain = fit("plain", *config[:2])
    on_cache, cached = fit("cached", *config)
    assert on_cache.batches == on_images.batches
    # features lost 13 of 24 bits, tokens nothing
    torch.testing.assert_close(losses(on_cache), losses(on_images), rtol=1e-3, atol=0)
    assert not torch.equal(losses(on_cache), losses(on_images))  # the cache was read
    validated = [each.trainer.callback_metrics["val/loss"] for each in (plain, cached)]
    torch.testing.assert_close(*validated, rtol=1e-3, atol=0)
    assert yaml.safe_load(Path("runs/run/cached/config.yaml").read_text())["cache"] == "cached"


def test_a_killed_cache_goes_on_where_it_was(config, call, monkeypatch):
    monkeypatch.setattr(cache_making, "_CHUNK", 6)
    assert call("cache", *config[:3], "whole").code == 0
    append, calls = CacheWriter.append, itertools.count()

    def breaking(self, *arguments, **options):
        if next(calls) in (3, 17):
            raise KeyboardInterrupt
        append(self, *arguments, **options)

    monkeypatch.setattr(CacheWriter, "append", breaking)
    stopped = [call("cache", *config) for _ in range(3)]
    assert [each.code for each in stopped] == [130, 130, 0]
    assert "What was made is kept" in stopped[0].out
    assert "of which 6 are there" in stopped[1].out
    assert contents("cached") == contents("whole")


def test_what_is_there_already_is_not_made_again(config, call, monkeypatch):
    assert call("cache", *config).code == 0
    before = contents("cached")
    with monkeypatch.context() as patch:
        patch.setattr(CacheWriter, "append", lambda *arguments, **options: pytest.fail("made again"))
        assert call("cache", *config).code == 0
    assert contents("cached") == before
    other = call("cache", *config, "--dtype", "float32")
    assert other.code == 2
    assert "must be of float32, and is of float16" in other.err
    assert call("cache", *config, "--dtype", "float32", "--rebuild", "true").code == 0
    assert contents("cached") != before


def test_a_stale_or_damaged_cache_is_refused(config, call, parts, monkeypatch):
    fit = ("fit", *config)
    missing = call(*fit)
    assert missing.code == 2
    assert "To make it: python cli.py cache" in missing.err
    assert call("cache", *config).code == 0
    other = call(*fit, "--model.codec", parts / "other_codec")
    assert other.code == 2
    assert "part.weights is" in other.err
    assert "train-tokens-" in other.err
    seed = call(*fit, "--data.seed", "1")
    assert seed.code == 2
    assert "data.faces.seed is 0 there and 1 here" in seed.err
    with monkeypatch.context() as patch:
        patch.setattr("lightning_modules.cli.cache_parts.code_of", lambda file: f"another {file.name}")
        assert "part.code is" in call(*fit).err
    file = next(Path("cached").glob("train-tokens-*/tokens.bin"))
    os.truncate(file, 10)
    damaged = call(*fit)
    assert damaged.code == 2
    assert "tokens.bin must be as it was written, but has 10 bytes in place of" in damaged.err
    assert not Path("runs").exists()


def test_only_stage_two_has_a_cache(folder, call, root):
    result = call("cache", "--config", "tiny/stage1.yaml", "--data.root", root)
    assert result.code == 2
    assert "ResidualVQGANModule trains on images" in result.err


def test_faces_that_are_new_in_every_epoch_have_no_cache(config, call):
    result = call("cache", *config, "--data.on_the_fly", "true")
    assert result.code == 2
    assert "on_the_fly must be false for a cache" in result.err


@pytest.mark.parametrize("learning", [(), ("--model.structure", "face_encoders/compact_structure.yaml")])
def test_mirrored_samples_are_those_of_mirrored_images(config, call, learning):
    words = (*config, "--data.augment", "true", "--dtype", "float32", *learning)
    assert call("cache", *words).code == 0
    model, data = opened(*words)
    data.augmentation = Augmentation(brightness=0, contrast=0, saturation=0, gamma=0)
    request = Request(1, list(range(24)))
    cached = data.on_after_batch_transfer(data.train_dataloader().dataset[request])
    data.cache = None
    seen = data.on_after_batch_transfer(data.train_dataloader().dataset[request])
    assert cached["prompt"] == seen["prompt"]
    assert cached["subject"] == seen["subject"]
    assert cached["source"] == seen["source"]
    for name in ("occurrence", "known", "intensity", "index"):
        torch.testing.assert_close(cached[name], seen[name], rtol=0, atol=0, equal_nan=True)
    assert ("reference" in cached) == bool(learning)
    assert ("structure_features" in cached) == (not learning)
    with torch.no_grad():
        assert torch.equal(model._tokens(cached), model._tokens(seen))
        for name in FEATURES:
            ours, theirs = getattr(model._reference(cached), name), getattr(model._reference(seen), name)
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        ours, theirs = model._text(cached), model._text(seen)
        torch.testing.assert_close(ours.features, theirs.features, rtol=1e-4, atol=1e-4)
        assert torch.equal(ours.mask, theirs.mask)
    plain = data.dataset("train")[request]["image"]
    mirrored = (model.pipeline.codec.tokenize(from_uint8(plain)) != cached["tokens"]).flatten(1).any(1)
    assert 4 < mirrored.sum() < 20  # of 24, half are expected to be


def test_prompts_that_are_not_there_are_encoded_as_they_come(config, call, caplog):
    assert call("cache", *config, "--prompt_epochs", "1").code == 0
    model, data = opened(*config)
    dataset = data.train_dataloader().dataset
    assert "text_features" in dataset[Request(0, list(range(8)))]
    batch = data.on_after_batch_transfer(dataset[Request(1, list(range(8)))])
    assert "text_features" not in batch
    assert "encoded as they come" in caplog.text
    assert torch.equal(model._text(batch).features, model.pipeline.text_encoder(batch["prompt"]).features)


@pytest.mark.slow
def test_a_run_on_a_cache_resumes_in_the_middle_of_an_epoch_to_the_bit(config, call, fit, folder):
    words = (*config, "--data.augment", "true")
    assert call("cache", *words).code == 0
    whole, _ = fit("whole", *words, save_at=4)
    resumed, _ = fit("resumed", *words, "--ckpt_path", str(folder / "step=4.ckpt"))
    assert resumed.batches == whole.batches[4:]
    assert resumed.figures == whole.figures[4:]
    assert resumed.weights == whole.weights


@pytest.mark.slow
def test_two_processes_share_a_cache(config, call, folder):
    assert call("cache", *config).code == 0
    words = [
        *config,
        "--trainer.strategy",
        "ddp",
        "--trainer.devices",
        "2",
        "--trainer.max_epochs",
        "1",
        "--run",
        "two",
    ]
    done = subprocess.run(
        [sys.executable, str(CONTRACT), str(folder), "rank", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2))
    assert first["weights"] == second["weights"]
    seen = list(itertools.chain(*first["batches"], *second["batches"]))
    assert len(set(seen)) == len(seen) == 16  # of 24, in batches of two times 8
