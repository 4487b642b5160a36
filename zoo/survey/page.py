"""One HTML file with everything in it: pictures, criteria, styles and scripts; it asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from zoo.survey.blinding import Survey
from zoo.survey.criteria import Criteria

Order = Literal["grouped", "mixed"]

_PARTS = Path(__file__).parent


def survey_page(
    survey: Survey,
    *,
    pictures: Mapping[str, str],
    criteria: Mapping[str, Criteria],
    references: Mapping[str, str] | None = None,
    title: str = "Which face shows it best?",
    consent: Sequence[str] = (),
    order: Order = "grouped",
) -> str:
    """Build the page that raters open in a browser.

    What it holds of a picture is its id and its pixels. A content security policy, which allows its own script and
    style by their hashes and pictures from inside the file alone, keeps it from any network.

    Args:
        survey: The trials; the names of systems and cases do not enter the page.
        pictures: Id of an item to its data URI.
        criteria: Combination to what its pictures should show.
        references: Name of a trial to the data URI of the reference face, where it is shown beside.
        title: Heading of the page.
        consent: Paragraphs that a rater agrees to before the first trial; none for no such question.
        order: Whether trials of one combination follow each other, so that its criteria are read once, or all are
            mixed.
    """
    content = {
        "id": survey.id,
        "seed": survey.seed,
        "order": order,
        "consent": list(consent),
        "criteria": {
            name: {"headline": each.headline, "signs": each.signs, "words": each.words}
            for name, each in criteria.items()
        },
        "trials": [
            {
                "name": trial.name,
                "combination": trial.combination,
                "items": {item: pictures[item] for item in trial.items},
                **({"reference": references[trial.name]} if references and trial.name in references else {}),
            }
            for trial in survey.trials
        ],
    }
    style = _part("page.css")
    script = _part("ordering.js") + _part("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_allowed(style)}; script-src {_allowed(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {
        "policy": html.escape(policy, quote=True).replace("&#x27;", "'"),
        "title": html.escape(title),
        "style": style,
        # nothing in the data can end its script element
        "data": json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _part("page.html"))


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")


def _allowed(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
