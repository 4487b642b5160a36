"""Values of a study's YAML, refused where they are of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_modules.cli.errors import UserError, did_you_mean


def strings(value: Any, where: str) -> list[str]:
    """A list of names, which may be one name.

    Raises:
        UserError: It is neither.
    """
    values = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(values, list) or any(not isinstance(each, str) for each in values):
        message = f"{where}: must be a name or a list of names, got {value!r}."
        raise UserError(message)
    return values


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Keys and values, which may be nothing.

    Raises:
        UserError: It is neither.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = f"{where}: must hold keys and values, got {value!r}."
        raise UserError(message)
    return value


def refuse_unknown(body: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse a misspelt key.

    Raises:
        UserError: There is one.
    """
    for key in body:
        if key not in known:
            message = (
                f"{where}{key}: there is no such key.{did_you_mean(str(key), known)} There are: {', '.join(known)}."
            )
            raise UserError(message)
