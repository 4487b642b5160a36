"""Words that no description of AUs should have: emotions, instructions, sides and invented intensities."""

from __future__ import annotations

import re
from collections.abc import Iterator

_EMOTIONS = (
    "happ(?:y|iness|ily) joy(?:ful|fully|ous)? sad(?:ness|ly)? ang(?:er|ry|rily) fear(?:ful|fully)? afraid scared "
    "surprised? startled? disgust(?:ed|ing)? contempt(?:uous)? emotion(?:al|ally|s)? mood(?:s|y)? "
    "cheerful delight(?:ed)? amus(?:ed|ement) sorrow(?:ful)? grief pain(?:ed|ful)? worr(?:y|ied) anxi(?:ous|ety) "
    "nervous frustrat(?:ed|ion) annoy(?:ed|ance) pleas(?:ure|ed|ant) embarrass(?:ed)? miser(?:y|able) shock(?:ed)? "
    "smil(?:e|es|ed|ing) frown(?:s|ed|ing)? grin(?:s|ning)? smirk(?:s|ing)? scowl(?:s|ing)? sneer(?:s|ing)? "
    "grimac(?:e|es|ing) pout(?:s|ing)? laugh(?:s|ing|ter)? cr(?:y|ying) feeling(?:s)? determin(?:ed|ation) "
    "confus(?:ed|ion) skeptical doubt(?:ful)? stern(?:ly)? hostil(?:e|ity) content(?:ed|ment) displeas(?:ed|ure)"
)
_INTENSITIES = (
    "slight(?:ly)? marked(?:ly)?(?!\\s+by\\b) pronounced(?:ly)? severe(?:ly)? extreme(?:ly)? maxim(?:al|ally|um) "
    "moderate(?:ly)? strong(?:ly)? intense(?:ly)? barely faint(?:ly)? subtl(?:e|y) traces? weak(?:ly)? heavily "
    "considerabl(?:e|y) dramatic(?:ally)? exaggerated hint mild(?:ly)? forceful(?:ly)? powerful(?:ly)? "
    "significant(?:ly)? noticeabl(?:e|y) utmost strikingly minimal(?:ly)? somewhat fully very"
)
_PLACES = (
    "side|half|eye|brow|eyebrow|cheek|corner|lip|lid|eyelid|mouth|one|inner|outer|upper|lower|part|face|nostril|end"
)
_ORDERS = (
    "lift raise pull push press tighten lower squeeze draw increase boost make keep try contract wrinkle move open "
    "close depress bring check look note ensure let avoid add narrow purse part relax activate hold pinch turn"
)
_WORDS = {
    "emotion": re.compile(rf"\b(?:{'|'.join(_EMOTIONS.split())})\b", re.IGNORECASE),
    "intensity": re.compile(
        "\\b(?:" + "|".join(_INTENSITIES.replace("?!\\s+by", "?!\\s+by").split()) + ")\\b", re.IGNORECASE
    ),
    "side": re.compile(
        rf"\b(?:left|right)(?:-|\s+)(?:hand\s+)?(?:and\s+(?:left|right)\s+)?(?:{_PLACES})s?\b"
        r"|\b(?:on|to|at)\s+(?:the|its|their|one)\s+(?:left|right|side only)\b"
        r"|\b(?:unilateral(?:ly)?|asymmetr(?:y|ic|ical|ically)|one-sided|lopsided|one side)\b"
        r"|\bonly\s+(?:one|the\s+(?:left|right))\b",
        re.IGNORECASE,
    ),
    "imperative": re.compile(
        rf"(?:(?:^|[.;:!?]\s+)(?:please\s+|then\s+|now\s+)?(?:do\s+not|don't|{'|'.join(_ORDERS.split())})\s+"
        r"(?:the|your|both|up|down|sure|to|together|that|if|it|them|and|these|each|lift|raise|part|open)\b)"
        r"|\b(?:you|your|yours|must|should|have\s+to|make\s+sure|needs?\s+to)\b",
        re.IGNORECASE,
    ),
}
_REASONS = {
    "emotion": "names an emotion or an expression, not a movement",
    "intensity": "states an intensity that no label gives",
    "side": "speaks of one side of the face",
    "imperative": "tells someone what to do instead of what is seen",
}

_AROUND = " .;:!?"  # what a pattern takes along to find where a sentence begins


def faulty_words(text: str) -> Iterator[tuple[str, str, int, str]]:
    """Give kind, word, place in the text and reason of each word that should not be there."""
    plain = text.replace("\u2019", "'")
    for kind, pattern in _WORDS.items():
        for match in pattern.finditer(plain):
            word = match[0].strip(_AROUND)
            yield kind, word, match.end() - len(match[0].lstrip(_AROUND)), _REASONS[kind]
