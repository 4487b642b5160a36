"""What a bundle's config may ask for: members of the zoo, plain values that fit, and no more than its weights fill."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.modules import module as hooks

from zoo.components import component_class

_LARGEST_SIZE = 2**20
_SPARE_ELEMENTS = 2**22
_SPARE_MODULES = 10_000


def check(spec: Any, *, name: str = "config", foreign: bool = True) -> None:
    """Check what ``zoo.components.build`` is about to be given by a foreign file.

    Args:
        spec: Plain data, as :func:`zoo.components.portable` makes it.
        name: What messages call it.
        foreign: Whether it comes from others, and may not name files outside the project.

    Raises:
        ValueError: It names code, a path outside, an unknown part or argument, or a value of another kind.
    """
    if isinstance(spec, dict):
        named = sorted({"class_path", "init_args", "_target_", "__class__"} & set(spec))
        if named:
            message = f"{name} must name members of the zoo's families, and names code by {named}. It was not loaded."
            raise ValueError(message)
        if "component" in spec or "arguments" in spec:
            _check_component(spec, name, foreign)
            return
        for key, value in spec.items():
            check(value, name=f"{name}.{key}", foreign=foreign)
    elif isinstance(spec, list):
        for at, value in enumerate(spec):
            check(value, name=f"{name}[{at}]", foreign=foreign)
    elif isinstance(spec, str) and foreign:
        parts = re.split(r"[/\\]", spec)
        if ".." in parts or "\0" in spec or re.match(r"[/\\~]|[A-Za-z]:[/\\]|file:", spec):
            message = f"{name} must not lead out of the project, got {spec!r:.80}. Name files relative to it."
            raise ValueError(message)
    elif isinstance(spec, int) and not isinstance(spec, bool):
        largest = 2**63 if name.endswith(".seed") else _LARGEST_SIZE
        if abs(spec) > largest:
            message = f"{name} must be at most {largest}, got {spec!s:.80}."
            raise ValueError(message)


def _check_component(spec: dict[str, Any], name: str, foreign: bool) -> None:
    if set(spec) != {"component", "arguments"} or not isinstance(spec["arguments"], dict):
        message = f"{name} must be a component and its arguments, got the keys {sorted(spec)!r:.80}."
        raise ValueError(message)
    if not isinstance(spec["component"], str):
        message = f"{name} must name a component as family/name, got {spec['component']!r:.80}."
        raise ValueError(message)
    accepted = inspect.signature(component_class(spec["component"])).parameters
    for key, value in spec["arguments"].items():
        if key not in accepted:
            message = f"{spec['component']} does not take {key!r:.80}. It takes: {', '.join(accepted)}."
            raise ValueError(message)
        check(value, name=f"{spec['component']}.{key}", foreign=foreign)
        annotation = accepted[key].annotation
        if isinstance(annotation, str) and not fits(value, annotation):
            shown = value["component"] if isinstance(value, dict) and "component" in value else value
            message = f"{spec['component']}.{key} must be {annotation}, got {shown!r:.80}."
            raise ValueError(message)


def fits(value: Any, annotation: str) -> bool:
    """Whether plain data can be an argument of this annotation; annotations of other kinds fit anything.

    Example:
        >>> fits(3, "int | None"), fits(True, "int"), fits([1, 2], "Sequence[int]"), fits("x", "float")
        (True, False, True, False)
    """
    return any(_fits_one(value, each.strip()) for each in re.split(r"\|(?![^\[]*\])", annotation))


def _fits_one(value: Any, annotation: str) -> bool:
    if match := re.fullmatch(r"(?:Sequence|list|tuple)\[(int|float|str)(?:, \.\.\.)?\]", annotation):
        return isinstance(value, list) and all(_fits_one(each, match[1]) for each in value)
    if match := re.fullmatch(r"Literal\[(.*)\]", annotation):
        return any(type(value) is type(each) and value == each for each in ast.literal_eval(f"({match[1]},)"))
    match annotation:
        case "None":
            return value is None
        case "bool" | "str":
            return type(value).__name__ == annotation
        case "int":
            return type(value) is int
        case "float":
            return type(value) in (int, float)
    if re.fullmatch(r"[A-Z]\w*", annotation) and annotation != "Any":  # a base of a family
        if not (isinstance(value, dict) and set(value) == {"component", "arguments"}):
            return False
        return annotation in [each.__name__ for each in component_class(value["component"]).__mro__]
    return True


def mismatch(component: torch.nn.Module, state: dict[str, torch.Tensor]) -> str | None:
    """Say where weights are not those of a component, in names, shapes or kinds of numbers; None if nowhere."""
    own = component.state_dict()
    missing, unknown = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    if missing or unknown:
        said = [f"{_some(missing)} missing"] if missing else []
        return " and ".join([*said, f"{_some(unknown)} unknown"] if unknown else said)
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            return (
                f"size mismatch of {name}: {tuple(own[name].shape)} by the arguments, {tuple(tensor.shape)} in the file"
            )
        halved = own[name].dtype == torch.float32 and tensor.dtype in (torch.float16, torch.bfloat16)
        if tensor.dtype != own[name].dtype and not halved:
            return f"{name} is {own[name].dtype} by the arguments, {tensor.dtype} in the file"
    return None


@contextlib.contextmanager
def bounded_by(state: dict[str, torch.Tensor]) -> Iterator[None]:
    """Stop the building of what is far larger than its weights: a few bytes must not fill the memory.

    Raises:
        ValueError: More parameters or modules are made than the weights can be for.
    """
    elements = 2 * sum(each.numel() for each in state.values()) + _SPARE_ELEMENTS
    modules = 50 * len(state) + _SPARE_MODULES
    thread = threading.get_ident()

    def count_tensor(module: torch.nn.Module, name: str, tensor: torch.Tensor | None) -> None:
        nonlocal elements
        if tensor is not None and threading.get_ident() == thread:
            elements -= tensor.numel()
            _refuse_below(elements)

    def count_module(module: torch.nn.Module, name: str, child: torch.nn.Module | None) -> None:
        nonlocal modules
        if threading.get_ident() == thread:
            modules -= 1
            _refuse_below(modules)

    handles = (
        hooks.register_module_parameter_registration_hook(count_tensor),
        hooks.register_module_buffer_registration_hook(count_tensor),
        hooks.register_module_module_registration_hook(count_module),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _refuse_below(left: int) -> None:
    if left < 0:
        message = "its arguments ask for far more than its weights fill"
        raise ValueError(message)


def _some(names: list[str]) -> str:
    return ", ".join(name[:80] for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
