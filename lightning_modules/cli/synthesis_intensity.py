"""How strong AUs are to be: what is asked for, and whether a model was trained with it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.bundles import find, metadata_of
from zoo.facs.labels import INTENSITIES, AULabel

if TYPE_CHECKING:
    from zoo.pipelines.base import Pipeline

Reading = Literal["numbers", "words"]
_MOST = len(INTENSITIES)


def read_intensities(text: str) -> list[float]:
    """Read intensities from 0 to 5: one, several between commas, or a range of whole ones.

    Raises:
        ValueError: They are none.

    Example:
        >>> read_intensities("3"), read_intensities("0.5,2"), read_intensities("0..5")
        ([3.0], [0.5, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    """
    try:
        if match := re.fullmatch(r"\s*(\d)\s*\.\.\s*(\d)\s*", text):
            found = [float(each) for each in range(int(match[1]), int(match[2]) + 1)]
        else:
            found = [float(each) for each in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 <= each <= _MOST for each in found) or len(set(found)) < len(found):
        message = f"synthesize: intensity must be from 0 to {_MOST}, or several such as 0..5 or 1,3,5, got {text!r}."
        raise ValueError(message)
    return found


def intensity_reading(model: str, pipeline: Pipeline) -> Reading | None:
    """Tell how a model was told intensities in training; None if it was not, or nothing tells.

    A text encoder that reads labels knows it itself. One that reads prompts was told if the data wrote intensities into
    them, which a bundle's metadata or a run's config say.

    Args:
        model: Its bundle, run or checkpoint.
        pipeline: What was loaded from there.
    """
    encoder: Any = getattr(pipeline, "text_encoder", pipeline)  # without one, it reads labels itself
    if encoder.reads_labels:
        return "numbers" if getattr(encoder, "with_intensity", False) else None
    prompts = _arguments(_arguments(_data_of(find(model))).get("prompts"))
    return "words" if prompts.get("word_intensity") else None


def with_intensity(labels: tuple[AULabel, ...], intensity: float | None) -> tuple[AULabel, ...]:
    """Give labels the intensity of their case, where they have none of their own; none are left at intensity 0.

    What is no whole number is in no label: :func:`strengths_of` gives it.
    """
    if intensity is None:
        return labels
    if intensity == 0:
        return tuple(label for label in labels if label.intensity is not None)
    whole = int(intensity) if intensity == int(intensity) else None
    return tuple(label if label.intensity is not None else replace(label, intensity=whole) for label in labels)


def strengths_of(labels: tuple[AULabel, ...], intensity: float | None) -> dict[int, float]:
    """Give the intensity of each AU that is present, by its number; NaN where it was not asked for."""
    other = float("nan") if intensity is None else intensity
    return {label.number: other if label.intensity is None else float(label.intensity) for label in labels}


def check_intensity(
    labels: tuple[AULabel, ...], intensity: float | None, *, model: str, reading: Reading | None
) -> None:
    """Refuse intensities that a model was not trained with.

    Raises:
        ValueError: It was not trained with any, or with whole ones only.
    """
    given = next((str(label) for label in labels if label.intensity is not None), None)
    given = given if intensity is None else f"{intensity:g}"
    if given is None:
        return
    if reading is None:
        message = (
            f"synthesize: intensity must be left out for {model!r}, got {given}: it was trained on which AUs act, and "
            "not how strongly, or nothing beside it tells. Models are that were trained with word_intensity: true in "
            "data.prompts, or on labels with text_encoder.with_intensity: true."
        )
        raise ValueError(message)
    if reading == "words" and intensity is not None and intensity != int(intensity):
        message = (
            f"synthesize: intensity must be a whole number for {model!r}, got {given}: it reads the words of FACS' "
            "five grades."
        )
        raise ValueError(message)


def _data_of(place: Path) -> Any:
    """Give what a bundle or a run says of its data."""
    if (place / "config.json").is_file():
        return metadata_of(place).get("data")
    import yaml

    run = place if place.is_dir() else place.parent.parent if place.parent.name == "checkpoints" else place.parent
    config = run / "config.yaml"
    content = yaml.safe_load(config.read_text(encoding="utf-8")) if config.is_file() else None
    return content.get("data") if isinstance(content, dict) else None


def _arguments(part: Any) -> dict[str, Any]:
    found = part.get("init_args") if isinstance(part, dict) else None
    return found if isinstance(found, dict) else {}
