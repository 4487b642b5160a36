"""Say at the end what a model of stage II is worth: a picture and figures in the run's folder."""

from __future__ import annotations

import csv
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.progress import progress_bar
from lightning_modules.callbacks.best_weights import best_weights_in, loader_of, step_of
from lightning_modules.callbacks.grids import READABLE_SIDE, grid, save_png
from lightning_modules.callbacks.synthesis_figures import SynthesisFigures
from lightning_modules.callbacks.synthesis_sampling import advancing, sampled_faces
from lightning_modules.trained_parts import require
from zoo.bundles import load
from zoo.facs import AUS
from zoo.files import save_json, write_whole
from zoo.frozen import Frozen
from zoo.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_NUM_PICTURES = 12


class SynthesisReport(Callback):
    """Synthesise held-out faces at the end of ``fit`` and in ``test``; write figures and a grid of faces.

    After ``fit`` the weights of the best checkpoint are measured if there is one, as ``zoo.load`` of the run would give
    them, else the last ones. :class:`~lightning_modules.callbacks.synthesis_figures.SynthesisFigures` says what is
    measured, and against what. ``metrics.json`` has all figures, ``aus.csv`` those of each AU.

    Args:
        split: What is measured after ``fit``.
        recognizer: The judge of AUs: a bundle, a run's folder or a checkpoint; null leaves AUs out.
        identity: The judge of identity, likewise.
        num_images: Synthesise no more images than this; null does all.
        steps: Steps of sampling.
        temperature: Of the draw of a token.
        text_guidance: How far to go from the picture without text to the one with it.
    """

    def __init__(
        self,
        split: Literal["validation", "test"] = "test",
        recognizer: str | None = "models/recognizer_independent",
        identity: str | None = None,
        num_images: int | None = 512,
        steps: int = Sampling.steps,
        temperature: float = Sampling.temperature,
        text_guidance: float = Sampling.text_guidance,
    ) -> None:
        super().__init__()
        if split not in ("validation", "test"):
            message = f"SynthesisReport: split must be 'validation' or 'test', got {split!r}."
            raise ValueError(message)
        if num_images is not None and num_images < 1:
            message = f"SynthesisReport: num_images must be at least 1, got {num_images}. null synthesises all."
            raise ValueError(message)
        self.split = split
        self.num_images = num_images
        self.sampling = Sampling(steps=steps, temperature=temperature, text_guidance=text_guidance)
        self.judges = {
            name: None if path is None else Frozen(partial(load, path))
            for name, path in (("recognizer", recognizer), ("identity", identity))
        }
        self._paths = {"recognizer": recognizer, "identity": identity}
        self._folder = Path()
        self._started = 0.0
        self._figures: SynthesisFigures | None = None
        self._pictures: dict[str, Tensor] = {}
        self._asked: list[str] = []

    def check(self) -> None:
        """Find the judges' files; called before the data is prepared.

        Raises:
            WeightsNotFoundError: One is not there.
        """
        for name, path in self._paths.items():
            if path is not None:
                require(path, owner=self, argument=name, cure="Trained ones are in models/; null leaves it out.")

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder; asked on every rank, since the ranks agree on it."""
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)
        self._started = time.monotonic()

    @torch.no_grad()
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure the best weights on held-out identities."""
        if trainer.fast_dev_run or trainer.interrupted:
            return
        seconds = time.monotonic() - self._started
        with best_weights_in(pl_module, trainer) as source:
            self._begin(trainer, pl_module)
            loader: Any = loader_of(trainer, self.split)
            if trainer.progress_bar_callback is not None:
                trainer.progress_bar_callback.teardown(
                    trainer, pl_module, "fit"
                )  # two bars at once would garble each other
            count = -(-len(loader.dataset) // trainer.world_size)
            count = count if self._limit is None else min(count, self._limit)
            if trainer.is_global_zero:
                print(f"Synthesising {count * trainer.world_size} faces of the {self.split} split ...", flush=True)
            with progress_bar("Synthesising", count, show=self._shows_bar(trainer)) as advance:
                for batch in loader:
                    if self._is_full():
                        break
                    self._add(trainer, pl_module, trainer.strategy.batch_to_device(batch, dataloader_idx=0), advance)
            self._write(trainer, split=self.split, step=trainer.global_step, weights=source, seconds=round(seconds, 1))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure."""
        self._begin(trainer, pl_module)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Synthesise the faces of a batch and measure them."""
        if not self._is_full():
            self._add(trainer, pl_module, batch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write down what was measured."""
        path = trainer.ckpt_path
        self._write(trainer, split="test", step=step_of(path), weights=Path(path or "as built").name)

    def _begin(self, trainer: Trainer, pl_module: Any) -> None:
        judges: Any = {name: None if each is None else each.on(pl_module.device) for name, each in self.judges.items()}
        self._figures = SynthesisFigures(**judges)
        self._limit = None if self.num_images is None else -(-self.num_images // trainer.world_size)
        self._pictures = {}

    def _is_full(self) -> bool:
        return self._figures is None or (self._limit is not None and self._figures.num_images >= self._limit)

    def _shows_bar(self, trainer: Any) -> bool | None:
        """On a terminal only, and by one process."""
        return None if trainer.is_global_zero and trainer.progress_bar_callback is not None else False

    def _add(self, trainer: Any, pl_module: Any, batch: Any, advance: Callable[[int], None] | None = None) -> None:
        assert self._figures is not None
        if self._limit is not None:
            count = self._limit - self._figures.num_images
            batch = {name: value[:count] for name, value in batch.items()}
        told = None if advance is None else advancing(advance, len(batch["subject"]))
        made = sampled_faces(trainer, pl_module, batch, self.sampling, progress=told)
        self._figures.update(batch, made.images, truth=made.truth, coded=made.coded)
        if not self._pictures:
            truth = "true" if "truth" in batch else "original"
            rows = {
                "reference": batch["reference"],
                "synthesised": made.images,
                **({} if made.coded is None else {f"{truth}, coded": made.coded}),
                truth: made.truth,
            }
            shown = _one_of_each(batch["subject"])[:_NUM_PICTURES]
            self._pictures = {name: images[shown].float() for name, images in rows.items()}
            self._asked = [_caption(each) for each in batch["occurrence"][shown].tolist()]

    def _write(self, trainer: Trainer, *, split: str, **facts: Any) -> None:
        figures, self._figures = self._figures, None
        if figures is None:
            return
        sampling = vars(self.sampling)
        content = {"split": split, **facts, **figures.compute(), "sampling": sampling}
        if not trainer.is_global_zero:
            return
        print(
            f"Synthesis of {content['num_images']} faces of the {split} split, for references never seen in training:"
        )
        for name, value in content.items():
            if isinstance(value, float | int):
                interval = content.get(f"{name}_interval")
                print(f"{name:>34} {value}" + (f"   95 %: {interval[0]} to {interval[1]}" if interval else ""))
        print(f"Figures: {save_json(content, self._folder / 'metrics.json')}")
        each = {name.removesuffix("_each"): values for name, values in content.items() if name.endswith("_each")}
        if each:
            print(f"By AU: {write_whole(self._folder / 'aus.csv', partial(_write_table, columns=each))}")
        if self._pictures:
            sheet = grid(self._pictures, columns=self._asked, smallest_side=READABLE_SIDE)
            print(f"Pictures: {save_png(sheet, self._folder / 'images' / f'{split}.png')}")


def _one_of_each(subjects: list[str]) -> list[int]:
    """Order places so that everybody's first comes first, then everybody's second ..."""
    return sorted(range(len(subjects)), key=lambda place: subjects[:place].count(subjects[place]))


def _caption(present: list[bool]) -> str:
    return "+".join(str(au) for au, is_there in zip(AUS, present, strict=True) if is_there) or "at rest"


def _write_table(file: Path, columns: dict[str, dict[str, Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["au", *columns])
        for au in next(iter(columns.values())):
            writer.writerow([au, *(values[au] for values in columns.values())])
