"""The classes that a config can name, found by reading the sources; nothing is imported."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("zoo", "lightning_modules", "datamodules")
_CLASS = re.compile(r"^class ([A-Z]\w*)(?:\[[^\]]*\])?(?:\(([^)]*)\))?:", re.MULTILINE)
# what stands at a top-level key is one of these
_ROOTS = {"model": "TrainingModule", "data": "FaceDataModule", "callbacks": "Callback"}


@dataclass(frozen=True)
class KnownClass:
    """A class of the project.

    Attributes:
        path: Dotted path.
        bases: Names of the classes that it is derived from, as written.
    """

    path: str
    bases: tuple[str, ...]


@functools.cache
def known_classes() -> dict[str, tuple[KnownClass, ...]]:
    """Map each public class name of the project to the classes of that name."""
    found: dict[str, list[KnownClass]] = {}
    for package in PACKAGES:
        for file in sorted((PROJECT / package).rglob("*.py")):
            module = ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
            for name, bases in _CLASS.findall(file.read_text(encoding="utf-8")):
                words = tuple(re.sub(r"\[.*", "", base).strip().rpartition(".")[2] for base in bases.split(","))
                found.setdefault(name, []).append(KnownClass(f"{module}.{name}", words))
    return {name: tuple(classes) for name, classes in found.items()}


def full_path(name: str) -> str | None:
    """Give the dotted path of a class named without one; None where the project has none, or several."""
    classes = known_classes().get(name, ())
    return classes[0].path if len(classes) == 1 else None


def derived(base: str) -> list[str]:
    """Name the classes of the project that derive from one, directly or not, and that no other one derives from."""
    bases = {name for classes in known_classes().values() for each in classes for name in each.bases}
    return [
        name
        for name, classes in known_classes().items()
        if _derives(name, base) and name not in bases and not classes[0].path.startswith("lightning_modules.cli.")
    ]


def members_for(key: str, owner: str | None) -> list[str]:
    """Name the classes that may stand at a key.

    Args:
        key: Dotted key, such as ``model.codec.quantizer``.
        owner: Class path of the component whose argument it is; None for a top-level key.
    """
    root, _, rest = key.partition(".")
    if owner is None:
        return derived(_ROOTS[root]) if root in _ROOTS and (not rest or root == "callbacks") else []
    module = _imported(owner.rpartition(".")[0])
    cls = getattr(module, owner.rpartition(".")[2], None)
    if cls is None:
        return []
    parameter = inspect.signature(cls).parameters.get(key.rpartition(".")[2])
    names: list[str] = []
    for word in re.findall(r"\w+", str(parameter.annotation)) if parameter else []:
        names += derived(word) if word in known_classes() else _loaded(getattr(module, word, None))
    return names


def _derives(name: str, base: str, depth: int = 0) -> bool:
    bases = {each for known in known_classes().get(name, ()) for each in known.bases}
    return base in bases or (depth < 8 and any(_derives(each, base, depth + 1) for each in bases if each != name))


def _imported(module: str) -> Any:
    try:
        return sys.modules.get(module) or importlib.import_module(module)
    except (ImportError, ValueError):
        return None


def _loaded(base: Any) -> list[str]:
    """Names of the classes from elsewhere that derive from one and are loaded."""
    if not isinstance(base, type) or base.__module__ == "builtins":
        return []
    names: list[str] = []
    subclasses: list[type] = type.__subclasses__(base)
    for each in subclasses:
        names += [each.__name__, *_loaded(each)]
    return names
