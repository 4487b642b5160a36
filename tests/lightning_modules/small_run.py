"""A small stage I run, for tests in one process and, as a script, in several.

``python small_run.py '{"folder": ..., "devices": 2, ...}'`` writes ``rank<r>.json`` into the folder.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path

import pytorch_lightning
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules.base import FaceDataModule
from lightning_modules.callbacks.delayed_loss import AtStep, DelayedLoss, WhenBelow
from lightning_modules.callbacks.ema import EMA
from lightning_modules.optimizers import Adam, AdamW
from lightning_modules.residual_vqgan import ResidualVQGANModule
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.discriminators.patch import PatchDiscriminator
from zoo.losses.adversarial import AdversarialLoss
from zoo.losses.base import ImageLoss
from zoo.losses.reconstruction import ReconstructionLoss
from zoo.quantizers.residual import ResidualQuantizer


class CountingLoss(ImageLoss):
    """Compare mean colours, and count the calls."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.calls = 0

    def forward(self, reconstructions, images):
        self.calls += 1
        return (reconstructions.mean((2, 3)) - images.mean((2, 3))).square().mean()


class Blobs(torch.utils.data.Dataset):
    def __init__(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.rand(size, 3, 4, 4, generator=generator) * 2 - 1
        self.occurrence = torch.rand(size, 12, generator=generator) < 0.4
        self.images = torch.nn.functional.interpolate(coarse, (16, 16), mode="bilinear")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, request):
        occurrence = self.occurrence[request.indices]
        return {
            "image": self.images[request.indices],
            "index": torch.tensor(request.indices),
            "occurrence": occurrence,
            "known": torch.ones_like(occurrence),
        }


class SmallFaces(FaceDataModule):
    """Smooth random pictures in place of faces."""

    def __init__(self, *, size: int = 48, batch_size: int = 4) -> None:
        super().__init__(batch_size=batch_size, augment=False)
        self.sizes = {"train": size, "validation": 8, "test": 8, "predict": 5}

    @property
    def image_size(self) -> int:
        return 16

    def dataset(self, split):
        return Blobs(self.sizes[split], seed=list(self.sizes).index(split))


class Recorder(Callback):
    """Remember each batch, exactly."""

    def __init__(self) -> None:
        self.losses: list[str] = []
        self.indices: list[list[int]] = []
        self.steps: list[int] = []
        self.total_steps = 0.0

    def on_train_start(self, trainer, pl_module):
        self.total_steps = pl_module.total_steps

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.losses.append(float(trainer.callback_metrics["train/loss"]).hex())
        self.indices.append(batch["index"].tolist())
        self.steps.append(trainer.global_step)


def make_codec(*, dropout: float = 0.1, seed: int = 0) -> ResidualVQGANCodec:
    torch.manual_seed(seed)
    quantizer = ResidualQuantizer(8, num_levels=3, codebook_size=16, decay=0.8)
    return ResidualVQGANCodec(
        quantizer, channels=8, channel_multipliers=[1, 2], num_residual_blocks=1, attention=False, dropout=dropout
    )


def make_module(*, seed: int = 0, **changes) -> ResidualVQGANModule:
    codec = make_codec(seed=seed)
    arguments = {
        "reconstruction": ReconstructionLoss(),
        "anatomical": CountingLoss(),
        "adversarial": AdversarialLoss(lecam_weight=0.001),
        "discriminator": PatchDiscriminator(channels=8, num_halvings=1),
        "optimizer": AdamW(1e-3, warmup_steps=2),
        "discriminator_optimizer": Adam(1e-3),
        "discriminator_start_step": 1,
        "adversarial_start_step": 2,
        "adversarial_ramp_steps": 2,
        "gradient_clip_val": 1.0,
    }
    return ResidualVQGANModule(codec, **{**arguments, **changes})


def make_trainer(folder, *, callbacks=(), devices: int = 1, strategy: str = "auto", **arguments) -> Trainer:
    defaults = {"max_epochs": 2, "logger": False, "enable_checkpointing": False, "num_sanity_val_steps": 0}
    return Trainer(
        accelerator="cpu",
        devices=devices,
        strategy=strategy,
        default_root_dir=folder,
        callbacks=list(callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        **{**defaults, **arguments},
    )


def digest(tensors) -> str:
    """Hash tensors to the bit."""
    sha = hashlib.sha256()
    for tensor in tensors:
        sha.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def run(
    *,
    folder: str,
    devices: int = 1,
    strategy: str = "auto",
    ckpt_path: str | None = None,
    save_every: int | None = None,
    accumulate: int = 1,
    max_epochs: int = 2,
    seed: int = 0,
    delayed: str = "step",
    ema: bool = True,
) -> dict:
    """Fit with everything on: adversarial, delayed and averaged, and say what happened, to the bit."""
    pytorch_lightning.seed_everything(seed, verbose=False)
    recorder, module = Recorder(), make_module(seed=seed, accumulate_grad_batches=accumulate)
    trigger = AtStep(3) if delayed == "step" else WhenBelow("val/l1", 10.0)
    delay = DelayedLoss("anatomical", trigger, ramp_steps=3)
    callbacks = [recorder, delay, *([EMA(0.9)] if ema else [])]
    if save_every:
        saver = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=save_every, save_top_k=-1)
        callbacks.append(saver)
    trainer = make_trainer(
        folder,
        callbacks=callbacks,
        devices=devices,
        strategy=strategy,
        max_epochs=max_epochs,
        enable_checkpointing=bool(save_every),
    )
    trainer.fit(module, datamodule=SmallFaces(), ckpt_path=ckpt_path, weights_only=True)
    return {
        "losses": recorder.losses,
        "indices": recorder.indices,
        "steps": recorder.steps,
        "global_step": trainer.global_step,
        "delayed_started_at": delay.started_at,
        "anatomical_calls": module.anatomical.calls,
        "parameters": digest(module.parameters()),
        "buffers": digest(module.buffers()),
        "codes": digest([module.codec.quantizer.codebooks.codes]),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    arguments = json.loads(sys.argv[1])
    result = run(**arguments)
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    name = "resumed" if arguments.get("ckpt_path") else "rank"
    (Path(arguments["folder"]) / f"{name}{rank}.json").write_text(json.dumps(result))
