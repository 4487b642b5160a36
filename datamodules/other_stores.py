"""Stores of faces that lie beside one: nothing deletes them by itself, so the log says what they take, and why."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.face_store import METADATA

if TYPE_CHECKING:
    from datamodules.face_store_parameters import FaceStoreParameters


def tell_of_others(parameters: FaceStoreParameters, folder: Path) -> None:
    """Print the other stores of the same split and size, what each takes, why it is another one, how to delete it.

    Args:
        parameters: The store that is about to be rendered.
        folder: Where it will be.
    """
    found = others(folder)
    if not found:
        return
    stores = "store" if len(found) == 1 else "stores"
    total = sum(map(_size, found))
    print(
        f"Beside it: {len(found)} other {stores} of {parameters.split} faces of {parameters.size} px, "
        f"{total / 1e6:,.0f} MB. Delete what no run of yours reads any more:"
    )
    for each in found:
        print(f"  rm -r {shlex.quote(str(each))}  # {_size(each) / 1e6:,.0f} MB, {_difference(each, parameters)}")


def others(folder: Path) -> list[Path]:
    """Find the other stores of the same split and size in the folder above, finished or not."""
    kind = folder.name.rpartition("-")[0]
    own = (folder.name, f"{folder.name}.")
    beside = sorted(folder.parent.glob(f"{kind}-*"))
    return [each for each in beside if each.is_dir() and each.name != own[0] and not each.name.startswith(own[1])]


def _difference(other: Path, parameters: FaceStoreParameters) -> str:
    """Say why the other one is not the same store."""
    if other.suffix == ".partial":
        return "unfinished: broken off, unless another process is rendering it"
    try:
        stored = json.loads((other / METADATA).read_text(encoding="utf-8"))["parameters"]
        wanted = json.loads(json.dumps(asdict(parameters)))
        different = [name for name in wanted if stored.get(name) != wanted[name]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "damaged"
    if "renderer_version" in different or "format_version" in different:
        return "of another version of the renderer: no longer read"
    return f"other {', '.join(different)}"


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
