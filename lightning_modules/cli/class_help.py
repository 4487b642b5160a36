"""What can stand at a key: ``--model.codec.quantizer.help``, with a class or without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_modules.cli.classes import known_classes, members_for
from lightning_modules.cli.composition import merged
from lightning_modules.cli.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from lightning_modules.cli.composition import Composition

_HELP = ".help"


def class_help(composition: Composition) -> str | None:
    """Say what classes a key takes, where ``--KEY.help`` stands without one; None where there is nothing to say.

    Help on a class is jsonargparse's; here its name is checked.

    Raises:
        UserError: There is no such class.
    """
    arguments = composition.arguments
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if not option.startswith("--") or not option.endswith(_HELP):
            continue
        key = option[2:].removesuffix(_HELP)
        if key == "callbacks":
            message = "callbacks.help: name a callback, too, as in --callbacks.ema.help EMA"
            raise UserError(message)
        following = arguments[place + 1] if place + 1 < len(arguments) else "--"
        name = value if equals else "" if following.startswith("--") else following
        offered = members_for(key, _owner(key, composition))
        if not name:
            return _listing(key, offered)
        if "." not in name and name not in offered and name not in known_classes():
            listing = f"\n  Known here: {', '.join(offered)}." if offered else ""
            message = f"{key}: there is no class {name!r}.{did_you_mean(name, offered or known_classes())}{listing}"
            raise UserError(message)
    return None


def _listing(key: str, offered: list[str]) -> str:
    if not offered:
        message = f"{key}: takes no class, or the class above it is not known. Name a config, too."
        raise UserError(message)
    lines = "\n".join(f"  {name}" for name in offered)
    return f"{key} takes one of\n{lines}\n\nIts arguments: --{key}.help {offered[0]}"


def _owner(key: str, composition: Composition) -> str | None:
    """Class path of the part whose argument the key is, as the configs say; None for a top-level key."""
    *above, _ = key.split(".")
    if not above or above == ["callbacks"]:
        return None
    contents: Any = {}
    for layer in composition.layers:
        contents = merged(contents, layer)
    for part in above:
        inner = contents.get("init_args", {}) if "class_path" in contents else contents
        contents = inner.get(part) if isinstance(inner, dict) else None
        if not isinstance(contents, dict):
            return ""
    return str(contents.get("class_path", ""))
