"""Hand the runs of a study to a scheduler such as SLURM: a script and a job for each, in the order of their needs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lightning_modules.cli.classes import PROJECT
from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError
from lightning_modules.study.runs import Run
from lightning_modules.study.working import Work
from zoo.files import save_json, save_text

_FIELDS = ("command", "name", "log")


def submit(
    work: Work, template: Path, *, submit_command: str, words: list[str], tell: Callable[[str], None]
) -> dict[str, str]:
    """Submit a job for each run that is not complete; give their numbers.

    Args:
        work: The study.
        template: A script in which ``{command}``, ``{name}`` and ``{log}`` stand for a run's.
        submit_command: What submits a script and prints the job's number first, such as ``sbatch --parsable``.
        words: Words of the command line that every job shares.
        tell: Is told each job.

    Raises:
        UserError: The template has no ``{command}``, or a job is refused.
    """
    try:
        text = template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"submit: must be a script with {{command}} in it, got {str(template)!r}: {error}"
        raise UserError(message) from error
    if "{command}" not in text:
        message = f"submit: {template} must have {{command}} where the run's command goes; also {{name}} and {{log}}."
        raise UserError(message)
    jobs: dict[str, str] = {}
    for run in work.runs():
        if work.is_complete(run):
            continue
        needs = [jobs[key] for name in work.study.needs(run.recipe) if (key := run.part(name).key) in jobs]
        jobs[run.key] = _submitted(work, run, text, submit_command=submit_command, words=words, needs=needs)
        tell(f"{run.key}: job {jobs[run.key]}{f', after {chr(44).join(needs)}' if needs else ''}")
        save_json(jobs, work.folder.path / "jobs" / "jobs.json")
    return jobs


def _submitted(work: Work, run: Run, template: str, *, submit_command: str, words: list[str], needs: list[str]) -> str:
    name = run.recipe.name
    command = [sys.executable, str(PROJECT / "cli.py"), "study", *words, "--only", name, "--seeds", str(run.seed)]
    folder = work.folder.path / "jobs"
    log = folder / f"{name}_seed_{run.seed}.txt"
    values = {
        "command": shlex.join(command),
        "name": f"{work.study.name}_{name}_{run.seed}".replace("/", "_"),
        "log": str(log.resolve()),
    }
    # only our fields: scripts have braces of their own
    body = re.sub(r"\{(" + "|".join(_FIELDS) + r")\}", lambda match: values[match[1]], template)
    script = save_text(body, folder / f"{name}_seed_{run.seed}.sh")
    submitting = [*shlex.split(submit_command), *([f"--dependency=afterok:{':'.join(needs)}"] if needs else [])]
    try:
        done = subprocess.run([*submitting, str(script)], capture_output=True, text=True, check=False)
    except OSError as error:
        message = f"submit: {submitting[0]!r} can't be run: {error}. --submit-command names another one."
        raise UserError(message) from error
    number = re.split(r"[;\s]", done.stdout.strip())[0]
    if done.returncode or not number:
        message = f"submit: {shlex.join(submitting)} refused {shown(script)}: {(done.stderr or done.stdout).strip()}"
        raise UserError(message)
    return number
