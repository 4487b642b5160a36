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
from lightning_modules.cli.config_files import find_config, is_config_name, shown
from lightning_modules.cli.errors import UserError
from lightning_modules.study.assembling import found
from lightning_modules.study.folders import StudyFolder, read_state
from lightning_modules.study.plan import Measure, Recipe, Study
from lightning_modules.study.recipes import config_of
from zoo.files import save_json, save_text

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
        if self.recipe.trained is not None and not self.is_assembled:
            return found(Path(self.recipe.trained.replace("{seed}", str(self.seed))))
        return self.folder.run(self.recipe.name, self.seed)

    @property
    def is_assembled(self) -> bool:
        """Whether it is the YAML of a part that has its weights from others, and becomes a bundle in its folder."""
        return is_config_name(self.recipe.trained)

    def export_words(self) -> list[str]:
        """Give the command after ``python cli.py`` that writes that bundle."""
        assert self.recipe.trained is not None
        words = {"checkpoint": shown(find_config(self.recipe.trained)), "output": shown(self.path), "overwrite": True}
        return ["export", *_words(words)]

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

    def write_config(self) -> list[str]:
        """Write the config of the recipe, whole, unless that was done before; give what its sources say otherwise now.

        A study may run for days: what its first call found in the configs holds for all of its runs.

        Raises:
            UserError: A config is missing or misspelt.
        """
        name, file = self.recipe.name, self.folder.config(self.recipe.name)
        source = self.folder.source(name)
        body = config_of(self.recipe, taken=[*self.study.parts, *self.study.variants])
        save_text(f"# {self.recipe.label}\n{yaml.safe_dump(body, sort_keys=False, allow_unicode=True)}", source)
        is_same = self.frozen_recipe() == self.plain_recipe()
        begun = any(self.folder.path.glob("runs/*/*/checkpoints/*.ckpt"))
        is_own_begun = any((self.folder.path / "runs" / name).glob("*/checkpoints/*.ckpt"))
        if file.is_file() and (is_own_begun or (begun and is_same)):
            return list(changes(self.content(), self.content(source)))
        own = compose(["--config", str(source)]).layers
        for number, layer in enumerate(own):
            text = yaml.safe_dump(layer, sort_keys=False, allow_unicode=True)
            save_text(text, file.parent / name / f"layer_{number}.yaml")
        save_json(self.plain_recipe(), file.parent / name / "recipe.json")
        header = f"# {self.recipe.label}: what its sources said when the study began (sources/{name}.yaml).\n"
        names = [f"{name}/layer_{number}.yaml" for number in range(len(own))]
        save_text(header + yaml.safe_dump({"extends": names}), file)
        return []

    def content(self, file: Path | None = None) -> dict[str, Any]:
        """Give what the config says, or another file in its place, before any type is known."""
        configs = (str(file or self.folder.config(self.recipe.name)), *self.machine)
        content: dict[str, Any] = {}
        for layer in compose([word for each in configs for word in ("--config", each)]).layers:
            content = merged(content, layer)
        return content

    def plain_recipe(self) -> dict[str, Any]:
        """Give what the study's YAML says of the config, as plain data."""
        recipe = self.recipe
        said = {"configs": recipe.configs, "overlays": recipe.overlays, "set": recipe.options, "parts": recipe.parts}
        plain: dict[str, Any] = json.loads(json.dumps(said))
        return plain

    def frozen_recipe(self) -> dict[str, Any]:
        """Give what it said when the config was written."""
        return read_state(self.folder.config(self.recipe.name).parent / self.recipe.name / "recipe.json")

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
