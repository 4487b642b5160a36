"""How runs are saved and found again: whole or not at all, the best apart from the last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_utilities.core.rank_zero import rank_zero_warn
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_modules.cli.errors import UserError, did_you_mean
from zoo.files import UNFINISHED, write_whole

KEYWORDS = ("last", "best")


class RunCheckpoint(ModelCheckpoint):
    """Keep ``best.ckpt`` and ``last.ckpt``; when a run ends or is stopped, write the last one.

    Lightning's own writes both after validations only, so that what was learnt after the last one is lost.
    """

    _ended_at = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write ``last.ckpt`` at the step where the run ends, which may be in the middle of an epoch."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if self.save_last and trainer.max_steps and 0 < trainer.max_steps <= trainer.global_step:
            # here, as later Lightning counts a broken-off epoch as a whole one; a validation that follows saves, too
            before = self._last_global_step_saved
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))
            self._last_global_step_saved, self._ended_at = before, trainer.global_step

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write ``last.ckpt`` if nothing has since the last step."""
        if self.save_last and trainer.global_step not in (0, self._last_global_step_saved, self._ended_at):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def on_sanity_check_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn now, not after the first epoch, where the monitored metric looks misspelt."""
        logged = list(trainer.callback_metrics)
        if self.monitor and self.monitor not in logged and (hint := did_you_mean(self.monitor, logged)):
            rank_zero_warn(f"checkpoint.monitor: the sanity check has logged no {self.monitor!r}.{hint}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write ``last.ckpt`` when a run is stopped; after another error only where no other process is waiting."""
        stopped = isinstance(exception, SystemExit | KeyboardInterrupt)
        if trainer.global_step == 0:  # nothing was learnt
            return
        if self._should_save_on_exception(trainer) and (stopped or trainer.world_size == 1):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its name and move it there: a kill or a full disk leaves the former one whole.

    Lightning's own goes through the system's temporary folder, from where a move to another disk is a copy.
    """

    def load_checkpoint(self, path: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        """Load, without unpickling anything but tensors and plain data.

        Raises:
            UserError: The file is no checkpoint of a run, or is damaged.
        """
        # in the words of the user's option; torch raises many kinds
        try:
            checkpoint = super().load_checkpoint(path, *arguments, **{**keywords, "weights_only": True})
        except (FileNotFoundError, MemoryError, torch.cuda.OutOfMemoryError):
            raise
        except Exception as error:
            message = (
                f"ckpt_path: {path} must be a checkpoint of tensors and plain data, and can't be read as one. It is "
                "damaged, or of another program."
            )
            raise UserError(message) from error
        if not isinstance(checkpoint, dict) or not {"state_dict", "pytorch-lightning_version"} <= set(checkpoint):
            message = (
                f"ckpt_path: {path} must be a checkpoint that `python cli.py fit` wrote, and holds something else. A "
                "published one becomes a bundle by `python cli.py import`."
            )
            raise UserError(message)
        return checkpoint

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Save, whole or not at all.

        Raises:
            OSError: It can't be written; no part of it is left.
        """
        target = Path(path)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:  # given a path, torch would not say why it failed
                torch.save(checkpoint, stream)

        for leftover in target.parent.glob(f".{target.name}.*{UNFINISHED}"):  # of a process that was killed meanwhile
            leftover.unlink(missing_ok=True)
        try:
            write_whole(target, write)
        except (OSError, RuntimeError) as error:
            # torch speaks of an "unexpected pos" where the disk is full
            cause = error if isinstance(error, OSError) else error.__context__
            if not isinstance(cause, OSError) or cause.errno is None:
                raise
            message = f"{os.strerror(cause.errno)}; the checkpoint was not written, the former one stands"
            raise OSError(cause.errno, message, str(target)) from error


def resolve_checkpoint(given: str, *, runs: Path, run: str | None) -> tuple[Path | None, Path | None]:
    """Find what ``--ckpt_path`` means: ``last``, ``best``, a run's folder, or a file.

    Args:
        given: What the user said.
        runs: Folder of the runs of this config.
        run: Name of the run, if it was given; else the newest one with a checkpoint.

    Returns:
        The checkpoint and the run that it goes on; None where ``last`` finds nothing, or the run is another one.

    Raises:
        UserError: There is no such checkpoint.
    """
    if given in KEYWORDS:
        folder = runs / run if run else newest_run(runs)
        file = folder / "checkpoints" / f"{given}.ckpt" if folder else None
        if file and file.is_file():
            return file, folder
        if given == "last":
            return None, None
        message = f"ckpt_path: there is no best.ckpt in {folder or runs}. Has the run validated yet?"
        raise UserError(message)
    place = Path(given).expanduser()
    if place.is_file():
        return place, None
    if place.is_dir():
        for candidate in (place / "checkpoints" / "best.ckpt", place / "checkpoints" / "last.ckpt"):
            if candidate.is_file():
                return candidate, None
        message = f"ckpt_path: {given} must hold checkpoints/best.ckpt or checkpoints/last.ckpt, and holds neither."
        raise UserError(message)
    known = [*KEYWORDS, *_checkpoints_near(place), *(str(each) for each in sorted(runs.glob("*")))]
    message = (
        f"ckpt_path: there is no checkpoint {given!r}.{did_you_mean(given, known)} "
        "It takes last, best, a run's folder or a file."
    )
    raise UserError(message)


def newest_run(runs: Path) -> Path | None:
    """Give the run that saved last."""
    saved = {file: file.stat().st_mtime for file in runs.glob("*/checkpoints/*.ckpt")}
    return max(saved, key=saved.__getitem__).parents[1] if saved else None


def run_of(checkpoint: Path) -> Path | None:
    """Give the run that a checkpoint belongs to."""
    return checkpoint.parents[1] if checkpoint.resolve().parent.name == "checkpoints" else None


def _checkpoints_near(place: Path) -> list[str]:
    folder = place.parent
    return [str(each) for each in folder.glob("*.ckpt")] if folder.is_dir() else []
