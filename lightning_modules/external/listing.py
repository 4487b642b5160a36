"""The lists beside a system's pictures: what it was told for each, and what it failed at."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from lightning_modules.external.cases import told
from zoo.files import save_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lightning_modules.external.base import ExternalCase
    from lightning_modules.external.declaration import Declaration

MANIFEST, FAILED = "manifest.csv", "failed.csv"
_COLUMNS = ("frame", "image", "subject", "aus", "aus_told", "text_told", "seed", "system")


def write_manifest(folder: Path, declaration: Declaration, cases: Iterable[ExternalCase]) -> None:
    """List the pictures of cases; those of earlier cases stay listed as long as they are there."""
    rows = {case.name: _row(declaration, case) for case in cases}
    earlier = folder / MANIFEST
    if earlier.is_file():
        with earlier.open(newline="", encoding="utf-8") as file:
            listed = [row for row in csv.DictReader(file) if tuple(row) == _COLUMNS]
        rows = {**{row["frame"]: row for row in listed if (folder / row["image"]).is_file()}, **rows}
    _save(folder / MANIFEST, _COLUMNS, (rows[name].values() for name in sorted(rows)))


def write_failures(folder: Path, failed: Mapping[str, str]) -> None:
    """List what failed and why; no list where nothing did."""
    if failed:
        _save(folder / FAILED, ("frame", "why"), failed.items())
    else:
        (folder / FAILED).unlink(missing_ok=True)


def _row(declaration: Declaration, case: ExternalCase) -> dict[str, Any]:
    given = told(case, declaration.takes)
    aus, aus_told = (" ".join(map(str, each)) for each in (case.aus, given.aus))
    cells = (case.name, f"{case.name}.png", case.subject, aus, aus_told, given.text, case.seed, declaration.name)
    return dict(zip(_COLUMNS, cells, strict=True))


def _save(file: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    save_text(text.getvalue(), file)
