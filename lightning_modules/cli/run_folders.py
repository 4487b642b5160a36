"""The folders of runs: ``runs/<config>/<name>``, each claimed by one run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError
from lightning_modules.cli.stopping import is_launched

RUNS = "runs"
_WRITTEN_FIRST = ("events.out.tfevents", "config.yaml", "command.txt", "hparams.yaml")
_RUN = "AUFACE_RUN"  # tells the processes that Lightning launches which run they belong to


class RunFolder:
    """The folder of one run: found or claimed, and given up again if the run is refused before it begins.

    Args:
        runs: Folder of the runs of this config.
        name: Name of the run, if it was given.

    Attributes:
        path: The folder, once it is known.
    """

    def __init__(self, runs: Path, *, name: str | None) -> None:
        if name and (name in (".", "..") or Path(name).name != name):
            message = (
                f"run: must be a name without folders, got {name!r}. The run is {shown(runs)}/NAME; "
                "--trainer.default_root_dir moves all runs."
            )
            raise UserError(message)
        self.runs = runs
        self.name = os.environ.get(_RUN) if is_launched() else name
        self.path: Path | None = None
        self._is_new = False

    def claim(self, *, makes: bool, begins: bool) -> Path:
        """Name the folder, unless it is known; the process that writes also makes it, so that no other run takes it.

        Args:
            makes: Whether this process writes.
            begins: Whether a run begins here, which must not write over another one.

        Raises:
            UserError: There is a run of this name.
        """
        if self.path is not None:
            return self.path
        named = self.runs / self.name if self.name else None
        if named and begins and not is_launched() and any(named.glob("checkpoints/*.ckpt")):
            message = (
                f"run: {self.name!r} has checkpoints already. Go on with it by --ckpt_path last, or take another name."
                f"\n  In: {shown(named)}"
            )
            raise UserError(message)
        self._is_new = makes and (named is None or not named.exists())
        self.path = named or _next_version(self.runs, makes=makes)
        os.environ[_RUN] = self.path.name
        return self.path

    def give_up(self) -> None:
        """Remove the folder of a run that was refused before its first step, if it holds nothing worth keeping."""
        if not self._is_new or self.path is None or not self.path.is_dir():
            return
        if all(each.is_file() and each.name.startswith(_WRITTEN_FIRST) for each in self.path.iterdir()):
            shutil.rmtree(self.path, ignore_errors=True)

    def leave(self) -> None:
        """Let what this process launches later be runs of their own."""
        os.environ.pop(_RUN, None)


def _next_version(runs: Path, *, makes: bool) -> Path:
    while True:
        taken = [int(each.name[8:]) for each in runs.glob("version_*") if each.name[8:].isdigit()]
        folder = runs / f"version_{max(taken, default=-1) + 1}"
        if not makes:
            return folder
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue  # another run was faster
        return folder
