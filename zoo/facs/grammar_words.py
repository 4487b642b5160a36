"""The small words of English that the linter's reader goes by, as plain tables."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("the a an each both its their his her either these those this that all one every any")
PREPOSITIONS = _words(
    "of to towards toward from on onto in into at by with between above below beneath under over around against beside "
    "along across beyond near past inside within for behind through amid like underneath until till upon off atop "
    "outside without"
)
CONJUNCTIONS = _words("and but or yet ,")
BOUNDARIES = CONJUNCTIONS | _words(
    "while whereas as because so since for though although when until if where which that who whose than nor ( ) "
    "\u2013 \u2014"
)
"""Words between which a clause has its own subject."""
RELATIVES = _words("that which")
AUXILIARIES = _words(
    "is are was were be been being become becomes became remain remains stay stays look looks appear appears seem get "
    "gets stand stands lie lies sit sits end ends keep keeps"
)
PERFECT = _words("has have had having")
PRONOUNS = _words("it they them these themselves")
FILLERS = ARTICLES | _words(
    "also then slightly both even still itself themselves only very more most less somewhat markedly strongly so small "
    "fine further own clearly visibly middle gently"
)
"""Words that may stand between an adjective and its noun, or between two nouns that "and" joins."""
JOINS = _words("and or , with plus")
BETWEEN_VERBS = (
    FILLERS
    | CONJUNCTIONS
    | _words("at same time once back up down upwards downwards inwards outwards backwards be on either again")
)
"""Words that may stand between two verbs of one subject."""
NEGATORS = _words("not no never without neither nor cannot would than hardly lack lacks lacking unlike")
NEGATIVE_PAIRS = frozenset([("instead", "of"), ("rather", "than"), ("free", "of"), ("as", "if")])
SENTENCE_ENDS = _words(". ; : ! ?")
DENIAL_ENDS = SENTENCE_ENDS | _words(", but ( ) \u2013 \u2014")
"""Words that end what a negation denies."""
BEFORE_VERBS = _words("that which it they them to not who may might can could will do does did")
"""Words behind which a word that can be noun or verb is a verb."""
ADVERBS = _words("all both also then each themselves again together")
UPS = _words("up upwards down downwards inwards outwards together obliquely back again")
AFTER_ADVERBS = SENTENCE_ENDS | CONJUNCTIONS | _words("while so as ) when which that")
"""Words before which "in" and "out" are adverbs, not prepositions."""
TUCKS = _words("tuck tucks pull pulls draw draws roll rolls suck sucks turn turns pinch")
"""Verbs whose "in" is an adverb even before an article: "tuck in the corners"."""
OPPOSITES = {
    "inner": "outer",
    "outer": "inner",
    "medial": "lateral",
    "lateral": "medial",
    "upper": "lower",
    "lower": "upper",
}
CONNECTIVES = ARTICLES | _words("and or as well to from at middle , also then")
"""Words that may stand in "inner as well as the outer ends"."""
