"""The files of an evaluation: metrics.json, and the tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.evaluation import differences_of, figures_of
from lightning_modules.evaluation.tables import latex, markdown, tidy_csv
from zoo.files import save_json, save_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lightning_modules.evaluation.evaluation import SetResult

FORMAT_VERSION = 1


def write_results(
    results: Sequence[SetResult], folder: Path, *, baseline: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Write everything; give the content of metrics.json.

    Args:
        results: What was found on each set.
        folder: Where it goes; files of an earlier evaluation there are replaced.
        baseline: The system that differences are to.
        facts: What was evaluated, how, and by whom.
    """
    figures = [record for result in results for record in figures_of(result)]
    differences = [record for result in results for record in differences_of(result, baseline)]
    content = _plain(
        {
            "format_version": FORMAT_VERSION,
            **facts,
            "sets": {
                result.frames.name: {
                    "num_frames": len(result.frames),
                    "num_subjects": len(set(result.frames.labels.subject)),
                    "groups": {name: int(mask.sum()) for name, mask in result.frames.groups().items()},
                }
                for result in results
            },
            "figures": figures,
            "differences": differences,
        }
    )
    save_json(content, folder / "metrics.json")
    save_text(tidy_csv(figures), folder / "table.csv")
    save_text(markdown(figures, differences), folder / "table.md")
    save_text(latex(figures), folder / "table.tex")
    return content


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
