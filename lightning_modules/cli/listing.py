"""What there is to choose from: the families of the zoo and their members, read from the sources."""

from __future__ import annotations

import ast
from json import dumps
from pathlib import Path

from lightning_modules.cli.classes import PROJECT
from lightning_modules.cli.errors import UserError, did_you_mean


def list_parts(*, family: str | None = None, json: bool = False) -> None:
    """Print the parts that a config can name, one line each, with the config of each where it has one.

    Args:
        family: Only this one, such as quantizers.
        json: Print JSON, for programs.
    """
    found = parts()
    if family is not None:
        if family not in found:
            message = f"family: must be one of {', '.join(found)}, got {family!r}.{did_you_mean(family, found)}"
            raise UserError(message)
        found = {family: found[family]}
    if json:
        print(dumps(found, indent=2))
        return
    for name, members in found.items():
        print(f"{name}/")
        width = max((len(member) for member in members), default=0)
        for member, purpose in members.items():
            print(f"  {member:<{width}}  {purpose}{_in_brackets(config_of(name, member))}")
    print(
        "\nUse one, for example: python cli.py fit --config stage1.yaml --model.codec.quantizer quantizers/<name>.yaml"
        "\nTrained ones: python cli.py list models"
    )


def parts() -> dict[str, dict[str, str]]:
    """Map each family to its members and what each is for; imports nothing."""
    return {
        base.parent.name: {
            file.stem: _purpose(file)
            for file in sorted(base.parent.glob("*.py"))
            if file.stem not in ("__init__", "base")
        }
        for base in sorted((PROJECT / "zoo").glob("*/base.py"))
    }


def config_of(family: str, member: str) -> str | None:
    """The config of a part, as options name it; None for parts without one."""
    name = f"{family}/{member}.yaml"
    return name if (PROJECT / "configs" / name).is_file() else None


def _in_brackets(config: str | None) -> str:
    return f"  [{config}]" if config else ""


def _purpose(file: Path) -> str:
    """First line of the docstring of the component, or else of the file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    suffix = file.parent.name.rstrip("s")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    component = [node for node in classes if node.name.lower().endswith(suffix[:5].lower())] or classes
    text = ast.get_docstring(component[-1]) if component else None
    return (text or ast.get_docstring(tree) or "").partition("\n")[0]
