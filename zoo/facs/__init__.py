"""The science of facial action: AUs, their combinations and their descriptions. Needs no torch."""

from zoo.facs.action_units import ACTION_UNITS, ANTAGONISTS, AUS, ActionUnit
from zoo.facs.combinations import COMBINATIONS
from zoo.facs.constructs import CONSTRUCTS, Construct, construct_of, name_of

__all__ = [
    "ACTION_UNITS",
    "ANTAGONISTS",
    "AUS",
    "COMBINATIONS",
    "CONSTRUCTS",
    "ActionUnit",
    "Construct",
    "construct_of",
    "name_of",
]
