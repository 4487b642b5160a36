"""Find and read YAML configs by their names; needs no torch."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from lightning_modules.cli.classes import PROJECT
from lightning_modules.cli.errors import UserError, nearest

CONFIGS = PROJECT / "configs"
_SUFFIXES = (".yaml", ".yml")


def find_config(name: str, named_in: Path | None = None) -> Path:
    """Find a config: beside the file that names it, in the working directory, then in ``configs/``.

    Its suffix may be left out.

    Raises:
        UserError: There is none; the nearest names are listed.
    """
    given = Path(name).expanduser()
    folders = [Path.cwd(), CONFIGS] if named_in is None else [named_in.parent, Path.cwd(), CONFIGS]
    names_itself = False
    for folder in [Path("/")] if given.is_absolute() else folders:
        for candidate in (folder / given, *(folder / f"{given}{suffix}" for suffix in _SUFFIXES)):
            if not candidate.is_file():
                continue
            # a file that names a config of its own name means another one, further down the list
            if not (named_in and candidate.samefile(named_in)):
                return candidate
            names_itself = True
    if named_in is not None and names_itself:
        message = f"a config must not extend or name itself: {shown(named_in)}"
        raise UserError(message)
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


def is_config_name(value: Any) -> bool:
    """Whether a value names a YAML file."""
    return isinstance(value, str) and value.endswith(_SUFFIXES) and not re.search(r"[\n{}]", value)


def read_value(text: str) -> Any:
    """Read a value of the command line as the parser does; what is no YAML is text."""
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.YAMLError:
        return text


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
    alike = sorted((each for each in known if Path(each).name == Path(stem).name), key=lambda each: each.count("/"))
    near = alike[:3] or nearest(stem, known)
    hint = f" Did you mean {' or '.join(f'{each}.yaml' for each in near)}?" if near else ""
    if not near:
        top = sorted(each.name for each in CONFIGS.glob("*.yaml"))
        hint = f" There are: {', '.join(top)}." if top else ""
    source = f"\n  From: {shown(named_in)}" if named_in else ""
    looked = (
        "beside that file, in the working directory and in configs/"
        if named_in
        else "in the working directory and in configs/"
    )
    return f"there is no config {name!r}; looked {looked}.{hint}{source}"
