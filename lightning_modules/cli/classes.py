"""The classes that a config can name, found by reading the sources; nothing is imported."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("zoo", "lightning_modules", "datamodules")
_CLASS = re.compile(r"^class ([A-Z]\w*)", re.MULTILINE)
# where a top-level key finds its classes
_PLACES = {"model": "lightning_modules.", "data": "datamodules.", "callbacks": "lightning_modules.callbacks."}


@functools.cache
def known_classes() -> dict[str, tuple[str, ...]]:
    """Map each public class name of the project to the dotted paths that define it."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for file in sorted((PROJECT / package).rglob("*.py")):
            module = ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
            for name in _CLASS.findall(file.read_text(encoding="utf-8")):
                found.setdefault(name, []).append(f"{module}.{name}")
    return {name: tuple(paths) for name, paths in found.items()}


def full_path(name: str) -> str | None:
    """Give the dotted path of a class named without one; None where the project has none, or several."""
    paths = known_classes().get(name, ())
    return paths[0] if len(paths) == 1 else None


def members_for(key: str, owner: str | None) -> list[str]:
    """Name the classes that may stand at a key.

    Args:
        key: Dotted key, such as ``model.codec.quantizer``.
        owner: Class path of the component whose argument it is.
    """
    root, _, rest = key.partition(".")
    if owner is None:
        place = _PLACES.get(root, "") if not rest or root == "callbacks" else ""
        named = _named_under(place) if place else []
        if root == "model":  # training modules stand in files of their own, beside bases, optimisers and callbacks
            return [name for name in named if name.endswith("Module") and name != "TrainingModule"]
        return [name for name in named if name.endswith("DataModule")] if root == "data" else named
    module, _, name = owner.rpartition(".")
    try:
        parameter = inspect.signature(getattr(importlib.import_module(module), name)).parameters.get(
            key.rpartition(".")[2]
        )
    except (ImportError, AttributeError, ValueError):
        return []
    words = re.findall(r"\w+", str(parameter.annotation)) if parameter else []
    bases = [path for word in words for path in known_classes().get(word, ())]
    for base in bases:
        family = base.rpartition(".")[0].removesuffix(".base")
        members = _named_under(f"{family}." if base.startswith("zoo.") else f"{family}", but=base.rpartition(".")[2])
        if members:
            return members
    return []


def _named_under(prefix: str, but: str = "") -> list[str]:
    return [
        name
        for name, paths in known_classes().items()
        if name != but and any(path.startswith(prefix) and ".base." not in path for path in paths)
    ]
