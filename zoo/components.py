"""What every interchangeable part has in common: it remembers how it was built.

A part built by YAML and one built in Python can both be said as plain data (class and arguments), and
rebuilt from it. Only classes that a walk over the families of ``zoo`` finds are ever built from data:
a foreign file can name nothing else.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from abc import ABC
from pathlib import Path
from typing import Any

from torch import nn

from zoo.hub import Pretrained
from zoo.recorded import Recorded as Recorded

_ZOO = Path(__file__).parent


class Component(Pretrained, Recorded, nn.Module, ABC):
    """A member of a family: one file, one YAML, recorded arguments. Families derive an abstract base from it."""


def specification(part: object) -> Any:
    """Say a part as plain data: ``{"class_path", "init_args"}`` as in a YAML, recursively.

    A part that waits for sizes, ``functools.partial(Class, ...)``, is said by the arguments that it has.

    Raises:
        TypeError: A part or one of its arguments cannot be said as plain data.
    """
    if isinstance(part, Recorded):
        arguments = getattr(part, "_arguments", {})
        path = f"{type(part).__module__}.{type(part).__qualname__}"
        return {"class_path": path, "init_args": {name: specification(value) for name, value in arguments.items()}}
    if isinstance(part, functools.partial):
        cls = next(
            (each for each in (part.func, *part.args) if inspect.isclass(each) and issubclass(each, Recorded)), None
        )
        if cls is not None:
            path = f"{cls.__module__}.{cls.__qualname__}"
            return {
                "class_path": path,
                "init_args": {name: specification(value) for name, value in part.keywords.items()},
            }
    if isinstance(part, dict):
        return {name: specification(value) for name, value in part.items()}
    if isinstance(part, list | tuple | set | frozenset):
        return [specification(value) for value in part]
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, Path):
        return str(part)
    message = f"specification: arguments must be numbers, text, lists or zoo parts, got {type(part).__name__}."
    raise TypeError(message)


def families() -> dict[str, tuple[str, ...]]:
    """Name the members of each family, by the files of ``zoo``; imports nothing."""
    return {
        base.parent.name: tuple(
            sorted(file.stem for file in base.parent.glob("*.py") if file.stem not in {"__init__", "base"})
        )
        for base in sorted(_ZOO.glob("*/base.py"))
    }


def component_class(name: str) -> type[Component]:
    """Find the class of ``family/name``, such as ``quantizers/residual``.

    Raises:
        ValueError: There is no such member.
    """
    family, _, member = name.partition("/")
    known = families()
    if family not in known or member not in known[family]:
        offered = ", ".join(f"{family}/{each}" for each in known.get(family, ())) or ", ".join(known)
        message = f"component must be a member of the zoo's families, got {name!r}. Known: {offered}."
        raise ValueError(message)
    module = importlib.import_module(f"zoo.{family}.{member}")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Component)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    ]
    if len(found) != 1:
        message = f"zoo.{family}.{member} must define exactly one component, found {[each.__name__ for each in found]}."
        raise ValueError(message)
    return found[0]


def component_name(part: Component | type[Component]) -> str:
    """Name a component as ``family/name``, the inverse of :func:`component_class`."""
    cls = part if isinstance(part, type) else type(part)
    return _name_in_zoo(cls.__module__)


def _name_in_zoo(module: str) -> str:
    """Turn ``zoo.family.member`` into ``family/member``; what is outside ``zoo`` keeps its dots, and is no member."""
    return "/".join(module.split(".")[1:]) if module.startswith("zoo.") else module


def portable(spec: Any) -> Any:
    """Turn a specification into the form of bundles, ``{"component": "family/name", "arguments": {...}}``.

    Raises:
        ValueError: It names a class outside the families of ``zoo``.
    """
    if isinstance(spec, dict) and set(spec) == {"class_path", "init_args"}:
        module, _, _ = spec["class_path"].rpartition(".")
        name = _name_in_zoo(module)
        component_class(name)
        return {"component": name, "arguments": {key: portable(value) for key, value in spec["init_args"].items()}}
    if isinstance(spec, dict):
        return {key: portable(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [portable(value) for value in spec]
    return spec


def build(spec: Any) -> Any:
    """Build what :func:`portable` said, from the families of ``zoo`` alone.

    Raises:
        ValueError: The data names an unknown component or argument.
    """
    if isinstance(spec, dict) and set(spec) == {"component", "arguments"}:
        cls = component_class(spec["component"])
        accepted = inspect.signature(cls).parameters
        unknown = sorted(set(spec["arguments"]) - set(accepted))
        if unknown:
            message = f"{spec['component']} does not take {unknown}. It takes: {', '.join(accepted)}."
            raise ValueError(message)
        return cls(**{key: build(value) for key, value in spec["arguments"].items()})
    if isinstance(spec, dict):
        return {key: build(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [build(value) for value in spec]
    return spec
