"""What configs and command line say together: ``extends:``, overlays, YAML files named as values; needs no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lightning_modules.cli.classes import full_path
from lightning_modules.cli.config_files import config_name, find_config, is_config_name, read, read_value, shown
from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.cli.origins import COMMAND_LINE, Origins

_GROUPS = ("model", "data", "trainer", "checkpoint", "callbacks")  # a YAML named here is always read


@dataclass
class Composition:
    """What the configs and the command line say, before any type is known.

    Attributes:
        layers: Contents of the configs, bases first, each to be laid over those before.
        arguments: The command line without ``--config``, the YAML files in it replaced by their contents.
        origins: Who said what.
        modules: Modules that define the classes which are named without their path.
        name: What runs of this config are called.
    """

    layers: list[dict[str, Any]] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    origins: Origins = field(default_factory=Origins)
    modules: set[str] = field(default_factory=set)
    name: str = "unnamed"

    def callback_names(self) -> list[str]:
        """Name the callbacks that are defined somewhere.

        Raises:
            UserError: The command line speaks of one that is not.
        """
        defined: list[str] = []
        for layer in self.layers:
            defined += [str(name) for name in layer.get("callbacks") or {}]
        mentioned = []
        for option, value in _options(self.arguments):
            parts = option.split(".")
            if parts[0] == "callbacks" and len(parts) > 1:
                mentioned.append(parts[1])
                if len(parts) == 2 and value not in (None, "null", "None"):
                    defined.append(parts[1])
        defined = list(dict.fromkeys(defined))
        for name in mentioned:
            if name not in defined:
                message = f"callbacks.{name}: no config has such a callback.{did_you_mean(name, defined)}"
                if defined:
                    message += f"\n  There are: {', '.join(defined)}."
                raise UserError(message)
        return defined


def compose(arguments: list[str]) -> Composition:
    """Read the configs that a command line names, and the YAML files named in them and beside them.

    Args:
        arguments: The command line after the subcommand.

    Raises:
        UserError: A file is missing, is no valid YAML, or extends itself.
    """
    result = Composition()
    configs, rest = _split(arguments)
    for number, name in enumerate(configs):
        file = find_config(name)
        if number == 0:
            result.name = config_name(file)
        for each, body in _chain(file, ()):
            if "class_path" in body:
                message = (
                    f"{shown(each)} is one part, and no config of a run. Name it as a value, as in: "
                    f"--config stage1.yaml --model.codec.quantizer {name}"
                )
                raise UserError(message)
            _add_layers(result, each, body)
    result.arguments = list(_expanded_arguments(rest, result))
    return result


def _chain(file: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A file after the files that it extends, bases first."""
    if any(file.samefile(each) for each in above):
        names = " -> ".join(shown(each) for each in (*above, file))
        message = f"extends: a config must not extend itself: {names}"
        raise UserError(message)
    body = dict(read(file))
    bases = body.pop("extends", None) or []
    if not isinstance(bases, str) and not (isinstance(bases, list) and all(isinstance(each, str) for each in bases)):
        message = f"extends: must be the name of a config or a list of names, got {bases!r}.\n  From: {shown(file)}"
        raise UserError(message)
    for base in [bases] if isinstance(bases, str) else bases:
        yield from _chain(find_config(base, file), (*above, file))
    yield file, body


def _add_layers(result: Composition, file: Path, body: dict[str, Any]) -> None:
    """Plain keys first, then the dotted ones, which reach into them."""
    plain = {str(key): value for key, value in body.items() if "." not in str(key)}
    dotted = {str(key): value for key, value in body.items() if "." in str(key)}
    layers = [plain] if plain else []
    for key, value in dotted.items():
        layers.append(_nested(key, value))
    for layer in layers:
        result.layers.append({key: _expanded(value, key, file, result) for key, value in layer.items()})


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def _expanded(value: Any, key: str, file: Path, result: Composition) -> Any:
    """Replace the YAML files named in a value by what they hold, and class names by their paths."""
    if is_config_name(value):
        part, contents = _part(value, key, file)
        if contents is None:
            result.origins.add(key, value, shown(file))
            return str(part)
        expanded = _expanded(contents, key, part, result)
        result.origins.add(key, value, shown(file))
        return expanded
    result.origins.add(key, value, shown(file))
    if isinstance(value, dict):
        return {
            name: _class_path(each, result) if name == "class_path" else _expanded(each, f"{key}.{name}", file, result)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_expanded(each, f"{key}.{place}", file, result) for place, each in enumerate(value)]
    return _noted(value, result)


def _part(name: str, key: str, named_in: Path | None) -> tuple[Path, dict[str, Any] | None]:
    """The file that a value names, and its contents where they are a part; other YAML files stay paths."""
    try:
        file = find_config(name, named_in)
    except UserError as error:
        message = f"{key}: {error}"
        raise UserError(message) from None
    contents: dict[str, Any] = {}
    for _, body in _chain(file, ()):
        contents = merged(contents, body)
    return file, contents if key in _GROUPS or {"class_path", "init_args"} & set(contents) else None


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one config over another; another class drops the arguments of the former one."""
    result = dict(base)
    if "class_path" in over and over["class_path"] != base.get("class_path", over["class_path"]):
        result.pop("init_args", None)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def _class_path(value: Any, result: Composition) -> Any:
    if isinstance(value, str) and "." not in value:
        return full_path(value) or value
    return _noted(value, result)


def _noted(value: Any, result: Composition) -> Any:
    """A class named alone is known to the parser once its module is imported."""
    if isinstance(value, str) and value.isidentifier() and value[0].isupper() and (path := full_path(value)):
        result.modules.add(path.rpartition(".")[0])
    return value


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Configs first, wherever they stand: what the command line says is laid over them."""
    configs, rest = [], []
    iterator = iter(arguments)
    for argument in iterator:
        option, equals, value = argument.partition("=")
        if option in ("-c", "--config"):
            following = value if equals else next(iterator, None)
            if following is None:
                message = f"{option}: the name of a config must follow, such as stage1.yaml."
                raise UserError(message)
            configs.append(following)
        else:
            rest.append(argument)
    return configs, rest


def _expanded_arguments(arguments: list[str], result: Composition) -> Iterator[str]:
    option = ""
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue="--"):
        is_bare = argument.startswith("--") and "=" not in argument and following.startswith("--")
        if is_bare and "." in argument and not argument.endswith(".help"):
            message = f"{argument}: a value must follow."
            raise UserError(message)
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            option = "" if equals else name
            yield f"{name}={_expanded_argument(value, name, result)}" if equals else argument
        else:
            yield _expanded_argument(argument, option, result) if option else argument
            option = ""


def _expanded_argument(value: str, option: str, result: Composition) -> str:
    key = option.lstrip("-")
    if not is_config_name(value):
        result.origins.add(key, read_value(value), COMMAND_LINE)
        return str(_noted(value, result))
    part, contents = _part(value, key, None)
    if contents is None:
        result.origins.add(key, value, COMMAND_LINE)
        return str(part)
    expanded = _expanded(contents, key, part, result)
    result.origins.add(key, value, COMMAND_LINE)
    return yaml.safe_dump(expanded, default_flow_style=True, width=float("inf"), sort_keys=False).strip()


def _options(arguments: list[str]) -> Iterator[tuple[str, str | None]]:
    for place, argument in enumerate(arguments):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            following = arguments[place + 1] if place + 1 < len(arguments) else None
            yield name, value if equals else following
