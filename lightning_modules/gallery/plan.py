"""What a figure shows, as its YAML says it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightning_modules.cli.config_files import find_config, read, shown
from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.cli.synthesis_cases import SynthesisCase
from zoo.facs.composer import Composer
from zoo.facs.labels import parse_labels

LAYOUTS = ("systems", "people", "tiles")
_KEYS = ("title", "layout", "style", "columns", "words", "reference", "reference_seed", "systems", "cases")
_CASE = ("name", "aus", "reference", "reference_seed", "seed", "label")


@dataclass(frozen=True)
class FigureCase:
    """A face of a figure.

    Attributes:
        case: What ``synthesize`` is asked for.
        label: What the figure calls it; may be empty.
        description: What it is to do, in words.
    """

    case: SynthesisCase
    label: str
    description: str

    @property
    def aus(self) -> str:
        """Its AUs, as the paper writes them."""
        return "+".join(map(str, parse_labels(self.case.aus or ""))) or "at rest"


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        title: Its heading; may be empty.
        layout: ``systems``: a row for each case, a column for each system; ``people``: a row for each reference face, a
            column for each set of AUs; ``tiles``: one person, the reference face first, then case after case.
        systems: Path of each system, by its name.
        cases: What is shown.
        columns: Tiles of a row.
        words: Whether descriptions are written out.
    """

    title: str
    layout: str
    systems: dict[str, str]
    cases: tuple[FigureCase, ...]
    columns: int = 4
    words: bool = True


def read_figure(config: str, *, systems: dict[str, str | None] | None = None) -> Figure:
    """Read a figure.

    Args:
        config: Its name, searched as any config's.
        systems: More systems, or other paths of those that it names; None takes one out.

    Raises:
        UserError: There is no such file, or it says what can't be meant.
    """
    file = find_config(config)
    try:
        return _figure(read(file), file, systems or {})
    except (UserError, ValueError) as error:
        message = f"{shown(file)}: {str(error).removeprefix('synthesize: ')}"
        raise UserError(message) from error


def _figure(body: dict[str, Any], file: Path, systems: dict[str, str | None]) -> Figure:
    _refuse_unknown(body, _KEYS, "")
    layout = body.get("layout", "systems")
    if layout not in LAYOUTS:
        message = f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}."
        raise UserError(message)
    named = {**(body.get("systems") or {}), **systems}
    paths = {str(name): str(path) for name, path in named.items() if path is not None}
    if not paths:
        message = "systems must name one at least, such as `VQ-AUFace: models/vq_auface`, got none."
        raise UserError(message)
    shared: dict[str, Any] = {key: body[key] for key in ("reference", "reference_seed") if key in body}
    style = str(body.get("style", "short"))
    given = body.get("cases") or []
    if not given:
        message = "cases must be a list of one at least, such as `- {aus: '6,12'}`, got none."
        raise UserError(message)
    people = shared.get("reference_seed")
    if isinstance(people, list):
        if layout != "people":
            message = (
                f"reference_seed must be one number for layout {layout}, got {people}: several need layout people."
            )
            raise UserError(message)
        shared.pop("reference_seed")
        given = [{**each, "reference_seed": person} for person in people for each in given]
    cases = tuple(_case({**shared, **each}, number, file, style) for number, each in enumerate(given, 1))
    return Figure(
        title=str(body.get("title") or ""),
        layout=layout,
        systems=paths,
        cases=cases,
        columns=int(body.get("columns", 4)),
        words=bool(body.get("words", True)),
    )


def _case(body: dict[str, Any], number: int, file: Path, style: str) -> FigureCase:
    where = f"cases[{number}]."
    _refuse_unknown(body, _CASE, where)
    label = str(body.pop("label", ""))
    aus = body.get("aus")
    if not isinstance(aus, str):
        message = f"{where}aus must be text, such as '6,12', got {aus!r}."
        raise UserError(message)
    reference = body.get("reference")
    if reference is not None and not Path(reference).is_absolute():
        body["reference"] = str(file.parent / reference)
    case = SynthesisCase(**body)
    # as synthesize words it, so that the figure says what a model that reads this style was told
    description = Composer(style=style, seed=case.seed).describe(parse_labels(aus))
    return FigureCase(case if case.name else replace(case, name=f"case_{number:02d}"), label, description)


def _refuse_unknown(body: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in body:
        if key not in known:
            message = f"{where}{key} is not known.{did_you_mean(key, known)} There are: {', '.join(known)}."
            raise UserError(message)
