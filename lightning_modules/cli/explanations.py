"""What the parser refuses, in one short message: the key, the value, the nearest right names, the file."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.classes import known_classes, members_for
from lightning_modules.cli.complaints import NOISE, Complaint, complaints
from lightning_modules.cli.errors import did_you_mean

if TYPE_CHECKING:
    from lightning_modules.cli.origins import Origin, Origins


def explain(message: str, *, origins: Origins, subcommand: str, options: Iterable[str]) -> str:
    """Turn what jsonargparse says, a nested trace, into one short message.

    Args:
        message: What jsonargparse says.
        origins: Which file or option said what.
        subcommand: The one that was called.
        options: Every key that the parser knows, such as ``trainer.max_epochs``.
    """
    text = _explain(message, origins, subcommand, list(options))
    return text if text is not None else _squeezed(message)


def _explain(message: str, origins: Origins, subcommand: str, options: list[str]) -> str | None:
    if match := re.match(r"unrecognized arguments: (.*)", message, re.DOTALL):
        return _unknown_option(match[1].split()[0], options)
    if match := re.match(r"Group '([\w.]+)' does not accept option '(.+?)'", message):
        return _unknown_key(f"{match[1]}.{match[2]}", origins, options)
    if match := re.match(r"Option '([\w.+]+)' is not accepted", message):
        return _unknown_key(match[1], origins, options)
    if match := re.match(r"(?:argument (\S+): )?expected (?:one|at least one) argument", message):
        return f"{match[1] or 'an option'}: a value must follow."
    if match := re.match(r"argument (\S+): (.*)", message, re.DOTALL):
        return f"{match[1].lstrip('-')}: {_squeezed(match[2])}"
    leaves = complaints(message)
    if match := re.match(r"--([\w.]+)\.help: (.*)", message):
        name = re.search(r"\"(.+?)\" is not a subclass|path string: (.+)|'([\w.]+)'", match[2])
        named = next((each for each in name.groups() if each), None) if name else None
        leaves = [Complaint(match[1].removeprefix(f"{subcommand}."), None, named, match[2])]
    if not leaves:
        return None
    depth = max(leaf.key.count(".") + bool(leaf.key) for leaf in leaves)
    deepest = [leaf for leaf in leaves if leaf.key.count(".") + bool(leaf.key) == depth]
    # what no type of several accepts stands once, under all of their complaints
    values = set(re.findall(r"^\s*Given value: (.*)$", message, re.MULTILINE))
    return _said(deepest, origins, subcommand, value=repr(values.pop()) if len(values) == 1 else "")


def _unknown_option(token: str, options: list[str]) -> str:
    if not token.startswith("-"):
        return f"{token!r} stands alone: it must follow an option, as in --config NAME.yaml."
    key, known = _first_unknown(token.lstrip("-").partition("=")[0], options)
    return f"{key}: there is no such option.{did_you_mean(key, known)}"


def _unknown_key(key: str, origins: Origins, options: list[str]) -> str:
    key, known = _first_unknown(key, options)
    origin = origins.of(key)
    return f"{key}: there is no such key{_given(origin)}.{did_you_mean(key, known)}{_from(origin)}"


def _first_unknown(key: str, options: list[str]) -> tuple[str, list[str]]:
    """The key down to its first wrong part, and the right keys of that length."""
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        start = ".".join(parts[:length])
        known = [".".join(option.split(".")[:length]) for option in options if option.count(".") >= length - 1]
        if start not in known:
            return start, known
    return key, options


def _said(leaves: list[Complaint], origins: Origins, subcommand: str, *, value: str = "") -> str:
    leaf = leaves[0]
    key = leaf.key.removeprefix(f"{subcommand}.")
    for each in leaves:
        if match := re.match(r"Option '([\w.+]+)' is not accepted", each.text):
            return _unknown_argument(key, match[1], each.named, origins)
        if match := re.match(r"Key '([\w.+]+)' is not expected", each.text):
            return _unknown_argument(key, match[1], each.named, origins)
        if match := re.match(r"the following arguments are required: (.+)", each.text):
            return _missing(key, match[1].split(", "), each.named, origins, subcommand)
    origin = origins.of(key)
    choices = [match[1] for each in leaves if (match := re.search(r"Literal\[(.*)\]", each.text))]
    if choices:
        value = repr(origin.value) if origin and origin.exact else _got(leaves) or value or "another value"
        return f"{key}: must be one of {', '.join(reversed(choices))}, got {value}.{_from(origin)}"
    for each in leaves:
        if match := _NO_CLASS.search(each.text):
            name = each.named or match["path"] or match["name"] or (str(origin.value) if origin else "")
            return _no_class(key, name, each, origin, subcommand)
    wanted = [_plain_type(match) for each in leaves if (match := _TYPE.search(each.text))]
    if wanted and len(wanted) == len(leaves):
        kinds = " or ".join(dict.fromkeys(wanted))
        value = repr(origin.value) if origin and origin.exact else _got(leaves) or value or "another type"
        return f"{key}: must be {kinds}, got {_short(value)}.{_from(origin)}"
    texts = list(dict.fromkeys(_tidy(each.text) for each in leaves))
    body = " ".join(texts)
    return f"{key}: {body}{_given(origin)}{_from(origin)}" if key else _squeezed(body)


_NO_CLASS = re.compile(
    r"has no attribute|Expected a dot import path string(: (?P<name>.+))?|No module named|"
    r"(Import path (?P<path>\S+) )?does not correspond to a subclass|"
    r"Unexpected import path format|Not a valid subclass|is not a subclass"
)
_TYPE = re.compile(r"Expected (?:a |an )?(?:<class '(?P<class>[\w.]+)'>|(?P<name>\w[\w.\[\], |]*?))(?:\. Got value|$)")


def _plain_type(match: re.Match[str]) -> str:
    return (match["class"] or match["name"]).rpartition(".")[2]


def _got(leaves: list[Complaint]) -> str:
    for each in leaves:
        if match := re.search(r"Got value: (.*)", each.text, re.DOTALL):
            return repr(match[1])
    return ""


def _unknown_argument(at: str, option: str, owner: str | None, origins: Origins) -> str:
    accepted = _parameters(owner)
    first = option.partition(".")[0]
    key = f"{at}.{option if first in accepted else first}"
    origin = origins.of(key)
    name = key.rpartition(".")[2]
    elsewhere = [each for each in origins.keys_ending_with(name) if each != key and each.startswith(f"{at}.")]
    hint = did_you_mean(name, accepted) or did_you_mean(key, elsewhere, cutoff=0.0)
    cls = (owner or "this part").rpartition(".")[2]
    takes = f"\n  {cls} takes: {', '.join(accepted)}." if accepted else f"\n  {cls} takes no arguments."
    return f"{key}: {cls} has no such argument{_given(origin)}.{hint}{takes}{_from(origin)}"


def _missing(key: str, names: list[str], owner: str | None, origins: Origins, subcommand: str) -> str:
    names = [name.removeprefix(f"{subcommand}.") for name in names]
    if not key:
        plural = "are" if len(names) > 1 else "is"
        return (
            f"{' and '.join(sorted(names, reverse=True))} {plural} required. "
            f"Name a config, as in: python cli.py {subcommand} --config stage1.yaml"
        )
    keys = ", ".join(f"{key}.{name}" for name in names)
    cls = (owner or "").rpartition(".")[2]
    return f"{keys}: required by {cls or 'this part'}, and not given.{_from(origins.of(f'{key}.{names[0]}'))}"


def _no_class(key: str, name: str, leaf: Complaint, origin: Origin | None, subcommand: str) -> str:
    offered = members_for(key, leaf.owner)
    given = origin.value if origin and isinstance(origin.value, dict) and not leaf.named else None
    name = str(given["class_path"]) if given and "class_path" in given else name
    short = name.rpartition(".")[2]
    if match := re.search(r"does not correspond to a subclass of (\w+)|is not a subclass of (\w+)", leaf.text):
        fault = f"{short} is no {match[1] or match[2]}"
    elif (match := re.search(r"No module named '([\w.]+)'", leaf.text)) and not name.startswith(match[1]):
        return f"{key}: {name} needs the module {match[1]!r}, which is not installed.{_from(origin)}"
    elif given and "class_path" not in given:
        fault = f"arguments without a class_path (given: {_short(repr(given))})"
    else:
        fault = f"there is no class {name!r}"
    # a class that is there, but of another kind, is no misspelling
    hint = "" if match else did_you_mean(short, offered or known_classes())
    listing = f"\n  Known here: {', '.join(offered)}." if offered else ""
    return f"{key.removeprefix(f'{subcommand}.')}: {fault}.{hint}{listing}{_from(origin)}"


def _parameters(class_path: str | None) -> list[str]:
    """Arguments of a class, those that it passes on to its parents by ``**kwargs`` included."""
    module, _, name = (class_path or "").rpartition(".")
    try:
        cls: Any = getattr(sys.modules.get(module) or importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return []
    names: list[str] = []
    for each in inspect.getmro(cls) if inspect.isclass(cls) else (cls,):
        init = vars(each).get("__init__") if inspect.isclass(each) else each
        if init is None:
            continue
        parameters = inspect.signature(init).parameters.values()
        names += [
            parameter.name
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name != "self"
        ]
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return list(dict.fromkeys(names))


def _given(origin: Origin | None) -> str:
    return f" (given: {_short(repr(origin.value))})" if origin and origin.exact else ""


def _from(origin: Origin | None) -> str:
    return f"\n  From: {origin.source}" if origin else ""


def _short(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."


def _tidy(text: str) -> str:
    return _short(re.sub(r"<class '(?:[\w.]+\.)?(\w+)'>", r"\1", text), 400)


def _squeezed(message: str) -> str:
    kept = [_tidy(line.strip()) for line in message.splitlines() if line.strip() and not NOISE.match(line.strip())]
    return "\n  ".join(kept[:6]) or message[:400]
