"""Read what the table of a study looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.study.fields import mapping, refuse_unknown, strings
from lightning_modules.study.plan import Column, Recipe, TableForm


def read_table(body: dict[str, Any], variants: Mapping[str, Recipe]) -> TableForm:
    """Read what the table looks like.

    Raises:
        UserError: It says what can't be meant.
    """
    known = ("columns", "paper_columns", "paper_source", "paper_caution", "reference", "bounds", "must_beat")
    refuse_unknown(body, known, "table.")
    columns = []
    for name, given in mapping(body.get("columns"), "table.columns").items():
        column = {"figure": given} if isinstance(given, str) else mapping(given, f"table.columns.{name}")
        refuse_unknown(column, ("figure", "better", "digits", "interval"), f"table.columns.{name}.")
        columns.append(Column(name=str(name), **column))
    if not columns:
        message = "table.columns: must name a figure at least."
        raise UserError(message)
    directions = {**mapping(body.get("paper_columns"), "table.paper_columns")}
    for name, better in [*directions.items(), *((each.name, each.better) for each in columns if each.better)]:
        if better not in ("higher", "lower"):
            message = f"table: {name} must be better 'higher' or 'lower', got {better!r}."
            raise UserError(message)
    reference = str(body.get("reference") or next(iter(variants)))
    if reference not in variants:
        message = f"table.reference: must be a variant, got {reference!r}.{did_you_mean(reference, variants)}"
        raise UserError(message)
    beaten = {
        str(figure): tuple(strings(floors, f"table.must_beat.{figure}"))
        for figure, floors in mapping(body.get("must_beat"), "table.must_beat").items()
    }
    texts = {key: str(body[key]) for key in ("paper_source", "paper_caution") if key in body}
    return TableForm(
        columns=tuple(columns),
        paper_columns=directions,
        reference=reference,
        bounds=mapping(body.get("bounds"), "table.bounds"),
        must_beat=beaten,
        **texts,
    )
