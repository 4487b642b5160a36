"""The command ``python cli.py study``: train and measure variants of a config, and lay them out in one table."""

from __future__ import annotations

import json as json_format
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lightning_modules.cli.config_files import CONFIGS, shown
from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.study.curves import draw, points, write_csv
from lightning_modules.study.folders import StudyFolder
from lightning_modules.study.plan import Budget, Study
from lightning_modules.study.preview import describe, preview
from lightning_modules.study.processes import Processes, slots
from lightning_modules.study.reading import read_study
from lightning_modules.study.results import gather
from lightning_modules.study.scheduling import Outcome, Schedule
from lightning_modules.study.submission import submit as submit_jobs
from lightning_modules.study.working import Work
from lightning_modules.study.writing import markdown, write_tables

_SHARED = ("config", "overlay", "output", "max_steps", "max_minutes", "devices", "machine", "launcher")
"""Options that every job of a study has in common."""


def study(
    *,
    config: str,
    overlay: str | None = None,
    output: str | None = None,
    seeds: str | None = None,
    only: str | None = None,
    max_steps: int | None = None,
    max_minutes: float | None = None,
    jobs: int = 1,
    devices: str | None = None,
    machine: str | None = None,
    launcher: str = "",
    dry_run: bool = False,
    tables_only: bool = False,
    submit: str | None = None,
    submit_command: str = "sbatch --parsable",
    json: bool = False,
) -> int:
    """Train and measure the variants that a YAML names, and write one table of them.

    Each run is a process in a folder of its own. A study that was stopped goes on with the same command: what is
    complete is left as it is, what was interrupted goes on from its last checkpoint. A variant that fails is told, and
    the others go on.

    Args:
        config: The study, such as studies/table6.yaml.
        overlay: A YAML laid over it.
        output: Its folder; runs/studies/NAME where not given.
        seeds: Other seeds than the study's, such as 0,1,2.
        only: Names of variants or parts, such as full,flat; the rest is left out.
        max_steps: Budget of every variant in place of the study's: optimiser steps.
        max_minutes: The same: minutes of training steps; how many steps these are is measured first.
        jobs: Runs at once on each device; they share the CPUs out.
        devices: cpu, or numbers of GPUs such as 0,1, which work side by side.
        machine: Configs laid over that of every run, such as trainer/bf16.yaml.
        launcher: Words before each command that trains or tests, such as srun, or "nice -n 19".
        dry_run: Whether only the plan is shown, with all commands and about how long they take.
        tables_only: Whether only the tables are written, of what is there.
        submit: A script such as studies/slurm.sh, in which {command}, {name} and {log} stand for a run's: it is
            submitted for each run.
        submit_command: What submits it.
        json: Whether to print JSON, for programs.
    """
    if jobs < 1:
        message = f"study: jobs must be at least 1, got {jobs}."
        raise ValueError(message)
    plan = _changed(read_study(config, overlay=overlay), seeds=seeds, max_steps=max_steps, max_minutes=max_minutes)
    names = _names(only, plan)
    folder = StudyFolder(Path(output) if output else Path("runs") / "studies" / plan.name)
    configs = tuple(each.strip() for each in machine.split(",")) if machine else ()
    work = Work(plan, folder, Processes(launcher), names, configs)
    places = slots(devices, jobs)
    steps = preview(work)
    if dry_run:
        if json:
            print(json_format.dumps([asdict(step) for step in steps], indent=2))
        else:
            print("\n".join(describe(work, steps, num_slots=len(places))))
        return 0
    given = locals()
    if submit is not None:
        submit_jobs(
            work, _template(submit), submit_command=submit_command, words=_command(given, _SHARED)[1:], tell=_say
        )
        return 0
    if not tables_only:
        _write_configs(work)  # a misspelt one is told before anything is trained
    outcomes: dict[str, Outcome] = {}
    if not tables_only:
        tell = _Teller(len(work.tasks()))
        with work.processes.stopping():
            outcomes = Schedule(work.tasks(), slots=places, tell=tell).run()
    failures = {
        key: f"{each.kind}: {each.reason}" for key, each in outcomes.items() if each.kind in ("failed", "left out")
    }
    results = gather(work, failures)
    command = _command(given, (*_SHARED, "seeds", "only", "jobs"))
    files = write_tables(results, folder.path, command=command)
    files += _draw_curves(work)
    if json:
        print((folder.path / "table.json").read_text(encoding="utf-8"))
    else:
        print("\n" + markdown(results, command=command))
        print(f"Files: {', '.join(map(shown, files))}")
    if work.processes.stopped_by is not None:
        _say("Stopped. The same command goes on from here.")
        return 128 + signal.Signals(work.processes.stopped_by)
    return 1 if failures else 0


