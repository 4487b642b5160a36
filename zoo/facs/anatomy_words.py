"""The vocabulary of the linter: places of the face, muscles and signs on the skin, as plain tables.

Phrases are written in the singular and without articles; :mod:`zoo.facs.reading` brings a text to the same form.
"""

from __future__ import annotations

_PARTS = ("end", "part", "portion", "third", "half", "edge", "corner", "section", "area", "segment", "side", "tip")


def _ends_of(side: str, whole: str) -> list[str]:
    """Give the ways to name an end of something: outer third of brow, outer brow third, outer third."""
    ends = [f"{side} {part} of {whole}" for part in _PARTS]
    return [f"{side} {whole}", *ends, *(f"{side} {whole} {part}" for part in _PARTS)]


REGIONS: dict[str, list[str]] = {
    "inner brow": [
        *(phrase for side in ("inner", "medial", "inside") for phrase in _ends_of(side, "brow")),
        *("head of brow", "brow head"),
    ],
    "outer brow": [
        *(phrase for side in ("outer", "lateral", "outside") for phrase in _ends_of(side, "brow")),
        *("tail of brow", "brow tail"),
    ],
    "inner end": ["inner end", "inner third", "inner half", "inner portion", "inner part", "inner corner", "inner one"],
    "outer end": ["outer end", "outer third", "outer half", "outer portion", "outer corner", "outer one"],
    "brow": [
        "brow",
        "brow line",
        "brow ridge",
        "end of brow",
        "body of brow",
        "middle of brow",
        "inner and outer brow",
        "inner and outer end of brow",
    ],
    "brow gap": ["gap between brow", "space between brow", "distance between brow", "narrowed gap", "gap between them"],
    "forehead": ["forehead", "centre of forehead", "middle of forehead", "skin of forehead", "central forehead"],
    "glabella": ["glabella", "skin of glabella", "area between brow", "skin between brow", "root of nose"],
    "cover fold": ["eye cover fold", "cover fold", "inner part of eye cover fold", "lateral part of eye cover fold"],
    "upper lid": ["upper lid", "upper eyelid", "edge of upper lid", "skin of upper lid"],
    "lower lid": ["lower lid", "edge of lower lid", "skin of lower lid", "margin of lower lid", "lower lid margin"],
    "lids": [
        "lid",
        "edge of lid",
        "lid edge",
        "lid margin",
        "edge of each lid",
        "margin",
        "skin of lid",
        "upper and lower lid",
    ],
    "eyes": ["eye", "eye opening", "eye aperture", "palpebral fissure", "opening of eye", "aperture of eye", "gaze"],
    "eye corners": [
        *(f"{side}{part} of eye" for side in ("", "outer ", "inner ") for part in ("corner", "end")),
        *("outer eye corner", "eye corner", "canthus", "temple", "side of eye"),
    ],
    "under the eyes": ["infraorbital furrow", "skin below eye", "skin under eye", "skin beneath eye", "eye bag"],
    "skin by the eyes": ["skin around eye", "skin by eye", "skin beside eye", "skin at outer corner of eye"],
    "cheeks": [
        *("cheek", "cheek apple", "apple of cheek", "skin of cheek", "skin from cheek", "skin on cheek", "cheek mass"),
        *("skin from cheek and temple", "skin from temple and cheek", "malar region", "infraorbital region"),
    ],
    "nose": ["nose", "bridge of nose", "nose bridge", "side of nose", "skin of nose", "nostril", "nostril wing"],
    "nasolabial furrow": ["nasolabial furrow", "nasolabial fold", "nasolabial skin"],
    "infraorbital triangle": ["infraorbital triangle", "skin of infraorbital triangle"],
    "upper lip": [
        *("upper lip", "centre of upper lip", "middle of upper lip", "line of upper lip", "central upper lip"),
        *("skin above upper lip", "upper lip line", "top lip", "outline of upper lip", "its upper lip"),
        *("raised middle", "middle part of upper lip", "center of upper lip", "upper lip centre"),
    ],
    "lower lip": ["lower lip", "bottom lip", "middle of lower lip", "centre of lower lip"],
    "lips": [
        "lip",
        "mouth lip",
        "red of lip",
        "red part",
        "lip edge",
        "lip border",
        "red part of lip",
        "red",
        "red border",
    ],
    "lip corners": [
        *("lip corner", "corner of mouth", "corner of lip", "mouth corner", "end of mouth", "tip of mouth"),
        *("corner", "end of mouth line", "corner of its mouth", "end of lip", "commissure", "angle of mouth"),
    ],
    "middle of the mouth": ["middle of mouth", "centre of mouth", "centre of lip", "middle of lip", "center of mouth"],
    "mouth": ["mouth", "mouth line", "line of mouth", "line between lip", "whole mouth", "mouth opening"],
    "chin": ["chin", "chin boss", "skin of chin", "skin over chin boss", "chin pad", "surface of chin", "skin on chin"],
    "jaw": ["jaw", "mandible", "lower jaw"],
    "teeth": ["tooth", "upper tooth", "lower tooth", "gum", "upper gum"],
    "tongue": ["tongue"],
    "upper one": ["upper one"],
    "lower one": ["lower one"],
    "end": ["end", "tip"],
    "middle": ["middle", "centre"],
    "skin": ["skin", "surplus"],
}
"""A place of the face to the phrases that name it."""

