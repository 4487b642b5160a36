"""The runs of a study: their configs, their commands, their folders, and how far they are."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from lightning_modules.cli.composition import compose, merged
from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError
from lightning_modules.study.folders import StudyFolder
from lightning_modules.study.plan import Measure, Recipe, Study
from lightning_modules.study.recipes import config_of
from zoo.files import save_text

CLOCK = "training_clock"


@dataclass(frozen=True)
class Run:
    """One training of a part or variant.

    Attributes:
        study: The study.
        folder: The study's folder.
        recipe: What is trained.
        seed: With which seed.
        machine: Configs laid over that of every run, for the machine.
    """

    study: Study
    folder: StudyFolder
    recipe: Recipe
    seed: int
    machine: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the run is called in messages and among tasks."""
        return f"{self.recipe.name}/seed_{self.seed}"

    @property
    def path(self) -> Path:
        """Its folder, or that of what is trained already."""
        if self.recipe.trained is not None:
            return Path(self.recipe.trained.replace("{seed}", str(self.seed)))
        return self.folder.run(self.recipe.name, self.seed)

    def part(self, name: str) -> Run:
        """Give the run of a part that serves this one."""
        part = self.study.parts[name]
        return replace(self, recipe=part, seed=part.seed_for(self.seed))

    def fit_words(self, steps: int | None, *, accumulated: int = 1) -> list[str]:
        """Give the command after ``python cli.py`` that trains it, or goes on with it.

        Args:
            steps: How many optimiser steps; None is as long as its configs say.
            accumulated: Batches of a step; validations are counted in batches.
        """
        words = [*self._begin(), "--run", self.path.name, "--ckpt_path", "last"]
        words += [*_words({"trainer.default_root_dir": shown(self.folder.path / "runs")}), *self._part_words()]
        if steps is not None and self.recipe.budget is not None:
            every = max(1, steps // self.recipe.budget.validations)
            words += _words(
                {
                    "trainer.max_steps": steps,
                    "trainer.max_epochs": -1,
                    "trainer.val_check_interval": every * accumulated,
                    "trainer.check_val_every_n_epoch": None,
                }
            )
        return [*words, *clock_words()]

    def clock_words(self, file: Path) -> list[str]:
        """Give the command that measures how long a step takes, and trains nothing that is kept."""
        budget = self.recipe.budget
        assert budget is not None
        scratch = {
            "trainer.default_root_dir": shown(file.parent / "clocked"),
            "trainer.max_steps": 1_000_000,  # never reached: the clock stops the run
            "trainer.max_epochs": -1,
            "trainer.limit_val_batches": 0,
            "trainer.num_sanity_val_steps": 0,
            "trainer.enable_checkpointing": False,
            "trainer.logger": False,
        }
        words = [*self._begin(), "--run", "clocked", *_words(scratch), *self._part_words()]
        return [*words, *clock_words(stop_after=budget.clocked_steps, file=shown(file))]

    def measure_words(self, measure: Measure) -> list[str]:
        """Give the command of a measurement."""
        places = self._places(measure)
        words = [each.format(**places) for each in measure.command]
        if not words:
            return []
        named = {**measure.parts, **self.recipe.judges}
        parts = {key: shown(self.part(name).path) for key, name in named.items()}
        return [*words, *_words({**measure.options, **self.recipe.measured_with, **parts})]

    def figures(self, measure: Measure) -> Path | None:
        """Find the figures of a measurement.

        Raises:
            UserError: There are several files that could be it.
        """
        pattern = measure.figures.format(**self._places(measure))
        root = Path(pattern).anchor or "."
        found = sorted(Path(root).glob(str(Path(pattern).relative_to(root)) if root != "." else pattern))
        if len(found) > 1:
            message = f"measures.{measure.name}.figures: must be one file, and {pattern} is {len(found)}."
            raise UserError(message)
        return found[0] if found else None

    def write_config(self) -> dict[str, Any]:
        """Write the config of the recipe; give all that it says, without the seed, for comparison.

        Raises:
            UserError: A config is missing or misspelt.
        """
        file = self.folder.config(self.recipe.name)
        body = config_of(self.recipe, taken=[*self.study.parts, *self.study.variants])
        header = f"# {self.recipe.label}\n# Written by `python cli.py study`; the study's own YAML is what to change.\n"
        text = header + yaml.safe_dump(body, sort_keys=False, allow_unicode=True)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            save_text(text, file)
        content: dict[str, Any] = {}
        composition = compose([word for each in (str(file), *self.machine) for word in ("--config", each)])
        for layer in composition.layers:
            content = merged(content, layer)
        return {**content, **{f"part of {key}": name for key, name in self.recipe.parts.items()}}

    def _begin(self) -> list[str]:
        configs = [shown(self.folder.config(self.recipe.name)), *self.machine]
        words = [word for each in configs for word in ("--config", each)]
        return ["fit", *words, "--seed_everything", str(self.seed)]

    def _part_words(self) -> list[str]:
        return _words({key: shown(self.part(name).path) for key, name in self.recipe.parts.items()})

    def _places(self, measure: Measure) -> dict[str, Any]:
        name, seed = self.recipe.name, self.seed
        written = shown(self.folder.measured(name, seed, measure.name))
        return {"run": shown(self.path), "folder": written, "variant": name, "seed": seed}


def clock_words(**arguments: Any) -> list[str]:
    """Give the options that add the clock of training steps."""
    clock = {f"callbacks.{CLOCK}": "lightning_modules.study.training_clock.TrainingClock"}
    return _words({**clock, **{f"callbacks.{CLOCK}.{key}": value for key, value in arguments.items()}})


def command_line(words: list[str]) -> str:
    """Give a command as one would type it."""
    return shlex.join(["python", "cli.py", *words])


def changes(there: Any, here: Any, at: str = "") -> Iterator[str]:
    """Name the dotted keys in which two contents differ, with both values."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys([*there, *here]):
            yield from changes(there.get(key), here.get(key), f"{at}.{key}" if at else str(key))
    elif there != here:
        yield f"{at.replace('.init_args', '')}: {there!r} then, {here!r} now"


def _words(options: Mapping[str, Any]) -> list[str]:
    """Options as words of a command line."""
    words = []
    for key, value in options.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += [f"--{key}", text]
    return words
