"""Find, read and expand YAML configs: names, ``extends:``, YAML files named as values; who said what is remembered."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lightning_modules.cli.classes import PROJECT, full_path
from lightning_modules.cli.errors import UserError, nearest

CONFIGS = PROJECT / "configs"
COMMAND_LINE = "the command line"
_SUFFIXES = (".yaml", ".yml")
_GROUPS = ("model", "data", "trainer", "checkpoint", "callbacks")  # a YAML named here is always read


@dataclass(frozen=True)
class Origin:
    """Who gave a value.

    Attributes:
        value: The value as given.
        source: A file, or the command line.
        exact: Whether the very key was found, not only one above it.
    """

    value: Any
    source: str
    exact: bool


class Origins:
    """Which file or option gave each key; later entries win."""

    def __init__(self) -> None:
        self._given: dict[str, tuple[Any, str]] = {}

    def add(self, key: str, value: Any, source: str) -> None:
        """Remember who gave a key."""
        key = _plain(key)
        self._given.pop(key, None)
        self._given[key] = (value, source)

    def of(self, key: str) -> Origin | None:
        """Find who gave a key, or else the nearest key above it."""
        parts = _plain(key).split(".")
        for length in range(len(parts), 0, -1):
            found = self._given.get(".".join(parts[:length]))
            if found:
                return Origin(found[0], found[1], exact=length == len(parts))
        return None


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

    def callback_names(self) -> tuple[list[str], list[str]]:
        """Name the callbacks: those that are defined somewhere, and those that the command line mentions."""
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
        return list(dict.fromkeys(defined)), list(dict.fromkeys(mentioned))


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
            _add_layers(result, each, body)
    result.arguments = list(_expanded_arguments(rest, result))
    return result


def find_config(name: str, named_in: Path | None = None) -> Path:
    """Find a config: beside the file that names it, in the working directory, then in ``configs/``.

    Its suffix may be left out.

    Raises:
        UserError: There is none; the nearest names are listed.
    """
    given = Path(name).expanduser()
    folders = [Path.cwd(), CONFIGS] if named_in is None else [named_in.parent, Path.cwd(), CONFIGS]
    for folder in [Path("/")] if given.is_absolute() else folders:
        for candidate in (folder / given, *(folder / f"{given}{suffix}" for suffix in _SUFFIXES)):
            # a file that names a config of its own name means another one, further down the list
            if candidate.is_file() and not (named_in and candidate.samefile(named_in)):
                return candidate
    raise UserError(_not_found(name, folders, named_in))


def config_name(file: Path) -> str:
    """Name the runs of a config: its place in ``configs/``, else its stem; a saved config keeps the name of its run."""
    file = file.resolve()
    if file.is_relative_to(CONFIGS):
        return str(file.relative_to(CONFIGS).with_suffix(""))
    if file.name == "config.yaml" and "runs" in file.parts[:-3]:
        after = len(file.parts) - 1 - file.parts[::-1].index("runs")
        return "/".join(file.parts[after + 1 : -2])
    return file.stem


def read(file: Path) -> dict[str, Any]:
    """Read one YAML file that holds keys.

    Raises:
        UserError: It can't be read, is no valid YAML, or says a key twice.
    """
    try:
        body = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        message = f"{shown(file)} must be valid YAML: {where}{error.problem}."
        raise UserError(message) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{shown(file)} can't be read: {error}"
        raise UserError(message) from error
    if body is None:
        return {}
    if not isinstance(body, dict):
        message = f"{shown(file)} must hold keys and values, got {type(body).__name__}."
        raise UserError(message)
    return body


def shown(file: Path) -> str:
    """Say a file as briefly as it can be found: from the working directory, from the project, or in full."""
    for folder in (Path.cwd(), PROJECT):
        if file.resolve().is_relative_to(folder):
            return str(file.resolve().relative_to(folder))
    return str(file)


class _Loader(yaml.SafeLoader):
    """YAML as jsonargparse reads it (``1e-3`` is a number, dates are text), and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)"
        r"|[-+]?\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


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
    if _is_file_name(value):
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
    if not _is_file_name(value):
        result.origins.add(key, _read_value(value), COMMAND_LINE)
        return str(_noted(value, result))
    part, contents = _part(value, key, None)
    if contents is None:
        result.origins.add(key, value, COMMAND_LINE)
        return str(part)
    expanded = _expanded(contents, key, part, result)
    result.origins.add(key, value, COMMAND_LINE)
    return yaml.safe_dump(expanded, default_flow_style=True, width=float("inf"), sort_keys=False).strip()


def _read_value(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.YAMLError:
        return text


def _options(arguments: list[str]) -> Iterator[tuple[str, str | None]]:
    for place, argument in enumerate(arguments):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            following = arguments[place + 1] if place + 1 < len(arguments) else None
            yield name, value if equals else following


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and value.endswith(_SUFFIXES) and not re.search(r"[\n{}]", value)


def _plain(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in ("init_args", "class_path"))


def _not_found(name: str, folders: list[Path], named_in: Path | None) -> str:
    known: list[str] = []  # without suffix, which would make all names alike
    for folder in dict.fromkeys(folders):
        patterns = ["**/*"] if folder == CONFIGS else ["*", "*/*", f"{Path(name).parent}/*"]
        for pattern in patterns if not Path(name).is_absolute() else []:
            found = (each for suffix in _SUFFIXES for each in folder.glob(f"{pattern}{suffix}"))
            files = [each for each in found if each.is_file()]
            known += sorted(str(each.relative_to(folder).with_suffix("")) for each in files)
    known = list(dict.fromkeys(known))
    stem = os.path.splitext(name)[0]
    near = [each for each in known if Path(each).name == Path(stem).name][:3] or nearest(stem, known)
    hint = f" Did you mean {' or '.join(f'{each}.yaml' for each in near)}?" if near else ""
    if not near:
        top = sorted(each.name for each in CONFIGS.glob("*.yaml"))
        hint = f" There are: {', '.join(top)}." if top else ""
    source = f"\n  From: {shown(named_in)}" if named_in else ""
    looked = (
        "beside that file, in the working directory and in configs/"
        if named_in
        else ("in the working directory and in configs/")
    )
    return f"there is no config {name!r}; looked {looked}.{hint}{source}"
