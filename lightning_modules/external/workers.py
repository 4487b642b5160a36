"""Systems whose process stays: it loads its weights once and is told one case after another.

The worker reads a line of JSON for each case from its standard input, with ``name``, ``reference``, ``aus``, ``text``,
``seed`` and ``picture``, writes its picture to the file ``picture``, and prints ``done NAME``, or ``failed NAME: why``.
All else that it prints goes into its log; what it prints as errors into a file beside it, since progress bars there
would tear answers apart.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING, Any

from lightning_modules.cli.config_files import shown
from lightning_modules.external.base import ExternalCase, ExternalSystem, NoPictureError
from lightning_modules.external.processes import foreign_process, last_words, places_of, words_of
from lightning_modules.external.reading import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from lightning_modules.external.declaration import Declaration

_PATIENCE_S = 5.0
"""How long the last lines of a process that was ended may take."""


class WorkerSystem(ExternalSystem):
    """Keep a process that makes pictures; one that crashed or hung is started anew at the next case.

    Args:
        declaration: What the system declares of itself.
        folder: Its own, for logs and scratch files.
    """

    def __init__(self, declaration: Declaration, folder: Path) -> None:
        super().__init__(declaration, folder)
        self._running = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._listener: threading.Thread | None = None
        self._startup_s = 0.0
        self._errors_before = 0

    def generate(self, case: ExternalCase) -> Image:
        """Tell the worker a case, and wait for its answer."""
        scratch = self.folder / "scratch"
        picture = scratch.resolve() / "picture.png"
        if self._process is None:
            self._start(scratch)
        picture.unlink(missing_ok=True)
        asked = {
            "name": case.name,
            "reference": str(case.reference),
            "aus": list(case.aus),
            "text": case.text,
            "seed": case.seed,
            "picture": str(picture),
        }
        self._tell(asked)
        self._wait(case.name)
        if not picture.is_file():
            message = f"said that it was done and left no picture. Log: {shown(self._log)}"
            raise NoPictureError(message)
        return read_picture(picture)

    def close(self) -> None:
        """End the worker and all that it started."""
        self._running.close()
        self._process = None
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def _errors(self) -> Path:
        return self.folder / "errors.txt"

    def _said_last(self) -> str:
        """The last words, and where all of them are."""
        said = self._errors if self._errors.stat().st_size > self._errors_before else self._log
        return f"{last_words(said)}. Log: {shown(said)}"

    def _start(self, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        words = words_of(self.declaration.call[0], places_of(self.declaration, scratch))
        log, errors = (self._running.enter_context(each.open("ab")) for each in (self._log, self._errors))
        self._errors_before = self._errors.stat().st_size
        self._running.callback(self._hear_out)  # once the process has ended, before the log is closed
        started = foreign_process(
            words, self.declaration, scratch, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        process = self._running.enter_context(started)
        assert process.stdin is not None
        self._lines = queue.Queue()
        self._running.callback(_closed, process.stdin)
        self._listener = threading.Thread(target=_listen, args=(process.stdout, log, self._lines), daemon=True)
        self._listener.start()
        self._process, self._startup_s = process, self.declaration.startup_s

    def _hear_out(self) -> None:
        if self._listener is not None:
            self._listener.join(_PATIENCE_S)

    def _tell(self, asked: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: waiting says how
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()

    def _wait(self, name: str) -> None:
        assert self._process is not None
        allowed = self.declaration.timeout_s + self._startup_s
        ends = time.monotonic() + allowed
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty as error:
                self.close()
                message = f"took longer than {allowed:g} s and was ended. Log: {shown(self._log)}"
                raise NoPictureError(message) from error
            if line is None:
                code = self._process.wait()
                self.close()
                how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
                message = f"{how}: {self._said_last()}"
                raise NoPictureError(message)
            if line == f"done {name}":
                self._startup_s = 0.0
                return
            if line.startswith(f"failed {name}: "):
                self._startup_s = 0.0
                message = line.removeprefix(f"failed {name}: ")
                raise NoPictureError(message)


def _closed(stream: IO[bytes]) -> None:
    """Close what may have words left that nobody reads any more."""
    with contextlib.suppress(BrokenPipeError):
        stream.close()


def _listen(stream: IO[bytes], log: IO[bytes], lines: queue.Queue[str | None]) -> None:
    """Pass on what is an answer, and note all of it; None says that there is no more."""
    with contextlib.suppress(ValueError, OSError), stream:  # the log is closed once nobody waits any more
        for line in stream:
            log.write(line)
            log.flush()
            text = line.decode(errors="replace").strip()
            if text.startswith(("done ", "failed ")):
                lines.put(text)
    lines.put(None)
