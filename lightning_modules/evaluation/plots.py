"""Plots of an evaluation: bars with intervals, what one AU does to the others, precision against recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.evaluation.breakdown import precision_recall
from lightning_modules.evaluation.figures import figure_named, in_order
from zoo.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lightning_modules.evaluation.contributions import Tally
    from lightning_modules.evaluation.judging import Judgement

_DPI = 110


def matplotlib_is_there() -> bool:
    """Whether plots can be drawn."""
    from lightning_utilities.core.imports import RequirementCache

    return bool(RequirementCache("matplotlib>=3.9"))


def plot_bars(records: Sequence[Mapping[str, Any]], file: Path) -> Path:
    """Draw every figure of a set as bars with intervals, systems dark, what they are read against light."""
    figures = in_order(record["figure"] for record in records)
    columns = min(3, len(figures))
    lines = -(-len(figures) // columns)
    canvas, axes = _axes(lines, columns, width=4.2, height=0.6 + 0.3 * len({each["system"] for each in records}))
    for axis, figure in zip(axes, figures, strict=False):
        some = [record for record in records if record["figure"] == figure]
        places = range(len(some))
        colours = ["#b8c4d6" if record["is_anchor"] else "#27496d" for record in some]
        values = [record["value"] for record in some]
        axis.barh(places, values, color=colours)
        for place, record in zip(places, some, strict=True):
            if record["low"] is not None and record["low"] == record["low"]:
                axis.plot([record["low"], record["high"]], [place, place], color="#d1603d", linewidth=1.6)
        axis.set_yticks(list(places), [record["system"] for record in some], fontsize=7)
        axis.invert_yaxis()
        arrow = {True: ", higher is better", False: ", lower is better", None: ""}
        axis.set_title(figure_named(figure).caption + arrow[figure_named(figure).higher_is_better], fontsize=8)
        axis.tick_params(axis="x", labelsize=7)
    return _save(canvas, file)


def plot_leakage(matrices: Mapping[str, Mapping[str, Any]], file: Path) -> Path:
    """Draw by how much the probability of each AU rises where one is asked for; a matrix for each row of the table."""
    canvas, axes = _axes(-(-len(matrices) // 3), min(3, len(matrices)), width=3.8, height=3.6)
    image = None
    for axis, (name, found) in zip(axes, matrices.items(), strict=False):
        aus = found["aus"]
        image = axis.imshow(torch.tensor(found["matrix"]).numpy(), vmin=-1, vmax=1, cmap="RdBu_r")
        axis.set_xticks(range(len(aus)), aus, fontsize=6)
        axis.set_yticks(range(len(aus)), aus, fontsize=6)
        axis.set_xlabel("AU seen", fontsize=7)
        axis.set_ylabel("AU asked for", fontsize=7)
        axis.set_title(name, fontsize=8)
    if image is not None:
        canvas.colorbar(image, ax=list(axes), shrink=0.7)
    return _save(canvas, file)


def plot_precision_recall(tally: Tally, judgements: Mapping[str, Sequence[Judgement]], file: Path) -> Path:
    """Draw precision against recall of each AU, one line for each row of the table."""
    canvas, axes = _axes(-(-len(tally.aus) // 4), 4, width=2.6, height=2.3)
    for column, (axis, au) in enumerate(zip(axes, tally.aus, strict=False)):
        known = tally.known[:, column]
        asked = tally.occurrence[:, column][known]
        for name, members in judgements.items():
            seen = [each.probability[:, column][known] for each in members if each.probability is not None]
            if seen and bool(asked.any()):
                recall, precision = precision_recall(torch.cat(seen), asked.repeat(len(seen)))
                axis.step(recall.numpy(), precision.numpy(), where="pre", linewidth=1, label=name)
        axis.set_title(f"AU{au}", fontsize=8)
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1.02)
        axis.tick_params(labelsize=6)
    drawn = next((axis for axis in axes if axis.get_legend_handles_labels()[0]), None)
    if drawn is not None:
        drawn.legend(fontsize=5)
    canvas.supxlabel("recall", fontsize=8)
    canvas.supylabel("precision", fontsize=8)
    return _save(canvas, file)


def _axes(lines: int, columns: int, *, width: float, height: float) -> tuple[Any, Any]:
    # neither pyplot nor its global state: figures are drawn to files alone
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width * columns, height * lines), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = drawn.subplots(lines, columns, squeeze=False).ravel()
    return drawn, axes


def _save(drawn: Any, file: Path) -> Path:
    for axis in drawn.axes:
        if not axis.has_data():
            axis.set_visible(False)
    return write_whole(file, lambda temporary: drawn.savefig(temporary, format="png", dpi=_DPI))
