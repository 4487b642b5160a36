"""Trained parts that a module is given as paths: missed before the data is prepared, loaded when they are needed."""

from __future__ import annotations

from typing import Any


def require(path: str, *, owner: object, argument: str, cure: str) -> None:
    """Raise unless there is a bundle, a run or a checkpoint at a path.

    Args:
        path: What an argument names.
        owner: Whose argument it is.
        argument: The argument.
        cure: How to come by one.

    Raises:
        WeightsNotFoundError: There is none.
    """
    from zoo.bundles import WeightsNotFoundError, find

    try:
        find(path)
    except WeightsNotFoundError as error:
        message = (
            f"{type(owner).__name__}: {argument} must be a bundle, a run's folder or a checkpoint, got {path!r}, which "
            f"does not exist. {cure}"
        )
        raise WeightsNotFoundError(message) from error


def part(given: Any, kind: type[Any], *, owner: str, argument: str) -> Any:
    """Give a part that was built, or load the one that a path names: itself, or the pipeline that has it.

    Args:
        given: The part or its path.
        kind: What it must be.
        owner: Class whose argument it is.
        argument: The argument.

    Raises:
        TypeError: The path holds something else.
    """
    if isinstance(given, kind):
        return given
    from zoo.bundles import load

    component: Any = load(str(given))
    if not isinstance(component, kind):
        component = getattr(component, argument, component)  # of a pipeline, its part of this name
    if not isinstance(component, kind):
        message = (
            f"{owner}: {argument} must be the path of a {kind.__name__}, got {given!r}, which holds a "
            f"{type(component).__name__}."
        )
        raise TypeError(message)
    return component
