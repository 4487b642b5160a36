"""Read a study's YAML, with what it extends; refuse what can't be meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_modules.cli.composition import merged
from lightning_modules.cli.config_files import CONFIGS, config_name, find_config, is_config_name, read, shown
from lightning_modules.cli.errors import UserError
from lightning_modules.study.checking import PART, check_references
from lightning_modules.study.fields import mapping, refuse_unknown, strings
from lightning_modules.study.plan import Budget, Measure, Recipe, Study
from lightning_modules.study.table_form import read_table

TEST = (
    "test --config {run}/config.yaml --ckpt_path {run} --trainer.default_root_dir {folder} --run measured",
    "{folder}/*/measured/metrics.json",
)
"""The measurement of a study that names none, and where it writes."""
_KEYS = ("title", "note", "base", "seeds", "budget", "parts", "variants", "measures", "table", "curves")
_RECIPE = ("configs", "overlays", "set", "budget", "trained", "minutes")
_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")


def read_study(config: str, *, overlay: str | None = None) -> Study:
    """Read a study.

    Args:
        config: Its name, searched as any config's.
        overlay: A second file, laid over it.

    Raises:
        UserError: A file is missing or says what can't be meant.
    """
    file = find_config(config)
    body = _body(file, ())
    if overlay is not None:
        body = merged(body, _body(find_config(overlay), ()))
    try:
        return _study(_name_of(file), body)
    except UserError as error:
        message = f"{shown(file)}: {error}"
        raise UserError(message) from error


def anchored(value: Any, file: Path) -> Any:
    """Have configs named in a file found from everywhere: by their place in ``configs/``, else by their full path."""
    if isinstance(value, Mapping):
        return {key: anchored(each, file) for key, each in value.items()}
    if isinstance(value, list):
        return [anchored(each, file) for each in value]
    if not is_config_name(value) or "{" in value or " " in value:
        return value
    found = find_config(value, file).resolve()
    return str(found.relative_to(CONFIGS) if found.is_relative_to(CONFIGS) else found)


def _name_of(file: Path) -> str:
    """Its place in ``configs/studies/``, else its stem."""
    return config_name(file).removeprefix("studies/")


def _body(file: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """A file over what it extends."""
    if any(file.samefile(each) for each in above):
        message = f"extends: a study must not extend itself: {' -> '.join(shown(each) for each in (*above, file))}"
        raise UserError(message)
    body = dict(read(file))
    bases = body.pop("extends", None) or []
    result: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        result = merged(result, _body(find_config(base, file), (*above, file)))
    return merged(result, anchored(body, file))


def _study(name: str, body: dict[str, Any]) -> Study:
    refuse_unknown(body, _KEYS, "")
    base = mapping(body.get("base"), "base")
    refuse_unknown(base, ("configs", "overlays", "set"), "base.")
    budget = _budget(body.get("budget"), "budget")
    parts = {each: _part(each, given) for each, given in _entries(body, "parts")}
    variants = {each: _variant(each, given, base, budget) for each, given in _entries(body, "variants")}
    if not variants:
        message = "variants: a study must have one at least."
        raise UserError(message)
    if both := set(parts) & set(variants):
        message = f"variants: {sorted(both)[0]!r} must not be the name of a part as well."
        raise UserError(message)
    measures = {each: _measure(each, given) for each, given in _entries(body, "measures")}
    study = Study(
        name=name,
        title=str(body.get("title") or name),
        note=str(body.get("note") or "").strip(),
        seeds=tuple(_seeds(body.get("seeds", [0]))),
        parts=parts,
        variants=variants,
        measures=measures or {"test": _measure("test", {})},
        table=read_table(mapping(body.get("table"), "table"), variants),
        curves=tuple(strings(body.get("curves"), "curves")),
    )
    check_references(study)
    return study


def _entries(body: Mapping[str, Any], group: str) -> list[tuple[str, dict[str, Any]]]:
    """Named entries, but for those that an overlay has set to null."""
    entries = [(str(name), each) for name, each in mapping(body.get(group), group).items() if each is not None]
    for name, _ in entries:
        if not _NAME.fullmatch(name):
            message = f"{group}: names must be of a to z, 0 to 9 and _, as they name folders, got {name!r}."
            raise UserError(message)
    return [(name, mapping(each, f"{group}.{name}")) for name, each in entries]


def _part(name: str, body: dict[str, Any]) -> Recipe:
    where = f"parts.{name}"
    refuse_unknown(body, (*_RECIPE, "per_seed", "seed"), f"{where}.")
    if "budget" in body:
        message = f"{where}.budget: parts train as long as their configs say. Set trainer.max_steps under `set`."
        raise UserError(message)
    options, parts = _options(body.get("set"), f"{where}.set")
    recipe = Recipe(
        name=name,
        configs=tuple(strings(body.get("configs"), f"{where}.configs")),
        overlays=tuple(strings(body.get("overlays"), f"{where}.overlays")),
        options=options,
        parts=parts,
        trained=body.get("trained"),
        per_seed=bool(body.get("per_seed", False)),
        seed=int(body.get("seed", 0)),
        minutes=body.get("minutes"),
        is_part=True,
        label=name,
    )
    return _checked(recipe, where)


def _variant(name: str, body: dict[str, Any], base: dict[str, Any], budget: Budget | None) -> Recipe:
    where = f"variants.{name}"
    refuse_unknown(body, (*_RECIPE, "label", "group", "against", "measured_with", "paper"), f"{where}.")
    options, parts = _options(base.get("set"), "base.set")
    own_options, own_parts = _options(body.get("set"), f"{where}.set")
    for key in (*own_options, *own_parts):  # what comes later stands later
        options.pop(key, None)
        parts.pop(key, None)
    measured_with, judges = _options(body.get("measured_with"), f"{where}.measured_with")
    paper = {
        str(measure): {str(column): float(value) for column, value in mapping(values, f"{where}.paper").items()}
        for measure, values in mapping(body.get("paper"), f"{where}.paper").items()
    }
    recipe = Recipe(
        name=name,
        configs=(*strings(base.get("configs"), "base.configs"), *strings(body.get("configs"), f"{where}.configs")),
        overlays=(
            *strings(base.get("overlays"), "base.overlays"),
            *strings(body.get("overlays"), f"{where}.overlays"),
        ),
        options={**options, **own_options},
        parts={**parts, **own_parts},
        budget=_budget(body["budget"], f"{where}.budget") if "budget" in body else budget,
        trained=body.get("trained"),
        minutes=body.get("minutes"),
        label=str(body.get("label") or name),
        group=str(body.get("group") or ""),
        against=str(body.get("against") or ""),
        measured_with=measured_with,
        judges=judges,
        paper=paper,
    )
    return _checked(recipe, where)


def _checked(recipe: Recipe, where: str) -> Recipe:
    if recipe.trained is None and not recipe.configs:
        message = f"{where}.configs: must name a config at least, or `trained` what is trained already."
        raise UserError(message)
    return recipe


def _measure(name: str, body: dict[str, Any]) -> Measure:
    where = f"measures.{name}"
    refuse_unknown(body, ("label", "command", "figures", "set", "minutes"), f"{where}.")
    if body.get("command") and not body.get("figures"):
        message = f"{where}.figures: must name the JSON file that the command writes."
        raise UserError(message)
    options, parts = _options(body.get("set"), f"{where}.set")
    command = body.get("command") or ("" if body.get("figures") else TEST[0])
    if not command and (options or parts):
        message = f"{where}.set: there is no command that could take it."
        raise UserError(message)
    return Measure(
        name=name,
        label=str(body.get("label") or name),
        command=tuple(command.split() if isinstance(command, str) else map(str, command)),
        figures=str(body.get("figures") or TEST[1]),
        options=options,
        parts=parts,
        minutes=body.get("minutes"),
    )


def _budget(body: Any, where: str) -> Budget | None:
    if body is None:
        return None
    body = mapping(body, where)
    refuse_unknown(body, ("max_steps", "max_minutes", "validations", "clocked_steps"), f"{where}.")
    given = {key: value for key, value in body.items() if value is not None}
    if ("max_steps" in given) == ("max_minutes" in given):
        message = f"{where}: must have max_steps or max_minutes, one of them, got {sorted(given)}."
        raise UserError(message)
    for key, value in given.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            message = f"{where}.{key}: must be a number above 0, got {value!r}."
            raise UserError(message)
    budget = Budget(**given)
    if budget.max_steps is not None and budget.validations > budget.max_steps:
        message = f"{where}.validations: must be at most max_steps, got {budget.validations} for {budget.max_steps}."
        raise UserError(message)
    return budget


def _options(body: Any, where: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Split what is set into values and parts."""
    options, parts = {}, {}
    for key, value in mapping(body, where).items():
        if isinstance(value, str) and value.startswith(PART):
            parts[str(key)] = value.removeprefix(PART)
        else:
            options[str(key)] = value
    return options, parts


def _seeds(value: Any) -> list[int]:
    seeds = value if isinstance(value, list) else [value]
    if not seeds or any(not isinstance(each, int) or isinstance(each, bool) or each < 0 for each in seeds):
        message = f"seeds: must be a list of whole numbers, such as [0, 1, 2], got {value!r}."
        raise UserError(message)
    return list(dict.fromkeys(seeds))
