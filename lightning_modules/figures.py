"""Figures of a run in its folder, for modules whose validation says it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.files import save_json


def save_last_figures(trainer: Any) -> None:
    """Write the last validation's figures as ``metrics.json`` into the run's folder."""
    folder = trainer.log_dir
    if folder is not None and trainer.is_global_zero and not getattr(trainer, "fast_dev_run", False):
        figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        save_json(figures, Path(folder) / "metrics.json")
