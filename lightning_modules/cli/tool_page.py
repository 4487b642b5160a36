"""The help page of a tool, short: one line or two for each option, without what the tools share."""

from __future__ import annotations

import argparse
import inspect
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.help_pages import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsonargparse import ArgumentParser

_LETTERS = {"int": "N", "float": "X"}
_NARROW, _INDENT, _WIDEST = 60, 28, 110


def tool_page(function: Callable[..., Any], parser: ArgumentParser, *, program: str) -> str:
    """Say how a tool is called, what it does and what its options mean.

    Args:
        function: The tool.
        parser: What jsonargparse made of its arguments.
        program: What the tool is called.
    """
    # neither help nor what loads a whole group of options from a file
    options = [each for each in parser._actions if type(each).__name__ == "ActionTypeHint"]
    required = [each for each in options if each.required]
    call = [f"{_name(each)} {_value(each)}" for each in required]
    rest = ["[options]"] if len(required) < len(options) else []
    width = max(_NARROW, min(shutil.get_terminal_size().columns, _WIDEST))
    purpose = (inspect.getdoc(function) or "").partition("\nArgs:")[0]
    lines = [" ".join(["usage: python", program, *call, *rest]), ""]
    for paragraph in purpose.strip().split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.replace("``", "").split()), width), ""]
    lines.append("options")
    for each in sorted(options, key=lambda option: not option.required):
        lines += _rows(each, width=width)
    return "\n".join(lines) + "\n" + examples(program).rstrip("\n")


def _rows(option: argparse.Action, *, width: int) -> list[str]:
    words = " ".join(str(option.help or "").replace("``", "").split())
    default = option.default
    if option.required:
        words += " Required."
    elif not (default is None or default is False or default in ("", argparse.SUPPRESS) or isinstance(default, dict)):
        words += f" Default: {str(default).lower() if isinstance(default, bool) else default}."
    head = f"  {_name(option)} {_value(option)}".rstrip()
    told = textwrap.wrap(words, width - _INDENT) or [""]
    if len(head) + 2 > _INDENT:
        return [head, *(" " * _INDENT + line for line in told)]
    return [f"{head:<{_INDENT}}{told[0]}", *(" " * _INDENT + line for line in told[1:])]


def _name(option: argparse.Action) -> str:
    return option.option_strings[0].replace("_", "-")


def _value(option: argparse.Action) -> str:
    """What follows the option: its choices, N, X, or its own name; nothing for a switch that is off by itself."""
    metavar = option.metavar
    if isinstance(metavar, str) and metavar.startswith("{"):
        if metavar == "{true,false}" and option.default is False:
            return ""
        return metavar.strip("{}").replace(",", "|")
    kind: Any = getattr(option, "_typehint", None)
    names = {str(getattr(each, "__name__", "")) for each in (kind, *getattr(kind, "__args__", ()))}
    return next((letter for name, letter in _LETTERS.items() if name in names), option.dest.rpartition(".")[2].upper())
