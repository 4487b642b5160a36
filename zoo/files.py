"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished"
"""Suffix of a file while it is being written; a killed process leaves one, which nothing reads."""


def write_whole(file: str | os.PathLike[str], write: Callable[[Path], Any], *, sync: bool = True) -> Path:
    """Have a file written beside its name and move it there: a kill or a full disk leaves the former one whole.

    Args:
        file: What is written; folders above it are made.
        write: Writes to the path that it is given.
        sync: Whether to wait until it is on the disk. Without, a power failure can lose it, and thousands of small
            files are written sooner.

    Raises:
        OSError: It can't be written; no part of it is left.

    Returns:
        The file.
    """
    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        # made here, not by `write`: exclusively, and with the permissions that the user's mask leaves
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        write(temporary)
        if sync:
            _sync(temporary)
        temporary.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        # the temporary name would tell the user nothing
        raise OSError(error.errno, f"{error.strerror}; it was not written", str(target)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target


def save_text(text: str, file: str | os.PathLike[str]) -> Path:
    """Write text, as UTF-8; gives the file."""
    return write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def save_json(content: Mapping[str, Any], file: str | os.PathLike[str]) -> Path:
    """Write plain data; gives the file."""
    return save_text(json.dumps(content, indent=2) + "\n", file)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
