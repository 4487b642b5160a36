"""The files of a bundle, read with suspicion: what they say is checked before anything is built from it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

FORMAT_VERSION = 1
WEIGHTS, CONFIG, CARD, SUMS = "model.safetensors", "config.json", "README.md", "SHA256SUMS"
FINGERPRINT = "fingerprint.json"
_KEYS = {"format_version", "component", "arguments", "metadata"}
_LARGEST_TEXT = 4 * 2**20
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class BundleError(ValueError):
    """A bundle or checkpoint is damaged, incomplete or of another kind."""


def verify(directory: Path) -> None:
    """Check that a bundle is complete and unchanged: every listed file is there, and matches its checksum.

    Raises:
        BundleError: A file is missing, or differs from its checksum, or the list is no list of checksums.
    """
    sums = read_sums(directory)
    for name in dict.fromkeys((WEIGHTS, CONFIG, CARD, *sums)):
        if not (directory / name).is_file():
            message = f"{directory} must hold {name}, and does not. Fetch the bundle again."
            raise BundleError(message)
        if sums.get(name) != checksum(directory / name):
            message = f"{directory / name} must match its line in {SUMS}, and differs. Fetch the bundle again."
            raise BundleError(message)


def read_sums(directory: Path) -> dict[str, str]:
    """Read a bundle's checksums: file name to SHA-256.

    Raises:
        BundleError: There are none, or a line is none, or a name leads out of the folder.
    """
    listing = directory / SUMS
    if not listing.is_file():
        message = f"{directory} must hold {SUMS}, and does not. Fetch the bundle again."
        raise BundleError(message)
    sums: dict[str, str] = {}
    for number, line in enumerate(_read_text(listing).splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            message = (
                f"{listing} must hold lines of a SHA-256, two spaces and a name, got {line!r:.80} in line {number}."
            )
            raise BundleError(message)
        name = match[2]
        if not _PLAIN_NAME.fullmatch(name) or name in sums or name == SUMS:
            message = f"{listing} must name each file of its own folder once, got {name!r:.80} in line {number}."
            raise BundleError(message)
        sums[name] = match[1]
    return sums


def sums_of(directory: Path) -> str:
    """Say the checksums of all files of a folder, as ``sha256sum`` does."""
    first = [WEIGHTS, CONFIG, CARD]
    names = [file.name for file in directory.iterdir() if file.is_file() and not file.name.startswith(".")]
    others = sorted(set(names) - {*first, SUMS})
    return "".join(f"{checksum(directory / name)}  {name}\n" for name in (*first, *others))


def checksum(file: Path) -> str:
    """Give the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_config(directory: Path) -> dict[str, Any]:
    """Read a bundle's config: its keys are those of this format version, what they hold is not checked yet.

    Raises:
        BundleError: It is no JSON, or of another format version, or has other keys.
    """
    file = directory / CONFIG
    config = read_json(file)
    check_version(config.get("format_version"), file)
    unknown, missing = sorted(set(config) - _KEYS), sorted(_KEYS - set(config))
    if unknown or missing:
        wrong = f"has {unknown!r:.80}" if unknown else f"lacks {missing}"
        message = f"{file} must have the keys {sorted(_KEYS)} and no others, and {wrong}."
        raise BundleError(message)
    if not isinstance(config["metadata"], dict):
        message = f"{file}: metadata must be a table, got {type(config['metadata']).__name__}."
        raise BundleError(message)
    return config


def check_version(version: object, place: Path) -> None:
    """Check that this zoo reads a format version.

    Raises:
        BundleError: It is newer, older or none.
    """
    if type(version) is int and version == FORMAT_VERSION:
        return
    advice = "Export it again with this version of auface-zoo."
    if type(version) is int and version > FORMAT_VERSION:
        advice = "It was written by a newer auface-zoo: update yours."
    message = f"{place} must have format_version {FORMAT_VERSION}, got {version!r:.80}. {advice}"
    raise BundleError(message)


def read_json(file: Path) -> dict[str, Any]:
    """Read a table of plain data; keys that come twice and numbers that are none are refused.

    Raises:
        BundleError: It can't be read as such.
    """
    try:
        content = json.loads(_read_text(file), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        message = f"{file} must be readable JSON: {str(error).splitlines()[0]:.200}."
        raise BundleError(message) from error
    if not isinstance(content, dict):
        message = f"{file} must hold a table, got {type(content).__name__}."
        raise BundleError(message)
    return content


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """Read tensors; nothing but safetensors is ever opened.

    Raises:
        BundleError: It is no such file, or a damaged one.
    """
    from safetensors.torch import load_file

    with file.open("rb") as stream:
        start = stream.read(9)
    # a safetensors file begins with the length of a table, which can look like the first bytes of a pickle
    if start[8:] != b"{" and (start[:4] == b"PK\x03\x04" or start[:1] == b"\x80"):
        message = f"{file} must be a safetensors file, and is a pickle or an archive, which could run code: not opened."
        raise BundleError(message)
    try:
        return dict(load_file(file))
    except Exception as error:  # what safetensors and torch raise for foreign bytes is of many kinds
        message = f"{file} must be a safetensors file, and can't be read as one: {first_line(error)}"
        raise BundleError(message) from error


def first_line(error: BaseException) -> str:
    """Say an error in one line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


def _read_text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST_TEXT:
            message = f"{file} must be at most {_LARGEST_TEXT} bytes, and has {file.stat().st_size}."
            raise BundleError(message)
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{file} must be text in UTF-8, and is not: {error}."
        raise BundleError(message) from error
    except OSError as error:
        message = f"{file} must be readable: {error.strerror}."
        raise BundleError(message) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        message = f"the key {twice!r:.80} comes twice"
        raise ValueError(message)
    return table


def _no_number(text: str) -> float:
    message = f"{text} is no number in JSON"
    raise ValueError(message)
