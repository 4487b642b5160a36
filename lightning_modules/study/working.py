"""What a study does: train parts and variants, find out how many steps their minutes are, measure them."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError
from lightning_modules.study.assembling import CHECKPOINTS, sources_of, stamp
from lightning_modules.study.folders import StudyFolder, note_state, read_state
from lightning_modules.study.plan import Measure, Recipe, Study
from lightning_modules.study.processes import ProcessError, Processes, Slot, locked
from lightning_modules.study.runs import Run, changes
from lightning_modules.study.scheduling import Task
from zoo.files import save_json

_NUM_CHANGES = 4
_TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Work:
    """The work of a study.

    Attributes:
        study: The study.
        folder: Its folder.
        processes: What runs commands.
        only: Names of the parts and variants that are done, with what they need; all where empty.
        machine: Configs laid over that of every run, for the machine.
    """

    study: Study
    folder: StudyFolder
    processes: Processes
    only: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()

    def tasks(self) -> list[Task]:
        """List everything that is to be done, what others need first."""
        found: dict[str, Task] = {}
        wanted = self.only or tuple(self.study.variants)
        for seed in self.study.seeds:
            for name in wanted:
                for task in self._tasks(self.study.recipe(name), seed):
                    found.setdefault(task.key, task)
        return list(found.values())

    def runs(self) -> Iterator[Run]:
        """Give every run that the tasks are about, parts first."""
        found: dict[str, Run] = {}
        for seed in self.study.seeds:
            for name in self.only or tuple(self.study.variants):
                for run in self._with_parts(self.run(self.study.recipe(name), seed)):
                    found.setdefault(run.key, run)
        yield from sorted(found.values(), key=lambda run: not run.recipe.is_part)

    def train(self, run: Run, slot: Slot) -> bool:
        """Train a part or variant, or go on with it; say whether there was anything to do."""
        if run.is_assembled:
            return self._assemble(run, slot)
        if run.recipe.trained is not None:
            if not run.path.exists():
                message = f"{run.key}: trained must be a run's folder or a bundle, got {run.recipe.trained!r}."
                raise UserError(message)
            return False
        with self._held(run.recipe, f"seed_{run.seed}") as held:
            self.processes.refuse_if_stopped()
            run.write_config()
            steps = self.steps(run.recipe)
            said = {"recipe": run.plain_recipe(), "steps": steps, "machine": list(self.machine)}
            state = run.folder.state(run.recipe.name, run.seed)
            known = read_state(state)
            _refuse_changes(run, known, said)
            if known.get("trained") and is_saved(run.path):
                return False
            known = note_state(state, said=said, trained=False)
            started = time.time()
            log = run.folder.log(run.recipe.name, f"seed_{run.seed}")
            accumulated = int((run.content().get("trainer") or {}).get("accumulate_grad_batches") or 1)
            self.processes.run(run.fit_words(steps, accumulated=accumulated), slot=slot, log=log, held=held)
            if not is_saved(run.path):
                message = f"no checkpoint in {shown(run.path)}. A config that writes none can't be studied."
                raise ProcessError(message)
            sessions = [*known.get("sessions", []), {"began": round(started, 1), "ended": round(time.time(), 1)}]
            note_state(state, trained=True, sessions=sessions, slot=slot.name, threads=slot.num_threads)
            return True

    def _assemble(self, run: Run, slot: Slot) -> bool:
        """Write a part that has its weights from others as a bundle, unless it is made of these already."""
        with self._held(run.recipe, f"seed_{run.seed}") as held:
            made_of = sources_of(run)
            state = run.folder.state(run.recipe.name, run.seed)
            if read_state(state).get("made_of") == made_of and run.path.is_dir():
                return False
            log = run.folder.log(run.recipe.name, f"seed_{run.seed}")
            self.processes.run(run.export_words(), slot=slot, log=log, held=held)
            note_state(state, made_of=made_of)
            return True

    def clock(self, recipe: Recipe, slot: Slot) -> bool:
        """Find out how many steps the minutes of a variant are; say whether there was anything to do."""
        run = self.run(recipe, self.study.seeds[0])
        assert recipe.budget is not None
        assert recipe.budget.max_minutes is not None
        with self._held(recipe, "clock") as held:
            self.processes.refuse_if_stopped()
            if self.steps(recipe) is not None:
                return False
            run.write_config()
            file = self.folder.path / "state" / recipe.name / "clock.json"
            file.unlink(missing_ok=True)
            log = self.folder.log(recipe.name, "clock")
            self.processes.run(run.clock_words(file), slot=slot, log=log, held=held, accept=(0, _TERMINATED))
            shutil.rmtree(file.parent / "clocked", ignore_errors=True)
            if not file.is_file():
                message = f"the run ended before {recipe.budget.clocked_steps} steps.\n    Log: {shown(log)}"
                raise ProcessError(message)
            per_step = json.loads(file.read_text(encoding="utf-8"))["seconds_per_step"]
            steps = int(recipe.budget.max_minutes * 60 / per_step)
            every = steps // recipe.budget.validations
            if every < 1:
                message = (
                    f"budget.max_minutes: must be enough for {recipe.budget.validations} steps, got "
                    f"{recipe.budget.max_minutes:g}; a step takes {per_step:.3g} s."
                )
                raise UserError(message)
            content = {
                "steps": every * recipe.budget.validations,  # the last validation is of the last step
                "seconds_per_step": per_step,
                "minutes": recipe.budget.max_minutes,
                "threads": slot.num_threads,
                "device": slot.name,
            }
            save_json(content, self.folder.budget(recipe.name))
            return True

    def measure(self, run: Run, measure: Measure, slot: Slot) -> bool:
        """Measure a trained variant; say whether there was anything to do."""
        with self._held(run.recipe, f"{measure.name}_seed_{run.seed}") as held:
            self.processes.refuse_if_stopped()
            words = run.measure_words(measure)
            if not words and run.figures(measure) is None:
                message = f"the run has no {measure.figures}, and the measure {measure.name!r} has no command."
                raise ProcessError(message)
            if self.is_measured(run, measure):
                return False
            target = self.folder.measured(run.recipe.name, run.seed, measure.name)
            target.mkdir(parents=True, exist_ok=True)
            log = self.folder.log(run.recipe.name, f"seed_{run.seed}_{measure.name}")
            if words:
                self.processes.run(words, slot=slot, log=log, held=held)
            if run.figures(measure) is None:
                message = f"the measurement {measure.name!r} wrote no {measure.figures}.\n    Log: {shown(log)}"
                raise ProcessError(message)
            state = self.folder.measured_state(run.recipe.name, run.seed, measure.name)
            save_json(self._stamp(run, measure), state)
            return True

    def steps(self, recipe: Recipe) -> int | None:
        """Say how many steps a recipe trains; None is as long as its configs say, or not known yet."""
        budget = recipe.budget
        if budget is None:
            return None
        if budget.max_steps is not None:
            return budget.max_steps // budget.validations * budget.validations
        known = read_state(self.folder.budget(recipe.name))
        if known and known["minutes"] != budget.max_minutes:
            message = (
                f"{recipe.name}: max_minutes must stay what it was when the study began, {known['minutes']:g}, got "
                f"{budget.max_minutes:g}. Take another --output."
            )
            raise UserError(message)
        return int(known["steps"]) if known else None

    def is_trained(self, run: Run) -> bool:
        """Whether a run is complete."""
        if run.recipe.trained is not None:
            return run.path.exists()
        return bool(read_state(self.folder.state(run.recipe.name, run.seed)).get("trained")) and is_saved(run.path)

    def is_measured(self, run: Run, measure: Measure) -> bool:
        """Whether the weights that a run has now are measured."""
        known = read_state(self.folder.measured_state(run.recipe.name, run.seed, measure.name))
        return known == self._stamp(run, measure) and run.figures(measure) is not None

    def is_complete(self, run: Run) -> bool:
        """Whether nothing is left to do for a run."""
        measures = () if run.recipe.is_part else self.study.measures.values()
        return self.is_trained(run) and all(self.is_measured(run, measure) for measure in measures)

    def _stamp(self, run: Run, measure: Measure) -> dict[str, Any]:
        return {"command": run.measure_words(measure), "weights": stamp(run.path)}

    def _tasks(self, recipe: Recipe, seed: int) -> Iterator[Task]:
        run = self.run(recipe, seed)
        for part in self.study.needs(recipe):
            yield from self._tasks(self.study.parts[part], seed)
        made_of = [run.part(part).key for part in recipe.parts.values()]
        if recipe.trained is None and recipe.budget is not None and recipe.budget.max_minutes is not None:
            first = self.run(recipe, self.study.seeds[0])
            for part in recipe.parts.values():
                yield from self._tasks(self.study.parts[part], first.seed)
            needs = tuple(first.part(part).key for part in recipe.parts.values())
            yield Task(f"{recipe.name}/clock", needs, partial(self.clock, recipe))
            made_of.append(f"{recipe.name}/clock")
        yield Task(run.key, tuple(made_of), partial(self.train, run))
        if not recipe.is_part:
            for measure in self.study.measures.values():
                judges = (*measure.parts.values(), *recipe.judges.values())
                needs = (run.key, *(run.part(part).key for part in judges))
                yield Task(f"{run.key}/{measure.name}", needs, partial(self.measure, run, measure))

    def _with_parts(self, run: Run) -> Iterator[Run]:
        for part in self.study.needs(run.recipe):
            yield from self._with_parts(run.part(part))
        yield run

    def run(self, recipe: Recipe, seed: int) -> Run:
        """Give the run of a part or variant that serves a seed of the study."""
        return Run(self.study, self.folder, recipe, recipe.seed_for(seed), self.machine)

    def _held(self, recipe: Recipe, what: str) -> Any:
        return locked(self.folder.lock(recipe.name, what))


def is_saved(path: Path) -> bool:
    """Whether a run's folder has a checkpoint."""
    return any((path / "checkpoints" / name).is_file() for name in CHECKPOINTS)


def _refuse_changes(run: Run, known: dict[str, Any], said: dict[str, Any]) -> None:
    """Refuse to go on with a run, or to count it, after its config has changed.

    Raises:
        UserError: It has.
    """
    begun = known.get("said") if known.get("trained") or is_saved(run.path) else None
    found = list(changes(begun or {"recipe": run.frozen_recipe()}, said if begun else {"recipe": said["recipe"]}))
    if found:
        listed = "\n    ".join(found[:_NUM_CHANGES])
        message = (
            f"its config must stay what it was when the run began. Take another --output, or delete {shown(run.path)} "
            f"to train it anew.\n    {listed}"
        )
        raise UserError(message)
