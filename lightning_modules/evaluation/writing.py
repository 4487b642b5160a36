"""The files of an evaluation: metrics.json, tables, plots, sheets of faces."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lightning_modules.callbacks.grids import save_png
from lightning_modules.evaluation.breakdown import by_au, by_construct, by_subject, leakage, table_csv
from lightning_modules.evaluation.data import disagreements
from lightning_modules.evaluation.judging import COPIED, TRUE
from lightning_modules.evaluation.plots import matplotlib_is_there, plot_bars, plot_leakage, plot_precision_recall
from lightning_modules.evaluation.records import differences_of, figures_of, set_distances_of
from lightning_modules.evaluation.sheets import sheet
from lightning_modules.evaluation.tables import latex, markdown, tidy_csv
from zoo.files import save_json, save_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lightning_modules.evaluation.data import FrameSource
    from lightning_modules.evaluation.evaluation import Evaluation, SetResult
    from lightning_modules.evaluation.measurements import Measurements

FORMAT_VERSION = 1


def write_results(
    evaluation: Evaluation,
    source: FrameSource,
    results: Sequence[SetResult],
    folder: Path,
    *,
    probes: Sequence[Measurements] = (),
    baseline: str,
    plots: bool,
) -> dict[str, Any]:
    """Write everything; give the content of metrics.json.

    Args:
        evaluation: What was evaluated, how, and by whom.
        source: Where the sets come from.
        results: What was found on each set.
        probes: What was found by each probe.
        folder: Where it goes; files of an earlier evaluation there are replaced.
        baseline: The system that differences are to.
        plots: Whether to draw plots and sheets of faces.
    """
    judges = evaluation.judges
    network = None if judges.features is None else judges.features.name
    tables = [*(result.measured for result in results), *probes]
    figures = [record for table in tables for record in figures_of(table)]
    if network is not None:
        figures += [record for result in results for record in set_distances_of(result, network=network)]
    differences = [record for table in tables for record in differences_of(table, baseline)]
    details = {result.frames.name: _details(result) for result in results}
    content = _plain(
        {
            "format_version": FORMAT_VERSION,
            "data": source.record(),
            "judges": judges.records,
            "sampling": vars(evaluation.maker.sampling),
            "precision": evaluation.maker.precision,
            "systems": evaluation.maker.records,
            "notes": _notes(evaluation, source, plots=plots),
            "sets": {result.frames.name: _said(result) for result in results},
            "probes": {probe.name: {"num_people": len(set(probe.subjects)), **probe.details} for probe in probes},
            "figures": figures,
            "differences": differences,
            "details": details,
        }
    )
    save_json(content, folder / "metrics.json")
    save_text(tidy_csv(figures), folder / "table.csv")
    save_text(markdown(figures, differences), folder / "table.md")
    save_text(latex(figures), folder / "table.tex")
    for name, first in (("aus", "au"), ("constructs", "construct"), ("subjects", "subject")):
        rows = {(which, row): found[name] for which, found_in in details.items() for row, found in found_in.items()}
        save_text(table_csv(rows, first), folder / f"{name}.csv")
    for result in results if plots else ():
        _draw(result, folder, details)
    for table in tables if plots and matplotlib_is_there() else ():
        some = [each for each in figures if (each["set"], each["group"]) == (table.name, "all")]
        plot_bars(some, folder / "plots" / f"{table.name}_figures.png")
    return content


def short_table(content: Mapping[str, Any]) -> str:
    """Give what a terminal shows: the table of all frames of each set, with differences."""
    figures, differences = (
        [record for record in content[name] if record["group"] == "all"] for name in ("figures", "differences")
    )
    return markdown(figures, differences)


def _notes(evaluation: Evaluation, source: FrameSource, *, plots: bool) -> list[str]:
    """What a reader must know: models that were trained on other data, judges that are missing."""
    notes = [
        f"{system.name}: {member.path} was trained on other data: {'; '.join(differences)}."
        for system in evaluation.maker.systems
        for member in system.members
        if (differences := disagreements(source.config, source.options, member))
    ]
    for name, record in evaluation.judges.records.items():
        if "missing" in record:
            place = f" ({record['path']})" if record.get("path") else ""
            notes.append(f"No {name}: {record['missing']}{place}.")
    notes += evaluation.notes
    if plots and not matplotlib_is_there():
        notes.append('No plots: they need matplotlib. pip install "auface-zoo[data]"')
    return notes


def _draw(result: SetResult, folder: Path, details: Mapping[str, Any]) -> None:
    name = result.frames.name
    for system in result.measured.systems:
        shown = sheet(result.frames, result.tally, result.judgements[system][0], result.files[system][0])
        safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in system)
        save_png(shown, folder / "faces" / f"{name}_{safe}.png")
    if not matplotlib_is_there():
        return
    matrices = {row: found["leakage"] for row, found in details[name].items() if found["leakage"]}
    if matrices:
        plot_leakage(matrices, folder / "plots" / f"{name}_leakage.png")
        judged = {row: result.judgements[row] for row in details[name]}
        plot_precision_recall(result.tally, judged, folder / "plots" / f"{name}_precision_recall.png")


def _said(result: SetResult) -> dict[str, Any]:
    return {
        "num_frames": len(result.frames),
        "num_subjects": len(set(result.frames.labels.subject)),
        "groups": {name: int(mask.sum()) for name, mask in result.frames.groups().items()},
        "aaad_bounds": result.tally.bounds,
    }


def _details(result: SetResult) -> dict[str, dict[str, Any]]:
    """Figures by AU, construct and person of every row with pictures of its own, but for the copied reference."""
    found = {}
    for row, judgements in result.judgements.items():
        if row == COPIED:
            continue
        has_aus = judgements[0].probability is not None
        found[row] = {
            "aus": by_au(result.tally, judgements) if has_aus else {},
            "constructs": by_construct(result.tally, result.frames, judgements) if has_aus else {},
            "subjects": by_subject(result.tally, judgements) if row != TRUE else {},
            "leakage": leakage(result.tally, judgements) if has_aus else {},
            "alignment": result.alignment.get(row, []),
        }
    return found


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
