"""Trees of the data sets, for every test of a builder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trees():
    """Give the module ``trees``, whose functions make data sets as they are distributed."""
    spec = importlib.util.spec_from_file_location("trees", Path(__file__).with_name("trees.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["trees"] = module  # its dataclass looks for its own module
    spec.loader.exec_module(module)
    return module
