"""The vocabulary of the linter: movements, their directions and their forms, as plain tables."""

from __future__ import annotations

MOVEMENTS: dict[str, list[str]] = {
    "up": [
        *("raiser", "elevation"),
        *("raise", "lift", "hoist", "elevate", "rise", "heighten", "upturn", "higher", "high", "highest", "climb"),
        *("ascend", "uplift", "prop"),
    ],
    "down": [
        "lower",
        "depress",
        "sink",
        "sag",
        "descend",
        "fall",
        "droop",
        "drop",
        "sunken",
        "downturn",
        "low",
        "depression",
    ],
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
    [
        *(
            "higher",
            "high",
            "highest",
            "sunken",
            "low",
            "upturned",
            "closer",
            "nearer",
            "tight",
            "taut",
            "firm",
            "thin",
        ),
        *("thinner", "narrow", "narrower", "smaller", "flat", "flatter", "straight", "angular", "square", "squarish"),
        *("rough", "wide", "wider", "broader", "slack", "limp", "oblique", "deep", "deeper", "long", "longer"),
        *("visible", "bare", "open", "smooth"),
    ]
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
            "towards nose",
            "toward nose",
            "towards its neighbour",
            "closer together",
            "nearer to each other",
        ),
        *("nearer to one another", "close to each other", "close to one another", "close together"),
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
