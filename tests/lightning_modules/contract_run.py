"""Run a config as ``cli.py fit`` does and write down what each rank did, to the bit.

``python contract_run.py FOLDER NAME [options of fit]`` writes ``FOLDER/NAME<rank>.json`` and ``FOLDER/<step>.ckpt``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path

import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_modules.cli.composition import compose
from lightning_modules.cli.quiet import silence
from lightning_modules.cli.trainer_cli import ZooCLI


class Recorder(Callback):
    """Remember what was trained on and what came of it; say so once a file is wanted."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.batches: list[list[int]] = []
        self.figures: list[dict[str, str]] = []
        self.steps: list[int] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.batches.append(batch["index"].tolist())
        figures = {name: value for name, value in trainer.callback_metrics.items() if name.startswith("train")}
        self.figures.append({name: float(value).hex() for name, value in figures.items()})
        self.steps.append(trainer.global_step)

    def on_train_end(self, trainer, pl_module):
        self.weights = digest(pl_module)
        if self.file is not None:
            path = self.file.with_name(f"{self.file.name}{trainer.global_rank}.json")
            kept = ("batches", "figures", "steps", "weights")
            path.write_text(json.dumps({name: getattr(self, name) for name in kept}))


def digest(module) -> str:
    """Hash weights and buffers to the bit."""
    sha = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        sha.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def fit(folder: Path, name: str, arguments: list[str], *, save_at: int | None = None):
    """Fit; give the recorder and the finished command line."""
    silence()
    warnings.filterwarnings("ignore", message="Be aware that when using `ckpt_path`")
    cli = ZooCLI("fit", compose(arguments))
    recorder = Recorder(folder / name)
    cli.trainer.callbacks.insert(0, recorder)
    if save_at is not None:
        saver = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=save_at, save_top_k=-1)
        cli.trainer.callbacks.append(saver)
    cli.work()
    return recorder, cli


if __name__ == "__main__":
    torch.set_num_threads(1)
    fit(Path(sys.argv[1]), sys.argv[2], sys.argv[3:], save_at=None if "--ckpt_path" in sys.argv else 1)
