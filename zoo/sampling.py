"""How tokens are drawn, and how they are drawn where nobody says otherwise; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. These defaults are those of every command, callback and page.

    A low temperature and a strong guidance by text show the AUs that were asked for most reliably; they were chosen on
    validation faces.

    Attributes:
        steps: Forward passes before revision; what it means per level is the generator's affair.
        temperature: Of the draw of a token; 0 takes the likeliest.
        order: ``confidence``: surest positions first; ``halton``: well spread ones, whatever is in them.
        choice_temperature: Noise on the confidence (of all levels together), falling to 0 at the last step.
        text_guidance: How far to go from the picture without text to the one with it; 1 is no guidance.
        reference_guidance: The same for the reference.
        guidance_schedule: ``constant``; ``ramp``: from 1 up to the guidance, and 1 in the last quarter.
        revise_rounds: How often all positions are drawn again, a random quarter at a time, given all others: four
            passes a round, four for each level where levels are drawn one after another.
    """

    steps: int = 8
    temperature: float = 0.3
    order: str = "confidence"
    choice_temperature: float = 1.0
    text_guidance: float = 2.0
    reference_guidance: float = 1.0
    guidance_schedule: str = "constant"
    revise_rounds: int = 0
