"""A study as its YAML says it: what is trained and for how long, what is measured, what stands in the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Budget:
    """How long a variant trains.

    Attributes:
        max_steps: Optimiser steps; or
        max_minutes: minutes of training steps, validation apart. How many steps these are is measured beforehand, so
            that the learning-rate schedule ends with the run.
        validations: How many times a run validates, the last time at its end.
        clocked_steps: Steps that are measured for that.
    """

    max_steps: int | None = None
    max_minutes: float | None = None
    validations: int = 10
    clocked_steps: int = 40

    @property
    def says(self) -> str:
        """Say the budget in words."""
        if self.max_minutes is not None:
            return f"{self.max_minutes:g} minutes of training steps"
        return f"{self.max_steps:,} steps"


@dataclass(frozen=True)
class Recipe:
    """Something that is trained: a variant, or a part that variants are made of.

    Attributes:
        name: Its name, also of its folder.
        configs: Configs, each laid over the one before, with all that they extend.
        overlays: Configs laid over these without what they extend.
        options: Dotted keys and their values, laid over all.
        parts: Dotted keys whose value is the run of a part.
        budget: How long it trains; None is as long as its configs say.
        trained: A run's folder, a bundle or a folder of pictures that is taken as it is, in place of training;
            ``{seed}`` stands for the seed. Or the YAML of a part that has its weights from others.
        per_seed: Whether each seed has one of its own.
        seed: The one seed of a part that all seeds share.
        minutes: How long it took where it was tried, for estimates.
        is_part: Whether it is a part.
        label: What the table calls it.
        group: What the table puts it under.
        against: The variant that it is compared with.
        measured_with: Options of its own, added to the command of every measure.
        judges: The same, where the value is the run of a part.
        paper: Figures of the paper, by measure and column.
    """

    name: str
    configs: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    budget: Budget | None = None
    trained: str | None = None
    per_seed: bool = True
    seed: int = 0
    minutes: float | None = None
    is_part: bool = False
    label: str = ""
    group: str = ""
    against: str = ""
    measured_with: dict[str, Any] = field(default_factory=dict)
    judges: dict[str, str] = field(default_factory=dict)
    paper: dict[str, dict[str, float]] = field(default_factory=dict)

    def seed_for(self, seed: int) -> int:
        """Give the seed of the run that serves a seed of the study."""
        return seed if self.per_seed else self.seed


@dataclass(frozen=True)
class Measure:
    """What is done with a trained variant to get figures: a command of its own.

    Attributes:
        name: Its name, also of its folder.
        label: What the table calls it.
        command: Words after ``python cli.py``; none where training writes the figures itself. ``{run}``, ``{folder}``,
            ``{variant}`` and ``{seed}`` stand for the variant's run, the folder to write into, its name and the seed.
        figures: JSON file that the command writes, likewise; may hold ``*``.
        options: Dotted keys and values, added to the command.
        parts: Dotted keys whose value is the run of a part.
        minutes: How long it took where it was tried, for estimates.
    """

    name: str
    label: str
    command: tuple[str, ...]
    figures: str
    options: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    minutes: float | None = None


@dataclass(frozen=True)
class Column:
    """A figure in the table.

    Attributes:
        name: Its head.
        figure: Its key in the figures; dots go deeper.
        better: Which way is better; None where neither is.
        digits: After the point.
        interval: Key of its interval; by default the figure's, with ``_interval``.
    """

    name: str
    figure: str
    better: Better | None = None
    digits: int = 3
    interval: str | None = None

    @property
    def head(self) -> str:
        """The name with an arrow."""
        return self.name + {"higher": " ↑", "lower": " ↓", None: ""}[self.better]


@dataclass(frozen=True)
class TableForm:
    """What the table looks like.

    Attributes:
        columns: Our figures.
        paper_columns: The paper's figures, and which way is better.
        paper_source: Where in the paper they stand.
        paper_caution: What sets them apart.
        reference: The full model, with which others are compared where they don't say otherwise.
        bounds: Rows for what bounds the figures, such as true faces: columns and the figures that stand there.
        must_beat: Figures of the reference variant, and those that it must beat for the table to count.
    """

    columns: tuple[Column, ...]
    paper_columns: dict[str, Better] = field(default_factory=dict)
    paper_source: str = ""
    paper_caution: str = "other data, other features, not comparable"
    reference: str = ""
    bounds: dict[str, dict[str, str]] = field(default_factory=dict)
    must_beat: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        name: Its name.
        title: What it asks.
        note: What a reader of the table must know.
        seeds: Each variant is trained once with each.
        parts: What is trained first.
        variants: What is compared.
        measures: What is measured.
        table: What the table looks like.
        curves: Tags of the logs that are drawn.
    """

    name: str
    title: str
    note: str
    seeds: tuple[int, ...]
    parts: dict[str, Recipe]
    variants: dict[str, Recipe]
    measures: dict[str, Measure]
    table: TableForm
    curves: tuple[str, ...]

    def recipe(self, name: str) -> Recipe:
        """Give a part or a variant."""
        return self.parts[name] if name in self.parts else self.variants[name]

    def needs(self, recipe: Recipe) -> tuple[str, ...]:
        """Name the parts that a recipe is made of; for a variant, also those that measure it."""
        names = [*recipe.parts.values(), *recipe.judges.values()]
        if not recipe.is_part:
            names += [name for measure in self.measures.values() for name in measure.parts.values()]
        return tuple(dict.fromkeys(names))
