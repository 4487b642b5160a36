"""The config of a recipe: what it extends, overlays without what they extend, options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_modules.cli.composition import merged
from lightning_modules.cli.config_files import find_config, read
from lightning_modules.cli.errors import UserError
from lightning_modules.study.plan import Recipe
from lightning_modules.study.reading import anchored


def config_of(recipe: Recipe, file: Path) -> dict[str, Any]:
    """Give the config of a recipe: what it extends, then the overlays and options.

    Args:
        recipe: The recipe.
        file: Where the config will stand.
    """
    plain: dict[str, Any] = {}
    dotted: dict[str, Any] = {}
    for name in recipe.overlays:
        overlay = find_config(name)
        body = anchored({key: value for key, value in read(overlay).items() if key != "extends"}, overlay)
        _lay(body, plain, dotted)
    _lay(recipe.options, plain, dotted)
    return {"extends": [_reachable(name, file) for name in recipe.configs], **plain, **dotted}


def _lay(body: Mapping[str, Any], plain: dict[str, Any], dotted: dict[str, Any]) -> None:
    """Lay keys over those before; dotted ones reach into plain ones, and the later ones stand later."""
    for key, value in body.items():
        if "." in key:
            dotted.pop(key, None)
            dotted[key] = value
        else:
            plain.update(merged(plain, {key: value}))


def _reachable(name: str, file: Path) -> str:
    """A config's name as a file in the study's folder must say it, where another one could have the same name."""
    wanted = find_config(name)
    try:
        found = find_config(name, file) if file.parent.is_dir() else wanted
    except UserError:
        return str(wanted.resolve())
    return name if found.samefile(wanted) else str(wanted.resolve())
