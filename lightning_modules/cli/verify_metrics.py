"""The figures that a bundle says it reached, measured again on the data that it names."""

from __future__ import annotations

import importlib
import inspect
import math
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.verify_measures import JUDGES, Measuring, measured, why_not
from zoo.verification import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from zoo.components import Component

SHARE, LEAST = 0.01, 0.002
"""How far a figure may be from the recorded one: a share of it, and as much at the least."""
USUAL = 128
"""Samples that are enough for a first look."""
_WIDER, _ERRORS, _MOST = 2.0, 4.0, 0.5
"""Of fewer samples than the run took: intervals count this much wider; a figure without one may be some times 1 over
the root of their number away, and no larger share than that."""
_COUNTS = {"step", "global_step", "seconds", "num_images", "num_subjects"}
_COMPOSER = "zoo.facs.composer.Composer"


def metric_findings(
    component: Component,
    metadata: dict[str, Any],
    *,
    num_images: int | None = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Finding]:
    """Measure what the bundle recorded, as far as the kind of component has a measure here, and compare.

    Figures with a 95 % interval agree where the intervals overlap.

    Args:
        component: What the bundle holds.
        metadata: What it recorded.
        num_images: Take no more samples than this: sooner done, and compared less strictly.
        tell: Called with a line about what is measured, before it is, and about what counts as agreement.
    """
    recorded = metadata.get("metrics")
    if not isinstance(recorded, dict) or not recorded:
        yield Finding("metrics", passed=False, text="the bundle records none")
        return
    try:
        how = Measuring(_data(metadata.get("data")), recorded, _judges(metadata), num_images=num_images, tell=tell)
        found = measured(component, how)
    except (ValueError, TypeError, OSError) as error:
        yield Finding("metrics", passed=False, text=" ".join(str(error).split()))
        return
    names = [name for name, value in recorded.items() if _is_figure(name, value) or name in found]
    again = [name for name in names if _is_number(found.get(name)) and name not in _COUNTS]
    if again and tell is not None:
        tell(agreement(how))
    for name in again:
        was = recorded[name]
        if not _is_number(was):
            yield Finding("metrics", passed=False, text=f"{name} must be recorded as a number, got {was!r:.40}")
            continue
        has_interval = bool(_ends(recorded, name) and _ends(found, name))
        low, high = _interval(recorded, name, slack=max(LEAST, _share(how, has_interval=has_interval) * abs(was)))
        least, most = _interval(found, name, wider=1.0 if how.is_whole else _WIDER)
        text = f"{name}: recorded {_said(recorded, name)}, measured {_said(found, name)}"
        yield Finding("metrics", passed=least <= high and low <= most, text=text)
    missing = [name for name in names if _is_figure(name, recorded[name]) and name not in again]
    if missing:
        others = "" if len(missing) == 1 else f" and {len(missing) - 1} more"
        text = f"not measured again: {missing[0]}{others}: {why_not(component)}"
        yield Finding("metrics", passed=True, text=text)


def agreement(how: Measuring) -> str:
    """Say what counts as agreement."""
    if how.is_whole:
        return f"figures agree within {SHARE:.0%} or where their 95 % intervals (in brackets) overlap"
    return (
        f"figures agree where their 95 % intervals (in brackets) overlap, the measured ones taken {_WIDER:g} times as "
        f"wide; others within {_share(how, has_interval=False):.0%}"
    )


def _share(how: Measuring, *, has_interval: bool) -> float:
    if how.is_whole or has_interval:
        return SHARE
    return max(SHARE, min(_MOST, _ERRORS / math.sqrt(how.num_taken)))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_figure(name: str, value: Any) -> bool:
    return name not in _COUNTS and _is_number(value)


def _ends(figures: Mapping[str, Any], name: str) -> list[float]:
    ends = figures.get(f"{name}_interval")
    return ends if isinstance(ends, list) and len(ends) == 2 and all(map(_is_number, ends)) else []


def _interval(figures: Mapping[str, Any], name: str, *, slack: float = 0.0, wider: float = 1.0) -> tuple[float, float]:
    value = figures[name]
    ends = [value + wider * (end - value) for end in _ends(figures, name)]
    return min(value - slack, *ends, value), max(value + slack, *ends, value)


def _said(figures: Mapping[str, Any], name: str) -> str:
    ends = _ends(figures, name)
    return f"{figures[name]:.4g}" + (f" ({ends[0]:.4g} to {ends[1]:.4g})" if ends else "")


def _judges(metadata: Mapping[str, Any]) -> dict[str, str]:
    said = metadata.get("judges")
    return {name: path for name, path in (said if isinstance(said, dict) else JUDGES).items() if name in JUDGES}


def _data(config: Any) -> Any:
    """Build the data that a bundle names, if it is one of this project's; nothing else is imported."""
    from lightning_modules.cli.classes import known_classes

    path = config.get("class_path") if isinstance(config, dict) else None
    known = {each.path for found in known_classes().values() for each in found if each.path.startswith("datamodules.")}
    if not isinstance(path, str) or path not in known or not path.endswith("DataModule"):
        message = f"its data must be a data module of this project, got {path!r:.80}"
        raise ValueError(message)
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    given = config.get("init_args") or {}
    accepted = set(inspect.signature(cls).parameters)
    arguments = {key: value for key, value in given.items() if key in accepted and not isinstance(value, dict)}
    return cls(**arguments, **_prompts(given))


def _prompts(given: Mapping[str, Any]) -> dict[str, Any]:
    """What writes the prompts; a lexicon of one's own is no part of a bundle."""
    from zoo.facs.composer import Composer

    said = given.get("prompts")
    if not isinstance(said, dict) or said.get("class_path") != _COMPOSER:
        return {}
    arguments = said.get("init_args") or {}
    if arguments.get("lexicon") is not None:
        message = f"its prompts must be of the zoo's own lexicon, got {arguments['lexicon']!r:.80}"
        raise ValueError(message)
    return {"prompts": Composer(**arguments)}
