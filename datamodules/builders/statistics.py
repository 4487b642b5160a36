"""Write the statistics of an AU text folder: every figure with its definition, beside what the paper states."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.builders import definitions
from datamodules.builders.counts import Labels, count_labels
from datamodules.builders.texts import count_texts
from zoo.facs.conflicts import CONFLICT_DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

STATISTICS = "statistics.json"
PLOTS = "plots"
"""The folder of the plots, in that of the data set."""
PAPER = {
    "definition": definitions.PAPER,
    "images": 302_169,
    "texts": 302_169,
    "words": "50 to 600",
    "conflicting_entries": 246_056,
    "conflicting_share": 0.814,
    "conflicting_occurrences": 408_376,
}
"""What the paper states."""
PAPER_SUBJECTS = {"bp4d": 41, "bp4dplus": 140}
"""The people of the data sets that the paper's was made of."""
PAPER_READERS = {"BP4D", "BP4DPlus"}
"""What reads those data sets as they are distributed."""
SAME_DATA, OTHER_DATA = "the same data sets, people and number of images", "other data"

_log = logging.getLogger(__name__)


def write_statistics(folder: str | Path, *, plots: bool = True) -> dict[str, Any]:
    """Write ``statistics.json`` and the plots of an AU text folder into it; gives what was counted.

    Args:
        folder: The data set.
        plots: Whether to draw; without matplotlib, nothing is drawn and a warning says so.
    """
    from datamodules.au_text_folder import AUTextFolder
    from datamodules.builders.plots import draw_plots
    from zoo.files import save_json

    data = AUTextFolder(folder, check=False)
    frames = data.frames
    assert frames.split is not None
    assert frames.description is not None
    statistics: dict[str, Any] = {"data_set": data.name}
    statistics |= count_labels(Labels(frames.occurrence, frames.intensity, frames.subject, frames.split))
    statistics["table_7"] = count_texts(
        frames.description.tolist(), frames.present, num_variants=data.metadata.get("lexicon", {}).get("num_variants")
    )
    readers = {source.get("reader") for source in data.metadata.get("sources", ())}
    statistics["paper"] = beside_the_paper(statistics, readers=readers)
    save_json(statistics, data.path / STATISTICS)
    if plots:
        try:
            draw_plots(statistics, data.path / PLOTS)
        except ModuleNotFoundError as error:
            _log.warning("%s No plots were drawn.", error)
    return statistics


def beside_the_paper(statistics: Mapping[str, Any], *, readers: Collection[str | None]) -> dict[str, Any]:
    """Put the paper's figures under a heading that says whether they are of the same data.

    They are where as many frames of as many people were read from the same data sets. Anything else, such as a part of
    the data, drawn faces or a test's, is other data, and agreement with it would mean nothing.

    Args:
        statistics: What was counted.
        readers: Classes that read the data sets.
    """
    people: dict[str, int] = {}
    for subject in statistics["subjects"]["entries"]:
        front = subject.split("/")[0]
        people[front] = people.get(front, 0) + 1
    same = (
        people == PAPER_SUBJECTS and set(readers) == PAPER_READERS and statistics["entries"]["total"] == PAPER["images"]
    )
    result: dict[str, Any] = {"heading": SAME_DATA if same else OTHER_DATA, **PAPER}
    if same:
        result["difference_of_conflicting_entries"] = {
            name: statistics["categories"][name]["conflicting"]["entries"] - PAPER["conflicting_entries"]
            for name in CONFLICT_DEFINITIONS
        }
    return result
