"""Where a study keeps what, and what it knows of its runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError
from zoo.files import save_json


@dataclass(frozen=True)
class StudyFolder:
    """Where a study keeps what.

    Attributes:
        path: The folder.
    """

    path: Path

    def source(self, name: str) -> Path:
        """What the config of a part or variant is made of."""
        return self.path / "sources" / f"{name}.yaml"

    def config(self, name: str) -> Path:
        """The config of a part or variant, whole."""
        return self.path / "configs" / f"{name}.yaml"

    def run(self, name: str, seed: int) -> Path:
        """The run of a part or variant."""
        return self.path / "runs" / name / f"seed_{seed}"

    def state(self, name: str, seed: int) -> Path:
        """What is known of a run."""
        return self.path / "state" / name / f"seed_{seed}.json"

    def log(self, name: str, what: str) -> Path:
        """What a process printed."""
        return self.path / "logs" / name / f"{what}.txt"

    def measured(self, name: str, seed: int, measure: str) -> Path:
        """Where a measurement writes."""
        return self.path / "measured" / measure / name / f"seed_{seed}"

    def measured_state(self, name: str, seed: int, measure: str) -> Path:
        """What was measured."""
        return self.path / "state" / name / f"seed_{seed}_{measure}.json"

    def budget(self, name: str) -> Path:
        """How many steps the minutes of a variant are."""
        return self.path / "state" / name / "steps_in_minutes.json"

    def lock(self, name: str, what: str) -> Path:
        """What only one process at a time holds."""
        return self.path / "state" / name / f"{what}.lock"


def read_state(file: Path) -> dict[str, Any]:
    """Read what is known of a run; empty where nothing is."""
    try:
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        message = f"{shown(file)} must be JSON that a study wrote, and can't be read: {error}. Delete it to train anew."
        raise UserError(message) from error
    return state


def note_state(file: Path, **news: Any) -> dict[str, Any]:
    """Add to what is known of a run."""
    state = {**read_state(file), **news}
    save_json(state, file)
    return state
