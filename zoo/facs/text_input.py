"""Texts that a user gives directly or names by a file."""

from __future__ import annotations

import contextlib
from pathlib import Path

_SUFFIXES = {".txt", ".csv", ".yaml", ".yml", ".json", ".md"}


def file_of(text_or_file: str) -> Path | None:
    """Give the file that a user names; None where it is a text.

    Raises:
        FileNotFoundError: It looks like the name of a file, and there is none.
    """
    with contextlib.suppress(OSError):  # a text can be too long for a name
        if Path(text_or_file).is_file():
            return Path(text_or_file)
    if " " not in text_or_file.strip() and Path(text_or_file).suffix in _SUFFIXES:
        message = f"there must be a file of this name, or a text of several words be given, got {text_or_file!r}."
        raise FileNotFoundError(message)
    return None


def texts_of(text_or_file: str) -> list[tuple[str, str]]:
    """Give the text, or each line of the file of that name that is not blank, with its place in a file.

    Raises:
        FileNotFoundError: It looks like the name of a file, and there is none.
        ValueError: There is no text.

    Example:
        >>> texts_of("The cheeks are raised.")
        [('', 'The cheeks are raised.')]
    """
    file = file_of(text_or_file)
    if file is None:
        found = [("", text_or_file.strip())] if text_or_file.strip() else []
    else:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            message = f"{file}: the file must be UTF-8 text, got {error}."
            raise ValueError(message) from error
        numbered = enumerate(lines, start=1)
        found = [(f"{file}, line {number}", line.strip()) for number, line in numbered if line.strip()]
    if not found:
        message = f"there must be a text, got {text_or_file!r}."
        raise ValueError(message)
    return found
