"""What a study would do: every command, where it stands, and about how long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lightning_modules.cli.config_files import shown
from lightning_modules.study.folders import read_state
from lightning_modules.study.plan import Recipe
from lightning_modules.study.runs import Run, command_line
from lightning_modules.study.working import Work, is_saved


@dataclass(frozen=True)
class Step:
    """A command of the plan.

    Attributes:
        key: What the task is called.
        standing: How far it is.
        minutes: About how long it takes; None where nothing is known.
        known_from: Where that is from.
        command: The command.
    """

    key: str
    standing: str
    minutes: float | None
    known_from: str
    command: str

    @property
    def says(self) -> str:
        """Say it in a line."""
        time = "" if self.standing in ("complete", "trained already") else f"  {duration(self.minutes)}"
        return f"{self.key:<44} {self.standing}{time}{f' ({self.known_from})' if time and self.minutes else ''}"


def preview(work: Work) -> list[Step]:
    """List the steps of a study."""
    return [step for run in work.runs() for step in _steps(work, run)]


def describe(work: Work, steps: list[Step], *, num_slots: int) -> Iterator[str]:
    """Say the plan in lines."""
    study = work.study
    yield f"{study.title}"
    runs, ways = len(study.variants) * len(study.seeds), len(study.measures)
    yield (
        f"Parts: {len(study.parts)}. Variants: {len(study.variants)}. Seeds: {len(study.seeds)} "
        f"({', '.join(map(str, study.seeds))}). Runs: {runs}, measured in {ways} way{'s' * (ways != 1)}, "
        f"{num_slots} at once. Folder: {shown(work.folder.path)}"
    )
    for name in work.only or (*study.parts, *study.variants):
        yield f"  {name}: {_recipe(study.recipe(name))}"
    yield ""
    for step in steps:
        yield step.says
        if step.command:
            yield f"    {step.command}"
    open_steps = [step for step in steps if step.standing not in ("complete", "trained already")]
    known = [step.minutes for step in open_steps if step.minutes is not None]
    unknown = len(open_steps) - len(known)
    yield ""
    text = f"{len(open_steps)} of {len(steps)} steps are to be done"
    text += f": {duration(sum(known) / num_slots)}" if known else ""
    yield text + (f"; of {unknown}, it is not known how long they take." if unknown else ".")


def duration(minutes: float | None) -> str:
    """Say a time."""
    if minutes is None:
        return "time unknown"
    if minutes < 1:
        return "below a minute"
    return f"about {minutes:.0f} min" if minutes < 90 else f"about {minutes / 60:.1f} h"


def _steps(work: Work, run: Run) -> Iterator[Step]:
    recipe = run.recipe
    steps = work.steps(recipe)
    by_minutes = recipe.trained is None and recipe.budget is not None and recipe.budget.max_minutes is not None
    if by_minutes and steps is None and run.seed == recipe.seed_for(work.study.seeds[0]):
        file = work.folder.path / "state" / recipe.name / "clock.json"
        yield Step(f"{recipe.name}/clock", "to do", 2.0, "a guess", command_line(run.clock_words(file)))
    minutes, known_from = _minutes(work, run, steps)
    standing = "to do"
    if run.is_assembled:
        standing, minutes, known_from = ("complete" if work.is_trained(run) else "to do"), 0.5, "a guess"
    elif recipe.trained is not None:
        standing = "trained already"
    elif work.is_trained(run):
        standing = "complete"
    elif is_saved(run.path):
        standing = "goes on from its last checkpoint"
    if run.is_assembled:
        command = command_line(run.export_words())
    else:
        command = "" if recipe.trained is not None else command_line(run.fit_words(steps))
    yield Step(run.key, standing, minutes, known_from, command)
    if recipe.is_part:
        return
    for measure in work.study.measures.values():
        command = command_line(run.measure_words(measure))
        standing = "complete" if work.is_trained(run) and work.is_measured(run, measure) else "to do"
        yield Step(f"{run.key}/{measure.name}", standing, measure.minutes, "from the study's YAML", command)


def _minutes(work: Work, run: Run, steps: int | None) -> tuple[float | None, str]:
    """About how long a training takes, and how that is known."""
    recipe = run.recipe
    took = [minutes for seed in work.study.seeds if (minutes := _took(work, recipe, seed)) is not None]
    if took:
        return sum(took) / len(took), "as other seeds took here"
    clocked = read_state(work.folder.budget(recipe.name)) if recipe.budget else {}
    if clocked and steps is not None:
        return steps * clocked["seconds_per_step"] / 60, "from the clock, validation apart"
    if recipe.budget is not None and recipe.budget.max_minutes is not None:
        return recipe.budget.max_minutes, "its budget, validation apart"
    return recipe.minutes, "from the study's YAML"


def _took(work: Work, recipe: Recipe, seed: int) -> float | None:
    known: dict[str, Any] = read_state(work.folder.state(recipe.name, recipe.seed_for(seed)))
    if not known.get("trained"):
        return None
    return sum(each["ended"] - each["began"] for each in known.get("sessions", [])) / 60


def _recipe(recipe: Recipe) -> str:
    if recipe.trained is not None:
        return recipe.trained
    said = [" + ".join((*recipe.configs, *recipe.overlays))]
    said += [f"{key} {value}" for key, value in recipe.options.items()]
    said += [f"{key} of {part}" for key, part in recipe.parts.items()]
    if recipe.budget is not None:
        said.append(recipe.budget.says)
    return "; ".join(said)
