"""Foreign processes: each leads a group of its own, which is ended as a whole, whatever happens."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from typing import IO, TYPE_CHECKING, Any

from lightning_modules.external.base import ExternalCase, NoPictureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lightning_modules.external.declaration import Declaration

_LONGEST = 300
"""Letters of a foreign message that are told; the log has all of it."""


def words_of(template: str, places: Mapping[str, str]) -> list[str]:
    """Fill a template word by word, so that no text of a case is ever read by a shell.

    Raises:
        NoPictureError: It names a place that there is not.
    """
    try:
        return [word.format(**places) for word in shlex.split(template)]
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in places)
        message = f"its command must name places among {known}, got {template!r} ({error})"
        raise NoPictureError(message) from error


def places_of(declaration: Declaration, scratch: Path, case: ExternalCase | None = None) -> dict[str, str]:
    """Give what stands for each place of a command."""
    places = {
        "python": declaration.python,
        "home": str(declaration.place.resolve()),
        "here": str(declaration.file.parent.resolve()),
        "scratch": str(scratch.resolve()),
    }
    if case is None:
        return places
    return {
        **places,
        "name": case.name,
        "reference": str(case.reference),
        "text": case.text,
        "aus": declaration.joined.join(declaration.written.format(au=au) for au in case.aus),
        "intensities": declaration.joined.join(str(declaration.intensity) for _ in case.aus),
        "seed": str(case.seed),
        "picture": str(scratch.resolve() / "picture.png"),
    }


@contextlib.contextmanager
def foreign_process(
    words: list[str], declaration: Declaration, scratch: Path, log: IO[bytes], **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process, and end it with all that it started when the block ends.

    Args:
        words: Its command.
        declaration: Of the system, for its place and environment.
        scratch: Its scratch folder.
        log: Where it prints, but for what ``streams`` says otherwise.
        streams: Further arguments of ``subprocess.Popen``.

    Raises:
        NoPictureError: It can't be started.
    """
    places = places_of(declaration, scratch)
    own = {key: str(value).format(**places) for key, value in declaration.environment.items()}
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT, **streams}
    log.write(f"$ {shlex.join(words)}\n".encode())
    log.flush()
    try:
        process = subprocess.Popen(
            words,
            cwd=declaration.place / declaration.working_dir,
            env={**os.environ, **own},
            start_new_session=True,
            **given,
        )
    except OSError as error:
        message = f"{words[0]} can't be started: {error.strerror}. Its Python: --python.{declaration.key} FILE"
        raise NoPictureError(message) from error
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_words(log: Path) -> str:
    """Give the last line that a process printed, which says what went wrong as a rule."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if not lines or lines[-1].startswith("$ "):
        return "it printed nothing"
    return lines[-1] if len(lines[-1]) <= _LONGEST else f"{lines[-1][:_LONGEST]}..."
