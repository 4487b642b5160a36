"""What each figure of a data set means, in words; printed beside it in ``statistics.json`` and on the card."""

from __future__ import annotations

from zoo.facs import ANTAGONISTS, AUS, COMBINATIONS, name_of

_PAIRS = ", ".join(name_of(pair) for pair in ANTAGONISTS)

ENTRIES = (
    "An entry is one image with its labels, its reference face and its text. An AU is active in an entry where it is "
    "labelled present; an AU labelled unknown (9 or empty) is neither present nor absent, and does not make an entry "
    "active."
)
SUBJECTS = (
    "A subject is a person as the data set names them, with the data set's name in front; the same person in two data "
    "sets counts twice. A subject is in one split only."
)
AU_RATES = (
    "rate = present / (present + absent), over the entries where the AU is known; entries where it is unknown are "
    "counted apart. Frames without any active AU are no entries unless they were asked for, so these rates are above "
    "those of all coded frames."
)
AU_SETS = (
    f"An AU set is the set of the {len(AUS)} AUs that are present in an entry; unknown AUs count as not present. "
    "'distinct' counts sets that occur at least once."
)
UNSEEN_SETS = (
    "AU sets that entries of the split show and no entry of the training split does. 'entries' counts the entries "
    "of the split that show one."
)
CATEGORIES = {
    "single": "Exactly one AU is present. Occurrences: that AU, so as many as entries.",
    "non_conflicting": (
        "Two AUs or more are present and none of them conflict. Occurrences: the AUs that are present, since each acts "
        "for itself."
    ),
    "conflicting": "At least one conflict, as defined here. Occurrences: the conflicts.",
}
"""What the three categories of Figure 2 are; ``conflicting`` has two definitions, :data:`CONFLICTS`."""
CONFLICTS = {
    "antagonists": (
        "A conflict is a pair of present AUs that pull the same place different ways, whatever else is present: "
        f"{_PAIRS}. Derived from the directions of the muscles; the paper lists no pairs."
    ),
    "interacting": (
        f"A conflict is one of the paper's {len(COMBINATIONS)} interacting combinations of AUs, where Algorithm 1 "
        "(Appendix D) lists it for the entry: combinations of three or four AUs take theirs, pairs may overlap."
    ),
}
"""The paper does not define its word "conflicting"; these are the two readings that are reported."""
SHARES = (
    "share = entries of the category / entries with at least one active AU. occurrence_share = occurrences of the "
    "category / occurrences of all three categories. Where AUs are unknown, an entry is placed by those that are known "
    "to be present; 'with_unknown_aus' counts the entries of the category that unknown AUs could move."
)
ANTAGONIST_PAIRS = "Entries in which both AUs of the pair are present."
CONSTRUCTS = (
    "Entries for which Algorithm 1 (Appendix D) lists the construct: one of the 26 interacting combinations, or a "
    "single AU that no listed combination has taken. An entry usually has several."
)
CO_OCCURRENCE = (
    "present[i][j]: entries in which AU i and AU j are both present. known[i][j]: entries in which AU i is present and "
    "AU j is known. The share of AU j given AU i is present[i][j] / known[i][j]. AUs in the order of 'aus'."
)
INTENSITIES = (
    "Entries by intensity 0 (absent), 1 to 5 (A to E), rounded to whole levels; 'unknown' counts the entries without "
    "an intensity of this AU. Data sets code intensities of few AUs, and of some frames only."
)
TABLE_7 = (
    "images: entries. texts: pairs of an image and a text; every entry has one text. A text is the prompt of the "
    "entry: the descriptions of its constructs, one variant of each, joined by spaces. words: what spaces separate, "
    "counted in the texts that come with the data set. possible_texts: how many different texts the variants of the "
    "lexicon can give for the AU sets of the data set; training can draw a new one in every epoch."
)
PAPER = (
    "What the paper states of its own BP4D-AUText (section 3.4 and Table 7). It does not say how 'conflicting' or "
    "'occurrence' were counted, nor what a word of Table 7 is."
)
