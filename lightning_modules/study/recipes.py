"""The config of a recipe: what it extends, overlays without what they extend, options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lightning_modules.cli.composition import merged
from lightning_modules.cli.config_files import find_config, read
from lightning_modules.study.plan import Recipe
from lightning_modules.study.reading import anchored


def config_of(recipe: Recipe, *, taken: Collection[str]) -> dict[str, Any]:
    """Give the config of a recipe: what it extends, then the overlays and options.

    Args:
        recipe: The recipe.
        taken: Names of the configs that will stand beside it.
    """
    plain: dict[str, Any] = {}
    dotted: dict[str, Any] = {}
    for name in recipe.overlays:
        overlay = find_config(name)
        body = anchored({key: value for key, value in read(overlay).items() if key != "extends"}, overlay)
        _lay(body, plain, dotted)
    _lay(recipe.options, plain, dotted)
    return {"extends": [_reachable(name, taken) for name in recipe.configs], **plain, **dotted}


def _lay(body: Mapping[str, Any], plain: dict[str, Any], dotted: dict[str, Any]) -> None:
    """Lay keys over those before; dotted ones reach into plain ones, and the later ones stand later."""
    for key, value in body.items():
        if "." in key:
            dotted.pop(key, None)
            dotted[key] = value
        else:
            plain.update(merged(plain, {key: value}))


def _reachable(name: str, taken: Collection[str]) -> str:
    """A config's name as a file in the study's folder must say it, where recipes' configs lie beside that file."""
    hidden = Path(name).parent == Path() and Path(name).stem in taken
    return str(find_config(name).resolve()) if hidden else name
