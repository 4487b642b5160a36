"""What a visitor of the page asks for, checked: nothing else ever sees the raw JSON."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from zoo.facs.labels import AULabel, parse_labels
from zoo.facs.parsing import Reading, read
from zoo.facs.policy import LabelError
from zoo.pipelines.editing import Part
from zoo.sampling import Sampling

LONGEST_TEXT = 2000
"""Characters of a description; the lexicon's longest, of all twelve AUs, stay under it."""
LARGEST_SEED = 2**31 - 1
NUM_FACES = 100_000
"""Procedural faces to choose from: the people of the test range."""
GRIDS = ("singles", "toggles", "upper_lower", "seeds", "intensities")
# name: (least, greatest, default)
LIMITS: dict[str, tuple[float, float, float]] = {
    "seed": (0, LARGEST_SEED, 0),
    "steps": (1, 32, Sampling.steps),
    "temperature": (0.0, 2.0, Sampling.temperature),
    "text_guidance": (0.0, 10.0, Sampling.text_guidance),
    "reference_guidance": (0.0, 10.0, Sampling.reference_guidance),
}
_WHOLE = ("seed", "steps")
_KNOWN = {"reference", "aus", "text", "only", "models", "ticket", "kind", *LIMITS}


class RequestError(ValueError):
    """Something that the visitor can put right; told as it is."""


@dataclass(frozen=True)
class Wish:
    """What the face is to do.

    Attributes:
        labels: Its AUs: those that were set, or those that the text states.
        text: The description, where one was typed.
        reading: How the text was read, where one was typed.
    """

    labels: tuple[AULabel, ...]
    text: str | None = None
    reading: Reading | None = None


@dataclass(frozen=True)
class FaceRequest:
    """One face to make.

    Attributes:
        reference: Number of a procedural face, or the file of a picture.
        wish: What it is to do.
        only: The one part that is drawn anew; None for all.
        seed: Decides the noise and the wording.
        sampling: How tokens are drawn.
        models: Names of the models that make it; None for all.
        ticket: What the visitor calls this request when asking how far it is.
        kind: Which grid, where one is asked for.
    """

    reference: int | bytes
    wish: Wish
    only: Part | None
    seed: int
    sampling: Sampling
    models: tuple[str, ...] | None
    ticket: str
    kind: str


def read_request(content: Any) -> FaceRequest:
    """Check what came as JSON.

    Raises:
        RequestError: Something is missing, unknown or out of range; the message names it.
    """
    content = _mapping(content, "the request")
    if unknown := sorted(set(content) - _KNOWN):
        message = (
            f"The request has {unknown[0][:40]!r}, which means nothing here. It may have {', '.join(sorted(_KNOWN))}."
        )
        raise RequestError(message)
    numbers = {name: _number(content, name) for name in LIMITS}
    only = content.get("only")
    if only is not None and only not in get_args(Part):
        message = f"The part that is drawn anew must be one of {', '.join(get_args(Part))}, got {_short(only)}."
        raise RequestError(message)
    models = content.get("models")
    if models is not None and not (
        isinstance(models, list) and models and all(isinstance(each, str) for each in models)
    ):
        message = f"models must be a list of names, got {_short(models)}."
        raise RequestError(message)
    kind = content.get("kind", GRIDS[0])
    if kind not in GRIDS:
        message = f"The grid must be one of {', '.join(GRIDS)}, got {_short(kind)}."
        raise RequestError(message)
    return FaceRequest(
        reference=_reference(content.get("reference", {"face": 0})),
        wish=read_wish(content),
        only=only,
        seed=int(numbers["seed"]),
        sampling=Sampling(
            steps=int(numbers["steps"]),
            temperature=numbers["temperature"],
            text_guidance=numbers["text_guidance"],
            reference_guidance=numbers["reference_guidance"],
        ),
        models=None if models is None else tuple(models),
        ticket=read_ticket(content.get("ticket", "")),
        kind=kind,
    )


def read_wish(content: Any) -> Wish:
    """Read AUs, as ``describe`` writes them, or a text.

    Raises:
        RequestError: Both or neither are given, or they are none.
    """
    content = _mapping(content, "the request")
    aus, text = content.get("aus"), content.get("text")
    if (aus is None) == (text is None):
        message = "A face needs either AUs, such as 6,12, or a description; no AUs make a face at rest."
        raise RequestError(message)
    for name, value in (("aus", aus), ("text", text)):
        if value is not None and not isinstance(value, str):
            message = f"{name} must be text, got {_short(value)}."
            raise RequestError(message)
        if value is not None and len(value) > LONGEST_TEXT:
            message = f"{name} must have at most {LONGEST_TEXT} characters, got {len(value)}."
            raise RequestError(message)
    if text is None:
        try:
            return Wish(parse_labels(str(aus)))
        except LabelError as error:
            # whose function refused it is nothing to a visitor
            told = str(error).split(": ", 1)[-1]
            raise RequestError(told[0].upper() + told[1:]) from error
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if not text:
        message = "The description is empty. Say what the face does, such as: The lip corners are drawn down."
        raise RequestError(message)
    reading = read(text)
    return Wish(reading.labels, text, reading)


def read_ticket(value: Any) -> str:
    """Check what a visitor calls a request.

    Raises:
        RequestError: It is no short name.
    """
    if not isinstance(value, str) or len(value) > 64 or not (value == "" or value.replace("-", "").isalnum()):
        message = f"ticket must be at most 64 letters, digits and hyphens, got {_short(value)}."
        raise RequestError(message)
    return value


def _reference(value: Any) -> int | bytes:
    content = _mapping(value, "reference")
    if set(content) == {"face"}:
        number = content["face"]
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < NUM_FACES:
            message = f"The number of a procedural face must be from 0 to {NUM_FACES - 1}, got {_short(number)}."
            raise RequestError(message)
        return number
    if set(content) == {"picture"} and isinstance(content["picture"], str):
        try:
            return base64.b64decode(content["picture"], validate=True)
        except (binascii.Error, ValueError) as error:
            message = "The picture must come as base64, and does not. Choose it again."
            raise RequestError(message) from error
    message = f"reference must have either face, a number, or picture, as base64, got {_short(sorted(content))}."
    raise RequestError(message)


def _number(content: Mapping[str, Any], name: str) -> float:
    least, greatest, default = LIMITS[name]
    value = content.get(name, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= greatest or (name in _WHOLE and value != math.floor(value)):
        kind = "a whole number" if name in _WHOLE else "a number"
        message = f"{name.replace('_', ' ')} must be {kind} from {least:g} to {greatest:g}, got {_short(value)}."
        raise RequestError(message.replace("2.14748e+09", str(LARGEST_SEED)))
    return float(value)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"{name} must be a JSON object, got {_short(value)}."
        raise RequestError(message)
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
