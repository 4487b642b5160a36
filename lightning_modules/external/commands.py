"""Systems that are called by commands, anew for each case."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from lightning_modules.cli.config_files import shown
from lightning_modules.external.base import ExternalCase, ExternalSystem, NoPictureError
from lightning_modules.external.processes import foreign_process, last_words, places_of, words_of
from lightning_modules.external.reading import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image


class CommandSystem(ExternalSystem):
    """Run the declared commands one after another, and take the picture that they leave."""

    def generate(self, case: ExternalCase) -> Image:
        """Make the picture of a case, in a scratch folder that is empty before and gone afterwards."""
        scratch, log = self.folder / "scratch", self.folder / "log.txt"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        ends = time.monotonic() + self.declaration.timeout_s
        try:
            for template in self.declaration.call:
                words = words_of(template, places_of(self.declaration, scratch, case))
                self._run(words, scratch, log, seconds=ends - time.monotonic())
            return self._result(scratch, log)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run(self, words: list[str], scratch: Path, log: Path, *, seconds: float) -> None:
        with log.open("ab") as stream, foreign_process(words, self.declaration, scratch, stream) as process:
            try:
                code = process.wait(timeout=max(0.0, seconds))
            except subprocess.TimeoutExpired as error:
                message = f"took longer than {self.declaration.timeout_s:g} s and was ended. Log: {shown(log)}"
                raise NoPictureError(message) from error
        if code:
            how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
            message = f"{how}: {last_words(log)}. Log: {shown(log)}"
            raise NoPictureError(message)

    def _result(self, scratch: Path, log: Path) -> Image:
        found = sorted(each for each in scratch.glob(self.declaration.result) if each.is_file())
        if not found:
            message = f"left no {self.declaration.result}: {last_words(log)}. Log: {shown(log)}"
            raise NoPictureError(message)
        return read_picture(found[0])