def _template(name: str) -> Path:
    given = Path(name).expanduser()
    return given if given.is_file() or not (CONFIGS / given).is_file() else CONFIGS / given


def _write_configs(work: Work) -> None:
    runs = {run.recipe.name: run for run in work.runs() if run.recipe.trained is None}
    for name, run in runs.items():
        changed = run.write_config()
        run.content()  # what is laid over it for the machine may be misspelt, too
        if changed:
            file = shown(work.folder.config(name))
            _say(f"{name}: its configs have changed since the study began: {'; '.join(changed[:3])}")
            _say(f"  It goes on with those of then; delete {file} to take the new ones.")


class _Teller:
    """Say what became of each task, as soon as it did."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def __call__(self, key: str, outcome: Outcome) -> None:
        self.done += 1
        text = {"done": "done", "there": "complete already"}.get(outcome.kind, outcome.kind)
        reason = f": {outcome.reason}" if outcome.reason else ""
        _say(f"[{self.done}/{self.total}] {key} {text}{reason}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # standard output is the table's, or JSON


def _changed(plan: Study, *, seeds: str | None, max_steps: int | None, max_minutes: float | None) -> Study:
    if seeds is not None:
        if not all(each.strip().isdigit() for each in seeds.split(",")):
            message = f"study: seeds must be whole numbers such as 0,1,2, got {seeds!r}."
            raise ValueError(message)
        plan = replace(plan, seeds=tuple(dict.fromkeys(int(each) for each in seeds.split(","))))
    if max_steps is None and max_minutes is None:
        return plan
    if max_steps is not None and max_minutes is not None:
        message = "study: max_steps and max_minutes must not be given together: one of them is the budget."
        raise ValueError(message)
    for name, value in (("max_steps", max_steps), ("max_minutes", max_minutes)):
        if value is not None and value <= 0:
            message = f"study: {name} must be above 0, got {value}."
            raise ValueError(message)
    variants = {}
    for name, variant in plan.variants.items():
        given = variant.budget or Budget()
        validations = given.validations if max_steps is None else min(given.validations, max_steps)
        budget = replace(given, max_steps=max_steps, max_minutes=max_minutes, validations=validations)
        variants[name] = replace(variant, budget=budget)
    return replace(plan, variants=variants)


def _names(only: str | None, plan: Study) -> tuple[str, ...]:
    names = tuple(each.strip() for each in only.split(",")) if only else ()
    known = [*plan.parts, *plan.variants]
    for name in names:
        if name not in known:
            message = f"only: there is no {name!r}.{did_you_mean(name, known)} There are: {', '.join(known)}."
            raise UserError(message)
    return names


def _command(given: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """The words of this call, of some of its options."""
    words = ["study"]
    for name in names:
        if given[name] and (name != "jobs" or given[name] > 1):
            words += [f"--{name.replace('_', '-')}", str(given[name])]
    return words


def _draw_curves(work: Work) -> list[Path]:
    plan = work.study
    found = [
        point
        for name, variant in plan.variants.items()
        for seed in plan.seeds
        for point in points(work.run(variant, seed).path, name=name, seed=seed, tags=plan.curves)
    ]
    if not found:
        return []
    files = [write_csv(found, work.folder.path / "curves.csv")]
    groups = len({each.group for each in plan.variants.values()}) > 1
    labels = {
        name: f"{each.group}: {each.label}" if groups and each.group else each.label
        for name, each in plan.variants.items()
    }
    picture = draw(found, work.folder.path / "curves.png", labels=labels)
    return [*files, picture] if picture else files
