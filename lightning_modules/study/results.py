"""Gather what was measured into the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.study.figures import figure, interval, names, read_figures
from lightning_modules.study.intervals import Estimate, estimate
from lightning_modules.study.plan import Column, Measure, Recipe, Study
from lightning_modules.study.working import Work

Found = dict[int, dict[str, Any]]
"""Figures of each seed."""


@dataclass(frozen=True)
class Row:
    """A variant under a measure.

    Attributes:
        variant: Its name.
        measure: The measure's name.
        label: What the table calls it.
        group: What it stands under.
        estimates: Means over seeds, by column.
        each: Figures of each seed, by column.
        against: The variant that it is compared with; empty for that itself.
        differences: Means of the differences from it, seed by seed.
        paper: The paper's figures.
        steps: Optimiser steps of a run.
        minutes: Minutes of training steps.
        num_missing: Seeds that have no figures yet.
        loses: What it doesn't beat beyond the intervals, of what it must beat.
    """

    variant: str
    measure: str
    label: str
    group: str
    estimates: dict[str, Estimate]
    each: dict[str, dict[int, float]]
    against: str
    differences: dict[str, Estimate]
    paper: dict[str, float]
    steps: int | None
    minutes: Estimate | None
    num_missing: int
    loses: tuple[str, ...]


@dataclass(frozen=True)
class Bound:
    """What bounds the figures of a group, such as true faces.

    Attributes:
        label: What it is.
        group: Of which group.
        measure: Under which measure.
        estimates: By column.
    """

    label: str
    group: str
    measure: str
    estimates: dict[str, Estimate]


@dataclass
class Results:
    """Everything that a table says.

    Attributes:
        study: The study.
        rows: In the order of the YAML.
        bounds: Of each group.
        failures: What went wrong, by run.
        unknown: Figures that columns name and no measurement has.
    """

    study: Study
    rows: list[Row] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> bool | None:
        """Whether the full model beats what it must under every measure; None where that is not known yet."""
        full = [row for row in self.rows if row.variant == self.study.table.reference]
        if not self.study.table.must_beat or not full or any(row.num_missing for row in full):
            return None
        return not any(row.loses for row in full)


def gather(work: Work, failures: Mapping[str, str]) -> Results:
    """Read the figures of everything that is measured, whatever is still missing.

    Args:
        work: The study, its seeds and its folder.
        failures: What went wrong, by run.

    Raises:
        UserError: A file of figures is no JSON, or a figure is no number.
    """
    study = work.study
    results = Results(study, failures=dict(failures))
    groups: set[tuple[str, str]] = set()
    known: set[str] = set()
    for measure in study.measures.values():
        found = {name: _found(work, recipe, measure) for name, recipe in study.variants.items()}
        for figures in (each for of_seeds in found.values() for each in of_seeds.values()):
            known |= set(names(figures))
        for name, recipe in study.variants.items():
            against = recipe.against or study.table.reference
            rival = {} if against == name else found[against]
            results.rows.append(_row(work, recipe, measure, found[name], against if rival else "", rival))
            if found[name] and (recipe.group, measure.name) not in groups:
                groups.add((recipe.group, measure.name))
                results.bounds += _bounds(study, recipe, measure, found[name])
    if known:
        for column in study.table.columns:
            if column.figure not in known:
                results.unknown[column.figure] = did_you_mean(column.figure, sorted(known))
    return results


def _found(work: Work, recipe: Recipe, measure: Measure) -> Found:
    found: Found = {}
    for seed in work.study.seeds:
        run = work.run(recipe, seed)
        state = work.folder.measured_state(recipe.name, seed, measure.name)
        file = run.figures(measure) if state.is_file() else None
        if file is not None:
            found[seed] = read_figures(file)
    return found


def _row(work: Work, recipe: Recipe, measure: Measure, found: Found, against: str, rival: Found) -> Row:
    study = work.study
    each: dict[str, dict[int, float]] = {}
    estimates, differences = {}, {}
    for column in study.table.columns:
        values = {
            seed: value for seed, figures in found.items() if (value := _value(figures, column, measure)) is not None
        }
        each[column.name] = values
        if made := estimate(
            list(values.values()), [interval(found[seed], column.figure, column.interval) for seed in values]
        ):
            estimates[column.name] = made
        pairs = {seed: _value(rival[seed], column, measure) for seed in values if seed in rival}
        distances = [values[seed] - other for seed, other in pairs.items() if other is not None]
        if distance := estimate(distances):
            differences[column.name] = distance
    label = recipe.label if len(study.measures) == 1 else f"{recipe.label}, {measure.label}"
    times = list(_training_times(work, recipe))
    return Row(
        variant=recipe.name,
        measure=measure.name,
        label=label,
        group=recipe.group,
        estimates=estimates,
        each=each,
        against=against,
        differences=differences,
        paper=recipe.paper.get(measure.name, {}),
        steps=times[0]["steps"] if times else work.steps(recipe),
        minutes=estimate([time["seconds"] / 60 for time in times]),
        num_missing=len(study.seeds) - len(found),
        loses=tuple(_losses(study, found)),
    )


def _bounds(study: Study, recipe: Recipe, measure: Measure, found: Found) -> Iterator[Bound]:
    for label, keys in study.table.bounds.items():
        estimates = {}
        for column, key in keys.items():
            bound = Column(name=column, figure=key)
            values = [value for figures in found.values() if (value := _value(figures, bound, measure)) is not None]
            if made := estimate(values, [interval(figures, key) for figures in found.values()]):
                estimates[column] = made
        suffix = "" if len(study.measures) == 1 else f", {measure.label}"
        yield Bound(label=f"{label}{suffix}", group=recipe.group, measure=measure.name, estimates=estimates)


def _losses(study: Study, found: Found) -> Iterator[str]:
    """Name what is not beaten beyond the intervals over subjects, in any seed."""
    for key, floors in study.table.must_beat.items():
        for floor in floors:
            for figures in found.values():
                own, other = interval(figures, key), interval(figures, floor)
                if own is None or other is None or own[0] <= other[1]:
                    yield f"{key} over {floor}"
                    break


def _value(figures: Mapping[str, Any], column: Column, measure: Measure) -> float | None:
    value = figure(figures, column.figure)
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        message = f"table: {column.figure} of measure {measure.name!r} must be a number, got {value!r}."
        raise UserError(message)
    return None if value is None else float(value)


def _training_times(work: Work, recipe: Recipe) -> Iterator[dict[str, Any]]:
    for seed in work.study.seeds:
        run = work.run(recipe, seed)
        file = run.path / "training_time.json"
        if file.is_file():
            yield read_figures(file)
