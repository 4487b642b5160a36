"""Count the texts of a data set: our row of Table 7 of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.builders import definitions
from zoo.facs.allocation import codes_of, construct_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def count_texts(descriptions: Sequence[str], present: NDArray[np.bool_], *, num_variants: int | None) -> dict[str, Any]:
    """Count texts and their words.

    Args:
        descriptions: The text of each entry.
        present: (entry, au) which AUs are present.
        num_variants: Variants that the lexicon has of each construct; None where it is not known.

    Raises:
        ValueError: There is no text, or not one for each entry.
    """
    if not len(descriptions) or len(descriptions) != len(present):
        message = f"count_texts: there must be one text for each of {len(present)} entries, got {len(descriptions)}."
        raise ValueError(message)
    distinct: dict[str, int] = {}
    for text in descriptions:
        distinct[text] = distinct.get(text, 0) + 1
    words = np.repeat([len(text.split()) for text in distinct], list(distinct.values()))
    constructs = construct_table()[np.unique(codes_of(present))].sum(1).tolist()
    quantiles = np.quantile(words, (0.05, 0.5, 0.95)).tolist()
    return {
        "definition": definitions.TABLE_7,
        "images": len(descriptions),
        "texts": len(descriptions),
        "distinct_texts": len(distinct),
        # neutral faces have variants of one text, too
        "possible_texts": None if num_variants is None else sum(num_variants ** max(count, 1) for count in constructs),
        "words": {
            "fewest": int(words.min()),
            "5_percent_have_at_most": quantiles[0],
            "median": quantiles[1],
            "95_percent_have_at_most": quantiles[2],
            "most": int(words.max()),
            "mean": round(float(words.mean()), 2),
        },
        "annotation_method": "generation by AU: constructs by Algorithm 1, texts from the lexicon",
        "text_focus": (
            "movements and skin signs of brows, eyelids, cheeks, upper lip, lip corners, lips and chin; nothing that "
            "tells who it is"
        ),
    }
