"""What a card says of where faces come from: who made a data set, on which terms, whom it shows."""

from __future__ import annotations

from dataclasses import dataclass

_AGREEMENT = (
    "handed out under an agreement that the holder's institution signs. The agreement decides what may be done, and "
    "nothing here replaces reading it"
)
_PEOPLE = (
    "These are photographs of real, recognisable people who agreed to take part in a study, not to anything else. "
    "Whom pictures of may be shown, and where, is in the agreement of the data set; ask its owners before showing any."
)


@dataclass(frozen=True)
class Terms:
    """Where faces come from.

    Attributes:
        title: What the data set is called.
        citation: Whom to cite; empty where the data set does not say.
        licence: On which terms it is used, as the rest of a sentence about it.
        people: Whom it shows.
        licensed: Whether crops of it stay under the owners' terms.
    """

    title: str
    citation: str
    licence: str
    people: str
    licensed: bool = True


KNOWN = {
    "bp4d": Terms(
        "BP4D-Spontaneous",
        "Zhang et al., BP4D-Spontaneous: a high-resolution spontaneous 3D dynamic facial expression database, Image "
        "and Vision Computing 32(10), 2014",
        _AGREEMENT,
        _PEOPLE,
    ),
    "bp4dplus": Terms(
        "BP4D+ (MMSE)",
        "Zhang et al., Multimodal Spontaneous Emotion Corpus for Human Behavior Analysis, CVPR 2016",
        _AGREEMENT,
        _PEOPLE,
    ),
    "disfa": Terms(
        "DISFA",
        "Mavadati et al., DISFA: a spontaneous facial action intensity database, IEEE Transactions on Affective "
        "Computing 4(2), 2013",
        _AGREEMENT,
        _PEOPLE,
    ),
    "disfaplus": Terms(
        "DISFA+",
        "Mavadati et al., Extended DISFA dataset: investigating posed and spontaneous facial expressions, CVPR "
        "Workshops 2016",
        _AGREEMENT,
        _PEOPLE,
    ),
    "faces": Terms(
        "procedural FACS faces",
        "",
        "drawn by the code of the AUFace Zoo (Apache-2.0) from random numbers; no photograph was used",
        "Nobody: these faces are drawn, and resemble people by chance only.",
        licensed=False,
    ),
}
"""By the data set's name, which stands in front of its subjects."""


def terms_of(name: str) -> Terms:
    """Give what is known of a data set; of one's own images, that its owner must say it."""
    return KNOWN.get(
        name,
        Terms(
            name,
            "",
            "the builder was given these images by whoever ran it, and knows nothing of their licence: say it here "
            "before the folder is passed on",
            "Unknown to the builder. Where these are photographs of people, say here what they agreed to.",
        ),
    )
