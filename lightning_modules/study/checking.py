"""Refuse a study whose names don't fit each other."""

from __future__ import annotations

from collections.abc import Collection

from lightning_modules.cli.errors import UserError, did_you_mean
from lightning_modules.study.plan import Measure, Recipe, Study

PART = "part:"
"""What a value begins with that means the run of a part."""


def check_references(study: Study) -> None:
    """Refuse names of parts, variants, measures and columns that there are not.

    Raises:
        UserError: There is one, or parts are made of each other.
    """
    owners: list[Recipe | Measure] = [*study.parts.values(), *study.variants.values(), *study.measures.values()]
    for owner in owners:
        for key, part in [*owner.parts.items(), *getattr(owner, "judges", {}).items()]:
            if part not in study.parts:
                message = f"{owner.name}: {key} must name a part, got {PART}{part}.{did_you_mean(part, study.parts)}"
                raise UserError(message)
    for name in study.parts:
        _refuse_circles(study, name, ())
    for variant in study.variants.values():
        if variant.against and variant.against not in study.variants:
            message = f"variants.{variant.name}.against: must be a variant, got {variant.against!r}."
            raise UserError(message + did_you_mean(variant.against, study.variants))
        for measure, values in variant.paper.items():
            checks: list[tuple[str, str, Collection[str]]] = [
                ("a measure", measure, study.measures),
                *(("one of table.paper_columns", column, study.table.paper_columns) for column in values),
            ]
            for kind, given, known in checks:
                if given not in known:
                    message = f"variants.{variant.name}.paper: must name {kind}, got {given!r}."
                    raise UserError(message + did_you_mean(given, known))


def _refuse_circles(study: Study, name: str, above: tuple[str, ...]) -> None:
    if name in above:
        message = f"parts: {' -> '.join((*above, name))} must not go round in a circle."
        raise UserError(message)
    for part in study.parts[name].parts.values():
        _refuse_circles(study, part, (*above, name))
