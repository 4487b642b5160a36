"""The command that builds a data set again, from what its ``dataset.json`` says."""

from __future__ import annotations

import inspect
import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORDS = {"BP4D": "bp4d", "BP4DPlus": "bp4dplus", "DISFA": "disfa", "DISFAPlus": "disfaplus", "Manifest": "manifest"}
_INPUTS = ("root", "path")  # what readers call their input
_GUESSED = frozenset(("name",))  # what a reader takes from its input's name unless told


def command_of(metadata: Mapping[str, Any]) -> str | None:
    """Say the command in words; None where no command of ours reads these data sets.

    Options are named where they differ from their defaults. Paths are those below which the data lay, without the
    folders above; files of weights and of other lexicons are left as capitals, since only their content is recorded.
    """
    from datamodules.builders import au_text
    from datamodules.builders.building import build_au_text

    sources = metadata.get("sources", ())
    words = [_WORDS.get(source.get("reader", "")) for source in sources]
    if None in words or not words or (len(words) > 1 and words != ["bp4d", "bp4dplus"]):
        return None
    build: Callable[..., None] = getattr(au_text, f"build_{words[0]}")
    options: dict[str, Any] = {"input": _input(sources[0])}
    if len(words) > 1:
        options["bp4dplus"] = _input(sources[1])
    options |= _beside_defaults(build, sources[0].get("arguments", {}), without=_GUESSED)
    for source in sources[1:]:
        prefixed = {f"{words[1]}_{name}": value for name, value in source.get("arguments", {}).items()}
        options |= _beside_defaults(build, prefixed, without=frozenset())
    options |= _beside_defaults(build_au_text, _general(metadata), without=frozenset())
    said = " ".join(f"--{name} {_said(value)}" for name, value in options.items())
    return f"python cli.py dataset {words[0]} {said} --output DIR"


def _input(source: Mapping[str, Any]) -> str:
    given = source.get("arguments", {})
    return str(next((given[name] for name in _INPUTS if name in given), "DIR"))


def _general(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options that all these commands share, by their names."""
    detector, lexicon = metadata.get("detector") or {}, metadata.get("lexicon", {})
    encoding, splits = metadata.get("encoding", {}), metadata.get("splits", {})
    options = {
        "name": metadata.get("name"),
        "size": metadata.get("size"),
        "margin": (metadata.get("aligner") or {}).get("margin"),
        "detector": detector.get("name"),
        "detector_weights": "WEIGHTS" if detector.get("weights") else None,
        "image_format": encoding.get("format"),
        "quality": encoding.get("quality"),
        "storage": metadata.get("storage"),
        "keep_neutral": metadata.get("keep_neutral"),
        "split": splits.get("rule"),
        "validation_share": splits.get("validation_share"),
        "test_share": splits.get("test_share"),
        "lexicon": None if lexicon.get("name") in (None, "auface-zoo") else "LEXICON",
        "style": lexicon.get("style"),
        "seed": metadata.get("seed"),
    }
    return {name: value for name, value in options.items() if value is not None}


def _beside_defaults(
    build: Callable[..., None], given: Mapping[str, Any], *, without: frozenset[str]
) -> dict[str, Any]:
    accepted = inspect.signature(build).parameters
    return {
        name: value
        for name, value in given.items()
        if name in accepted and name not in without and value != accepted[name].default and value not in (None, {}, [])
    }


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return shlex.quote(json.dumps(value))
    return shlex.quote(str(value))
