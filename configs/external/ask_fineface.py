"""FineFace as a worker; see fineface.yaml."""

from __future__ import annotations

from typing import Any

from answering import answer
from fineface import FineFacePipeline

PROMPT = "a closeup portrait photo of a person, facing the camera"
INTENSITY = 4.0  # of 5, for every AU that is asked for

pipeline = FineFacePipeline()


def generate(case: dict[str, Any]) -> Any:
    """Draw a face that shows the AUs."""
    return pipeline(PROMPT, {f"AU{au}": INTENSITY for au in case["aus"]}).images[0]


answer(generate)
