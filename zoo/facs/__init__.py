"""The science of facial action: AUs and their combinations. Needs no torch."""

from zoo.facs.action_units import AUS, ActionUnit
from zoo.facs.combinations import COMBINATIONS

__all__ = ["AUS", "COMBINATIONS", "ActionUnit"]
