"""The vocabulary of the linter: places of the face, muscles, signs on the skin and movements, as plain tables.

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

MOVEMENTS: dict[str, list[str]] = {
    "up": [
        *("raiser", "elevation"),
        *("raise", "lift", "hoist", "elevate", "rise", "heighten", "upturn", "higher", "high", "highest", "climb"),
        *("ascend", "uplift", "prop"),
    ],
    "down": ["lower", "depress", "sink", "sag", "descend", "fall", "droop", "drop", "sunken", "downturn", "depression"],
    "together": ["converge", "knit", "closer", "nearer"],
    "furrow": ["furrow"],
    "tight": ["tighten", "tight", "taut", "tense", "tension", "firm", "tightness"],
    "narrow": ["narrow", "narrower", "thin", "thinner", "smaller", "shrink", "squint", "flatter", "constrict"],
    "press": ["press", "squeeze", "pressure", "compress", "clamp", "compression"],
    "flat": ["flatten", "flat"],
    "straight": ["straighten", "straight"],
    "angular": ["angular", "square", "squarish"],
    "pinch": ["pinch", "tuck"],
    "wrinkle": ["wrinkle", "crease", "pit", "dent", "roughen", "rough", "corrugate", "crinkle"],
    "dimple": ["dimple"],
    "bulge": ["bulge", "swell", "pouch", "bag"],
    "bunch": ["bunch", "gather", "heap"],
    "part": ["part", "separate", "parting"],
    "open": ["open", "gape"],
    "wide": ["widen", "wide", "wider", "broader", "enlarge"],
    "stretch": ["stretch"],
    "pucker": ["purse", "pucker", "funnel", "round"],
    "out": ["protrude", "jut", "evert", "stick", "protrusion"],
    "show": ["show", "expose", "reveal", "visible", "bare", "exposure"],
    "close": ["close", "shut"],
    "retract": ["retract"],
    "relax": ["relax", "slack", "limp"],
    "smooth": ["smooth"],
    "arch": ["arch", "curve", "bend", "bow", "angle"],
    "oblique": ["slant", "tilt", "oblique", "slope"],
    "deepen": ["deepen", "deeper", "deep"],
    "long": ["lengthen", "longer", "elongate", "long"],
}
"""A movement to the words that state it by themselves; verbs in their base form."""

ADJECTIVES = frozenset(
    "higher high highest sunken closer nearer tight taut firm thin thinner narrower smaller flatter flat straight angular "
    "square squarish rough wide wider broader slack limp oblique deeper deep longer long visible bare narrow open smooth "
    "upturned".split()
)
"""Those of the movements that are adjectives."""

CARRIERS = [
    *("pull", "draw", "push", "move", "carry", "bring", "take", "go", "come", "turn", "roll", "shift", "send", "drag"),
    *("displace", "tug", "stand", "sit", "lie", "ride", "travel", "run", "point", "direct", "work", "position"),
    *("hold", "keep", "set", "stay", "act", "suck", "fold", "curl", "bring up", "place", "force", "movement", "hitch"),
]
"""Verbs that say that something moves; where to, a direction beside them says."""

DIRECTIONS: dict[str, list[str]] = {
    "up": ["up", "upward", "upwards", "skyward"],
    "down": ["down", "downward", "downwards"],
    "in": ["in", "inward", "inwards", "into face", "inwardly", "medially", "towards teeth", "against teeth"],
    "together": [
        *("together", "towards each other", "toward each other", "towards one another", "towards midline"),
        *(
            "toward midline",
            "towards its neighbour",
            "closer together",
            "nearer to each other",
            "nearer to one another",
        ),
    ],
    "back": ["back", "backward", "backwards", "towards ear", "toward ear", "rearward", "further back"],
    "out": ["out", "forth"],
    "outwards": ["outward", "outwards", "forward", "forwards"],
    "sideways": ["sideways", "horizontally", "laterally", "sideward", "sidewards"],
    "oblique": ["obliquely", "diagonally", "at a slant", "at slant", "diagonal"],
    "against": [
        "against each other",
        "against one another",
        "on one another",
        "onto each other",
        "on each other",
        "onto one another",
    ],
    "eyewards": ["towards eye", "toward eye", "to eye", "towards them"],
}
"""A direction to the words that state it beside a carrier, or beside a place where the verb is left out."""

NOUNS: dict[str, list[str]] = {
    "sign": [
        *("wrinkle", "crease", "furrow", "line", "bulge", "pouch", "bag", "dent", "pit", "bend", "curve", "arch"),
        *("bow", "angle", "fold", "swell", "point", "slope"),
    ],
    "pull": [
        *("pull", "lift", "push", "press", "squeeze", "tension", "pressure", "movement", "force", "tightness"),
        *("elevation", "depression", "compression", "protrusion", "parting", "exposure", "rise", "raise", "tug"),
        *("shift", "drop", "squint"),
    ],
}
"""Movements that are nouns as well: what is seen on the skin, and what acts on a place."""

IRREGULAR: dict[str, tuple[str, str]] = {
    "rose": ("rise", "past"),
    "risen": ("rise", "participle"),
    "rising": ("rise", "ing"),
    "drew": ("draw", "past"),
    "drawn": ("draw", "participle"),
    "went": ("go", "past"),
    "gone": ("go", "participle"),
    "goes": ("go", "finite"),
    "came": ("come", "past"),
    "brought": ("bring", "participle"),
    "took": ("take", "past"),
    "taken": ("take", "participle"),
    "sank": ("sink", "past"),
    "sunk": ("sink", "participle"),
    "bent": ("bend", "participle"),
    "shrunk": ("shrink", "participle"),
    "shrank": ("shrink", "past"),
    "swollen": ("swell", "participle"),
    "shown": ("show", "participle"),
    "held": ("hold", "participle"),
    "kept": ("keep", "participle"),
    "stuck": ("stick", "participle"),
    "sent": ("send", "participle"),
    "stood": ("stand", "past"),
    "lay": ("lie", "past"),
    "lying": ("lie", "ing"),
    "sat": ("sit", "past"),
    "rode": ("ride", "past"),
    "fell": ("fall", "past"),
    "fallen": ("fall", "participle"),
    "ran": ("run", "past"),
    "pitted": ("pit", "participle"),
    "shut": ("shut", "participle"),
    "set": ("set", "participle"),
}
"""Forms of verbs that no rule makes."""
