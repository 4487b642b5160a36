"""Draw what ``statistics.json`` counts: Figure 2 of the paper, rates of AUs, AUs that come together, constructs.

Colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; the same meaning keeps its colour.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.facs import ACTION_UNITS, ANTAGONISTS, AUS, construct_of
from zoo.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS = ("categories", "au_rates", "co_occurrence", "constructs")
"""Names of the plots, each of a file ``<name>.png``."""

_COLORS = {"single": "#56B4E9", "non_conflicting": "#009E73", "conflicting": "#D55E00"}
_TITLES = {"single": "single AU", "non_conflicting": "non-conflicting", "conflicting": "conflicting"}
_DEFINITIONS = {"antagonists": "antagonists", "interacting": "interacting constructs"}
_INK, _PALE, _BLUE = "#222222", "#BBBBBB", "#0072B2"
_STYLE = {
    "font.size": 10,
    "axes.edgecolor": _PALE,
    "axes.labelcolor": _INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#E6E6E6",
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
    "hatch.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.14,
    "figure.constrained_layout.h_pad": 0.14,
}


def draw_plots(statistics: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw all plots into a folder, and give their files.

    Args:
        statistics: What :func:`datamodules.builders.counts.count_labels` gives.
        folder: Where; made where it is not there.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    mpl = _matplotlib()
    drawings = (_categories, _au_rates, _co_occurrence, _constructs)
    with mpl.rc_context(_STYLE):  # no pyplot: nothing global changes, no display is asked for
        return [
            write_whole(folder / f"{name}.png", _drawn(draw, statistics))
            for name, draw in zip(PLOTS, drawings, strict=True)
        ]


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        message = "draw_plots: matplotlib must be installed to draw plots, got none. pip install 'matplotlib>=3.9'"
        raise ModuleNotFoundError(message) from error
    return mpl


def _drawn(draw: Callable[[Figure, Mapping[str, Any]], None], statistics: Mapping[str, Any]) -> Callable[[Path], None]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(dpi=150)
    FigureCanvasAgg(figure)
    draw(figure, statistics)
    # without the version of matplotlib in it, equal statistics give equal bytes
    return lambda path: figure.savefig(path, format="png", metadata={"Software": None}, facecolor="white")


def _categories(figure: Figure, statistics: Mapping[str, Any]) -> None:
    """Figure 2 of the paper, once for each definition of a conflict."""
    figure.set_size_inches(9.5, 6.2)
    grid = figure.add_gridspec(2, 2, height_ratios=(2.2, 1))
    found = statistics["categories"]
    highest = max(
        found[key][name][kind] for key in _DEFINITIONS for name in _COLORS for kind in ("entries", "occurrences")
    )
    for column, (key, title) in enumerate(_DEFINITIONS.items()):
        axes = figure.add_subplot(grid[0, column])
        for place, (name, color) in enumerate(_COLORS.items()):
            for side, kind in ((-0.2, "entries"), (0.2, "occurrences")):
                value = found[key][name][kind]
                filled: dict[str, Any] = (
                    {"facecolor": color} if kind == "entries" else {"facecolor": "white", "hatch": "////"}
                )
                axes.bar(place + side, value, 0.37, edgecolor=color, linewidth=1, **filled)
                _label(axes, f"{value:,}", (place + side, value))
        axes.set_title(f"conflicts: {title}")
        axes.set_xticks(range(len(_COLORS)), [_TITLES[name] for name in _COLORS])
        axes.set_ylim(0, max(highest, 1) * 1.1)
        _counts_axis(axes, labelled=column == 0)
    axes.legend(handles=_key(), frameon=False, loc="upper left", fontsize=9)
    _shares(figure.add_subplot(grid[1, :]), found)


def _shares(axes: Axes, found: Mapping[str, Any]) -> None:
    for row, key in enumerate(_DEFINITIONS):
        left = 0.0
        for name, color in _COLORS.items():
            share = 100 * (found[key][name]["share"] or 0)
            axes.barh(row, share, 0.74, left=left, color=color, edgecolor="white", linewidth=1.5)
            if share >= 5:  # a narrower one has no room for its number
                text = f"{_TITLES[name]}\n{share:.1f} %" if share >= 15 else f"{share:.1f} %"
                ink = _INK if name == "single" else "white"
                axes.text(left + share / 2, row, text, ha="center", va="center", color=ink, fontsize=9)
            left += share
    axes.set_title("shares of entries, by definition of a conflict")
    axes.set_yticks(range(len(_DEFINITIONS)), list(_DEFINITIONS.values()))
    axes.set_xlim(0, 100)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")


def _au_rates(figure: Figure, statistics: Mapping[str, Any]) -> None:
    """Present, absent and unknown, for each AU."""
    figure.set_size_inches(9.5, 4.6)
    axes = figure.subplots()
    total = statistics["entries"]["total"]
    for row, unit in enumerate(ACTION_UNITS):
        counts = statistics["aus"][str(unit)]
        present, unknown = (100 * counts[name] / total for name in ("present", "unknown"))
        axes.barh(row, present, 0.72, color=_BLUE)
        axes.barh(row, 100 - present - unknown, 0.72, left=present, color="#EEEEEE")
        axes.barh(row, unknown, 0.72, left=100 - unknown, facecolor="white", edgecolor=_PALE, hatch="////", linewidth=0)
        rate = "never known" if counts["rate"] is None else f"{100 * counts['rate']:.1f} %"
        axes.text(present + 0.8, row, rate, va="center", fontsize=9)
    axes.set_title("AUs: share of entries (figures: present among known)")
    axes.set_yticks(range(len(AUS)), [f"AU{unit.number} {unit.name}" for unit in ACTION_UNITS])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    names = (("present", {"color": _BLUE}), ("absent", {"color": "#EEEEEE"}))
    unknown_patch = ("unknown", {"facecolor": "white", "edgecolor": _PALE, "hatch": "////"})
    figure.legend(
        handles=_patches(*names, unknown_patch), frameon=False, ncols=3, fontsize=9, loc="outside lower right"
    )


def _co_occurrence(figure: Figure, statistics: Mapping[str, Any]) -> None:
    """How often the AU of a column comes with the AU of a row."""
    figure.set_size_inches(7.8, 6.8)
    axes = figure.subplots()
    counts = statistics["co_occurrence"]
    present, known = np.array(counts["present"], dtype=float), np.array(counts["known"], dtype=float)
    share = np.divide(100 * present, known, out=np.full_like(present, np.nan), where=known > 0)
    rates = [statistics["aus"][f"AU{au}"]["rate"] for au in AUS]
    colors = share.copy()
    np.fill_diagonal(colors, np.nan)
    axes.set_facecolor("#EEEEEE")
    image = axes.imshow(colors, cmap="cividis", vmin=0, vmax=100)
    for row, column in np.ndindex(share.shape):
        value = share[row, column] if row != column else 100 * (np.nan if rates[row] is None else rates[row])
        ink = "white" if row != column and value < 55 else _INK
        text = "-" if np.isnan(value) else f"{value:.0f}"
        weight = "bold" if row == column else "normal"
        axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color=ink, weight=weight)
    _outline(axes)
    names = [f"AU{au}" for au in AUS]
    axes.set_xticks(range(len(AUS)), names)
    axes.set_yticks(range(len(AUS)), names)
    axes.tick_params(length=0, labelsize=9)
    axes.spines[:].set_visible(False)
    axes.set_title("AUs that come together, in %")
    axes.set_xlabel("how often this AU is present too\n(bold: in all entries; framed: antagonists)")
    axes.set_ylabel("where this AU is present")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda value, _: f"{value:.0f} %")
    bar.outline.set_visible(False)


def _outline(axes: Axes) -> None:
    from matplotlib.patches import Rectangle

    for first, second in ANTAGONISTS:
        for row, column in ((AUS.index(first), AUS.index(second)), (AUS.index(second), AUS.index(first))):
            axes.add_patch(
                Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor="#D55E00", linewidth=1.8)
            )


def _constructs(figure: Figure, statistics: Mapping[str, Any]) -> None:
    """How many entries each construct describes, the most common first."""
    figure.set_size_inches(9.5, 8.2)
    axes = figure.subplots()
    counts = statistics["constructs"]["entries"]
    names = sorted(counts, key=lambda name: -counts[name])
    colors = {1: _COLORS["single"], 2: "#F2A97A", 3: _COLORS["conflicting"], 4: "#7A3500"}
    labels = {1: "single AU", 2: "two AUs", 3: "three AUs", 4: "four AUs"}
    for row, name in enumerate(names):
        axes.barh(row, counts[name], 0.72, color=colors[len(construct_of(name))])
        axes.annotate(
            f"{counts[name]:,}", (counts[name], row), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_title("constructs that describe the entries (Algorithm 1)")
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, max(*counts.values(), 1) * 1.1)
    axes.set_xlabel("entries")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="x")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    keys = [(labels[size], {"color": color}) for size, color in colors.items()]
    axes.legend(handles=_patches(*keys), frameon=False, loc="lower right")


def _key() -> list[Any]:
    grey = "#888888"
    filled = {"facecolor": grey, "edgecolor": grey}
    return _patches(("entries", filled), ("occurrences", {"facecolor": "white", "edgecolor": grey, "hatch": "////"}))


def _patches(*entries: tuple[str, dict[str, Any]]) -> list[Any]:
    from matplotlib.patches import Patch

    return [Patch(label=label, **look) for label, look in entries]


def _label(axes: Axes, text: str, place: tuple[float, float]) -> None:
    axes.annotate(text, place, (0, 2), textcoords="offset points", ha="center", fontsize=8)


def _counts_axis(axes: Axes, *, labelled: bool) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y")
    axes.tick_params(length=0, labelleft=labelled)
    axes.spines["left"].set_visible(False)
