"""Stop cleanly: every process of a run at the same step, with an exit code that a scheduler understands."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

TERMINATED, INTERRUPTED = 128 + signal.SIGTERM, 128 + signal.SIGINT
_LAUNCHER = "AUFACE_LAUNCHER"


class StopTogether(Callback):
    """Let all processes of a run stop after the same batch when one of them gets SIGTERM.

    Lightning 2.6 broadcasts inside the signal handler, wherever training stands; a collective operation of another
    kind may be under way on the other rank, and both wait for ever. Here the handler only makes a note, and the
    ranks compare notes before each batch, where Lightning compares its own.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put the note-taking handler and the comparison in place of Lightning's; they are private hooks."""
        if trainer.world_size < 2:
            return
        noted = False

        def note(signum: int, frame: FrameType | None) -> None:
            nonlocal noted
            launcher = trainer.strategy.launcher
            if not noted and launcher is not None:
                launcher.kill(signum)  # to the processes that this one launched
            noted = True

        def compare() -> None:
            flag = torch.tensor([int(noted)], device=trainer.strategy.root_device)
            torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
            if flag.item():
                trainer._signal_connector.received_sigterm = True
                raise SIGTERMException

        trainer._signal_connector._sigterm_notifier_fn = note  # type: ignore[assignment,method-assign]
        trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = compare  # type: ignore[method-assign]
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            signal.signal(signal.SIGTERM, note)


@contextlib.contextmanager
def launching() -> Iterator[None]:
    """Let the processes that Lightning launches from here know that they are."""
    before = os.environ.get(_LAUNCHER)
    if not is_launched():
        os.environ[_LAUNCHER] = str(os.getpid())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_LAUNCHER, None)
        else:
            os.environ[_LAUNCHER] = before


def is_launched() -> bool:
    """Whether Lightning launched this process from another one of the same run."""
    return os.environ.get(_LAUNCHER) == str(os.getppid()) and os.environ.get("LOCAL_RANK", "0") != "0"


def exit_code(code: int) -> int:
    """Give the code to exit with after a stop.

    Lightning kills the launching process, hard, when a launched one ends with anything but 0; the launching one
    speaks for all.
    """
    return 0 if is_launched() else code
