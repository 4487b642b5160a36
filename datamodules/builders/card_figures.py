"""The figures of a data set's card: tables from ``statistics.json``, each with its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamodules.builders.statistics import OTHER_DATA, PLOTS
from zoo.facs import ACTION_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CAPTIONS = {
    "categories": "Entries and occurrences by category (Figure 2 of the paper)",
    "au_rates": "Rates of the AUs",
    "co_occurrence": "AUs that come together",
    "constructs": "Constructs",
}
"""What the plots show, by their names."""
_DEFINITIONS = {"antagonists": "antagonists", "interacting": "interacting constructs"}
_CATEGORIES = {"single": "single AU", "non_conflicting": "non-conflicting", "conflicting": "conflicting"}


def figures(statistics: Mapping[str, Any], plots: Sequence[str]) -> str:
    """Write the section of the figures; ``plots`` names those that were drawn."""
    entries, subjects = statistics["entries"], statistics["subjects"]
    parts = ["## Figures", f"Definitions: {entries['definition']} {subjects['definition']}"]
    parts.append(
        table(
            ("split", "entries", "subjects", "AU sets", "entries of AU sets that training lacks"),
            [
                (
                    name,
                    f"{count:,}",
                    f"{subjects['by_split'][name]['subjects']:,}",
                    f"{statistics['au_sets']['distinct_by_split'][name]:,}",
                    "" if name == "train" else f"{statistics['unseen_sets'][name]['entries']:,}",
                )
                for name, count in entries["by_split"].items()
            ],
        )
    )
    parts += [_categories(statistics["categories"]), _paper(statistics["paper"]), _aus(statistics["aus"])]
    parts += [_texts(statistics["table_7"]), *(f"![{CAPTIONS[name]}]({PLOTS}/{name}.png)" for name in plots)]
    return "\n\n".join(parts)


def _categories(found: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{label}: {title}",
            f"{part['entries']:,}",
            _percent(part["share"]),
            f"{part['occurrences']:,}",
            _percent(part["occurrence_share"]),
        )
        for key, label in _DEFINITIONS.items()
        for name, title in _CATEGORIES.items()
        for part in (found[key][name],)
    ]
    definitions = [f"- *{label}*: {found[key]['definition']}" for key, label in _DEFINITIONS.items()]
    definitions += [f"- *{title}*: {found['antagonists'][name]['definition']}" for name, title in _CATEGORIES.items()]
    return "\n\n".join(
        (
            "### Conflicting AUs (section 3.4 and Figure 2 of the paper)",
            "\n".join(definitions) + f"\n- {found['definition']}",
            table(("conflicts by: category", "entries", "share", "occurrences", "share of occurrences"), rows),
        )
    )


def _paper(paper: Mapping[str, Any]) -> str:
    claim = (
        f"{_percent(paper['conflicting_share'])} of {paper['images']:,} entries conflicting "
        f"({paper['conflicting_entries']:,}), {paper['conflicting_occurrences']:,} occurrences; {paper['words']} words "
        f"in a text. {paper['definition']}"
    )
    if paper["heading"] == OTHER_DATA:
        note = "These are figures of *other data* than this folder's; agreement or difference says nothing."
    else:
        differences = ", ".join(
            f"{count:+,} by {_DEFINITIONS[name]}" for name, count in paper["difference_of_conflicting_entries"].items()
        )
        note = f"This folder's conflicting entries differ from the paper's: {differences}."
    return f"### The paper's claim ({paper['heading']})\n\n{claim} {note}"


def _aus(found: Mapping[str, Any]) -> str:
    rows = [
        (f"AU{unit.number} {unit.name}", *(f"{part[name]:,}" for name in ("present", "absent", "unknown")), rate)
        for unit in ACTION_UNITS
        for part in (found[str(unit)],)
        for rate in (_percent(part["rate"]),)
    ]
    counted = table(("AU", "present", "absent", "unknown", "rate"), rows)
    return f"### AUs\n\nDefinition: {found['definition']}\n\n{counted}"


def _texts(found: Mapping[str, Any]) -> str:
    words = found["words"]
    row = (
        f"{found['images']:,}",
        f"{found['texts']:,}",
        f"{words['fewest']} to {words['most']} (median {words['median']:g})",
        found["annotation_method"],
        found["text_focus"],
    )
    return (
        f"### Texts (the row of Table 7 of the paper)\n\nDefinition: {found['definition']}\n\n"
        + table(("images", "texts", "words", "annotation method", "text focus"), [row])
        + f"\n\n{found['distinct_texts']:,} of the texts differ."
        + (f" {found['possible_texts']:,} are possible." if found["possible_texts"] else "")
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
