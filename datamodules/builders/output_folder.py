"""The folder that a data set is written to: it appears whole, and is refused where it would overwrite anything."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.au_text_folder import FRAMES, METADATA, REFERENCES
from zoo.files import UNFINISHED, save_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = ("images", "references", "shards", "sheets", "plots")
_FILES = ("manifest.csv", "splits.json", "problems.csv", "statistics.json", "README.md", METADATA, FRAMES, REFERENCES)
CONTENT = frozenset((*_FOLDERS, *_FILES))
"""Everything that a builder writes."""
_PLAN = "plan.json"
_FINISHED = "finished"
"""What the work's folder is called when it is no longer needed."""


class OutputFolderError(OSError):
    """The output folder can't be used."""


class OutputFolder:
    """Write a data set to ``<folder>.partial`` and give it its name when all is there.

    Attributes:
        folder: The data set, when it is finished.
        partial: Where it is while it is being built.
        work: A folder in that for what is removed in the end.

    Args:
        output: The data set's folder; must be empty or not exist.
        key: Hash of the arguments that decide the content. What was begun with another key is not gone on with.
        overwrite: Whether a data set or an unfinished one that is there is replaced.

    Raises:
        OutputFolderError: There is something else.
    """

    def __init__(self, output: str, *, key: str, overwrite: bool = False) -> None:
        self.folder = Path(output).expanduser()
        if not self.folder.name:
            message = f"dataset: output must name a folder of its own, got {output!r}. Give a path such as data/faces."
            raise OutputFolderError(message)
        self.partial = self.folder.with_name(f"{self.folder.name}.partial")
        self.work = self.partial / "work"
        self.key = key
        self.overwrite = overwrite

    def is_done(self) -> bool:
        """Say whether the folder holds just this data set already; gives one its name where only that is missing.

        Raises:
            OutputFolderError: It holds something else.
        """
        if not self.folder.exists():
            finished = not self.work.exists() and _read(self.partial / METADATA).get("key") == self.key
            if not finished or self.overwrite:
                return False
            self._give_name()
        if not self.folder.is_dir():
            message = f"dataset: output must be a folder, got the file {self.folder}."
            raise OutputFolderError(message)
        names = {path.name for path in self.folder.iterdir()}
        if not names:
            return False
        foreign = sorted(names - CONTENT)
        if METADATA not in names or foreign:
            listed = ", ".join((foreign or sorted(names))[:5])
            message = (
                f"dataset: output must be an empty or new folder, got {self.folder}, which holds {listed}. "
                "Give another folder, or empty this one."
            )
            raise OutputFolderError(message)
        if self.overwrite:
            return False
        if _read(self.folder / METADATA).get("key") == self.key:
            return True
        message = (
            f"dataset: output must be an empty or new folder, got {self.folder}, which holds a data set of other "
            "arguments. Give another folder, or `--overwrite`."
        )
        raise OutputFolderError(message)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Prepare the partial folder, or go on in it, and keep other processes out meanwhile.

        Raises:
            OutputFolderError: It can't be written, the disk is full, or another process is building there.
        """
        try:
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            with _lock(self.partial):
                self._prepare()
                yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                message = (
                    f"dataset: the disk of {self.partial} must have space for the images, got: {error}. Free some "
                    "space and give the same command again; what was written is kept."
                )
                raise OutputFolderError(message) from error
            if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
                message = f"dataset: output must be where files can be written, got {self.partial}: {error.strerror}."
                raise OutputFolderError(message) from error
            raise

    def check_fingerprint(self, fingerprint: str) -> None:
        """Compare what was read with what an earlier run had read, and remember it.

        Raises:
            OutputFolderError: It is not the same: the two halves of the data set would not fit.
        """
        plan = _read(self.work / _PLAN)
        if plan.get("fingerprint", fingerprint) != fingerprint:
            message = (
                f"dataset: the labels must be those with which {self.partial} was begun, but they changed since. "
                "`--overwrite` begins anew."
            )
            raise OutputFolderError(message)
        save_json({**plan, "fingerprint": fingerprint}, self.work / _PLAN)

    def finish(self) -> None:
        """Give the data set its name, in one step."""
        # from here on nothing is missing but the name, which a later run can give, too
        self.work.rename(self.partial / _FINISHED)
        self._give_name()

    def _give_name(self) -> None:
        shutil.rmtree(self.partial / _FINISHED, ignore_errors=True)
        former = self.folder.with_name(f"{self.folder.name}.former")
        _remove(former)  # what a run that was broken off below left
        if self.folder.exists():
            self.folder.rename(former)
        self.partial.rename(self.folder)
        _remove(former)

    def _prepare(self) -> None:
        plan = self.work / _PLAN
        if self.partial.exists():
            if plan.exists():  # ours: what a killed run was writing must not end up in the data set
                for path in self.partial.rglob(f".*{UNFINISHED}"):
                    path.unlink(missing_ok=True)
            begun = _read(plan)
            if begun.get("key") == self.key and not self.overwrite:
                return
            names = {path.name for path in self.partial.iterdir()}
            ours = plan.exists() or METADATA in names
            if names and (not ours or names - CONTENT - {self.work.name, _FINISHED}):
                message = (
                    f"dataset: {self.partial} must be free for work in progress, but is not ours. Move it away, or "
                    "give another output."
                )
                raise OutputFolderError(message)
            if names and not self.overwrite and not self._holds_nothing(names):
                message = (
                    f"dataset: {self.partial} must be an unfinished data set of the same arguments, but was begun with "
                    "others. Give those to go on with it, `--overwrite` to begin anew, or another output."
                )
                raise OutputFolderError(message)
            shutil.rmtree(self.partial)
        self.work.mkdir(parents=True)
        save_json({"key": self.key}, plan)

    def _holds_nothing(self, names: set[str]) -> bool:
        """Say whether a build ended before it had made anything: its input was mistyped, or a detector not named."""
        return names == {self.work.name} and {path.name for path in self.work.iterdir()} <= {_PLAN}


def work_folder(output: str) -> Path:
    """Say where the builder of a data set keeps what is removed in the end."""
    return OutputFolder(output, key="").work


@contextlib.contextmanager
def _lock(partial: Path) -> Iterator[None]:
    """Let one process at a time build a data set; the system frees the lock when a process dies."""
    path = partial.with_name(f".{partial.name}.lock")
    with path.open("a") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ModuleNotFoundError:  # not on Windows: there, don't build one data set twice at once
            pass
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                message = f"dataset: {partial} must be built by one process at a time, but another is at it."
                raise OutputFolderError(message) from error
            # a file system without locks: there, too
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    """Read what a folder says of itself; nothing where it says nothing readable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remove(folder: Path) -> None:
    """Remove a data set, but nothing that a builder did not write."""
    if not folder.exists():
        return
    for name in CONTENT:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    os.rmdir(folder)