ENDS: dict[str, dict[str, str]] = {
    "end": {"brow": "brow", "mouth": "lip corners", "eyes": "eye corners"},
    "upper one": {"": "upper lip", "mouth": "upper lip", "eyes": "upper lid"},
    "lower one": {"": "lower lip", "mouth": "lower lip", "eyes": "lower lid"},
    "middle": {"mouth": "middle of the mouth", "brow": "forehead"},
    "inner end": {"": "inner brow", "brow": "inner brow", "eyes": "eye corners"},
    "outer end": {"": "outer brow", "brow": "outer brow", "eyes": "eye corners", "mouth": "lip corners"},
}
"""Parts without a name of their own: what they are, by the whole that was spoken of last."""

WHOLES: dict[str, str] = {
    **dict.fromkeys(("brow", "inner brow", "outer brow", "forehead", "glabella", "brow gap"), "brow"),
    **dict.fromkeys(("mouth", "lips", "lip corners", "upper lip", "lower lip", "middle of the mouth"), "mouth"),
    **dict.fromkeys(("eyes", "lids", "lower lid", "upper lid", "cheeks"), "eyes"),
}
"""A place to the whole that it belongs to."""

MUSCLES: dict[str, tuple[int, ...]] = {
    "medial frontalis": (1,),
    "medial part of frontalis": (1,),
    "inner frontalis": (1,),
    "frontalis pars medialis": (1,),
    "lateral frontalis": (2,),
    "lateral part of frontalis": (2,),
    "outer frontalis": (2,),
    "frontalis pars lateralis": (2,),
    "frontalis in its medial and its lateral part": (1, 2),
    "frontalis": (),
    "corrugator": (4,),
    "corrugator supercilii": (4,),
    "procerus": (4,),
    "depressor supercilii": (4,),
    "orbital orbicularis oculi": (6,),
    "orbital part of orbicularis oculi": (6,),
    "orbicularis oculi pars orbitalis": (6,),
    "outer ring of orbicularis oculi": (6,),
    "palpebral orbicularis oculi": (7,),
    "palpebral part of orbicularis oculi": (7,),
    "orbicularis oculi pars palpebralis": (7,),
    "both part of orbicularis oculi": (6, 7),
    "orbicularis oculi": (),
    "levator labii superioris": (10,),
    "levator labii superioris alaeque nasi": (9,),
    "zygomaticus major": (12,),
    "zygomaticus": (12,),
    "buccinator": (14,),
    "depressor anguli oris": (15,),
    "triangularis": (15,),
    "mentalis": (17,),
    "orbicularis oris": (),
    "risorius": (20,),
    "depressor labii inferioris": (16,),
    "depressor labii": (16,),
    "levator palpebrae superioris": (5,),
    "levator palpebrae": (5,),
    "incisivii labii": (18,),
    "masseter": (26,),
}
"""A muscle to the AUs that its contraction states; those that serve several AUs state none by themselves."""

SIGNS: dict[str, tuple[str, str]] = {
    "crow's foot": ("eye corners", "wrinkle"),
    "crow foot": ("eye corners", "wrinkle"),
    "dimple": ("lip corners", "dimple"),
    "dimples": ("lip corners", "dimple"),
    "dimple-like wrinkle": ("lip corners", "pinch"),
    "dimple-like crease": ("lip corners", "pinch"),
    "less red": ("lips", "narrow"),
    "narrower strip of red": ("lips", "narrow"),
    "vertical furrow": ("brow", "furrow"),
    "vertical crease": ("brow", "furrow"),
    "vertical wrinkle": ("brow", "furrow"),
    "vertical line": ("brow", "furrow"),
    "upright furrow": ("brow", "furrow"),
    "frown line": ("brow", "furrow"),
}
"""A sign on the skin that says by itself what moved: phrase to place and movement."""
