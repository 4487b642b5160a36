"""What weights are now, and what a part is made of that has its weights from others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.classes import PROJECT
from lightning_modules.cli.config_files import find_config, read

if TYPE_CHECKING:
    from lightning_modules.study.runs import Run

CHECKPOINTS = ("best.ckpt", "last.ckpt")


def stamp(path: Path) -> str:
    """Give what changes when the weights at a place do."""
    files = [path / "checkpoints" / name for name in CHECKPOINTS]
    files += [path / "model.safetensors", path]
    file = next(each for each in files if each.is_file() or each == path)
    status = os.stat(file)
    return f"{file.name} {status.st_size} {status.st_mtime_ns}"


def sources_of(run: Run) -> dict[str, Any]:
    """Say of what a part is made: its YAML, and the weights that it names."""
    assert run.recipe.trained is not None
    content = read(find_config(run.recipe.trained))
    named = [Path(each) for each in (content.get("init_args") or {}).values() if isinstance(each, str)]
    return {"part": content, "weights": [stamp(place) for each in named if (place := found(each)).exists()]}


def found(path: Path) -> Path:
    """Find weights as ``zoo.load`` does: from the working directory, else in the project."""
    return path if path.exists() or not (PROJECT / path).exists() else PROJECT / path
