"""Learning curves of a study's runs, from TensorBoard's files, as CSV and, where matplotlib is there, as a picture."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zoo.files import write_whole

_GAP_S = 600.0
"""A pause between two entries that is longer than this is an interruption, not training."""
_WIDTH, _HEIGHT = 5.0, 3.6


@dataclass(frozen=True)
class Point:
    """A logged value.

    Attributes:
        name: Of the run.
        seed: Of the run.
        tag: What was logged.
        step: When, in optimiser steps.
        minutes: When, since the run began, without interruptions; validation and pictures included.
        value: The value.
    """

    name: str
    seed: int
    tag: str
    step: int
    minutes: float
    value: float


def points(folder: Path, *, name: str, seed: int, tags: Sequence[str]) -> Iterator[Point]:
    """Read what a run has logged; where it went on from an earlier step, the later session counts.

    Args:
        folder: The run's.
        name: Of the run.
        seed: Of the run.
        tags: What is read.
    """
    if not any(folder.glob("events.out.tfevents*")):
        return
    entries = _entries(folder)
    clock = _clock(sorted(when for each in entries.values() for _, when, _ in each))
    for tag in tags:
        latest = {step: (when, value) for step, when, value in sorted(entries.get(tag, []), key=lambda entry: entry[1])}
        for step, (when, value) in sorted(latest.items()):
            if math.isfinite(value):
                yield Point(name, seed, tag, step + 1, clock[when] / 60, value)  # Lightning logs steps from 0 on


def write_csv(found: Iterable[Point], file: Path) -> Path:
    """Write points as a table; gives the file."""
    rows = [[each.name, each.seed, each.tag, each.step, round(each.minutes, 3), each.value] for each in found]

    def write(target: Path) -> None:
        with target.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([["variant", "seed", "tag", "step", "minutes", "value"], *rows])

    return write_whole(file, write)


def draw(found: Sequence[Point], file: Path, *, labels: dict[str, str]) -> Path | None:
    """Draw a panel for each tag, by steps and by minutes: a line for the mean over seeds, thin ones for the seeds.

    Args:
        found: Points.
        file: The picture.
        labels: What each run is called.

    Returns:
        The file; None where matplotlib is not there, or nothing is to be drawn.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return None
    tags = list(dict.fromkeys(each.tag for each in found))
    if not tags:
        return None
    figure = Figure(figsize=(2 * _WIDTH, _HEIGHT * len(tags)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(tags), 2, squeeze=False, sharey="row")
    names = [name for name in labels if any(each.name == name for each in found)]
    for row, tag in enumerate(tags):
        for place, name in enumerate(names):
            own = [each for each in found if each.tag == tag and each.name == name]
            _draw_lines(axes[row], own, label=labels[name], color=f"C{place % 10}", style="--" if place > 9 else "-")
        axes[row][0].set_ylabel(tag)
        axes[row][0].set_xlabel("steps")
        axes[row][1].set_xlabel("minutes, validation included")
    handles, texts = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=3, fontsize="small")
    return write_whole(file, partial(_save, figure))


def _draw_lines(axes: Any, own: list[Point], *, label: str, color: str, style: str) -> None:
    seeds = sorted({each.seed for each in own})
    for seed in seeds:
        line = [each for each in own if each.seed == seed]
        for axis, along in zip(axes, ([each.step for each in line], [each.minutes for each in line]), strict=True):
            alone = len(seeds) == 1
            axis.plot(
                along, [each.value for each in line], style, color=color, linewidth=1.5 if alone else 0.5,
                alpha=1.0 if alone else 0.5, label=label if alone else None,
            )  # fmt: skip
    if len(seeds) > 1:
        for axis, field in zip(axes, ("step", "minutes"), strict=True):
            along, values = _mean_line(own, seeds, field)
            axis.plot(along, values, style, color=color, linewidth=1.8, label=label)


def _mean_line(own: list[Point], seeds: list[int], field: str) -> tuple[list[float], list[float]]:
    """Mean over the seeds, at the steps that all of them have."""
    at: dict[int, list[Point]] = defaultdict(list)
    for each in own:
        at[each.step].append(each)
    whole = [group for _, group in sorted(at.items()) if len(group) == len(seeds)]
    along = [math.fsum(getattr(each, field) for each in group) / len(group) for group in whole]
    return along, [math.fsum(each.value for each in group) / len(group) for group in whole]


def _entries(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """Step, time and value of everything scalar, by tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    found: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for file in sorted(folder.glob("events.out.tfevents*")):
        accumulator = EventAccumulator(str(file), size_guidance={"scalars": 0})
        accumulator.Reload()
        for tag in accumulator.Tags()["scalars"]:
            found[tag] += [(each.step, each.wall_time, each.value) for each in accumulator.Scalars(tag)]
    return found


def _clock(times: list[float]) -> dict[float, float]:
    """Map times of day to seconds since the first one, interruptions left out."""
    clock, passed = {}, 0.0
    for place, when in enumerate(times):
        pause = when - times[place - 1] if place else 0.0
        passed += pause if pause < _GAP_S else 0.0
        clock[when] = passed
    return clock


def _save(figure: Any, file: Path) -> None:
    figure.savefig(file, format="png", dpi=120)
