"""Trees of the data sets, for every test of a builder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from datamodules.builders import building


@pytest.fixture(scope="session")
def trees():
    """Give the module ``trees``, whose functions make data sets as they are distributed."""
    spec = importlib.util.spec_from_file_location("trees", Path(__file__).with_name("trees.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["trees"] = module  # its dataclass looks for its own module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def plain(trees, tmp_path_factory):
    """BP4D and BP4D+ in plain colours, with their defects, and what a reader must find."""
    root = tmp_path_factory.mktemp("plain")
    return root, {
        "bp4d": trees.make_bp4d(root / "BP4D", landmarks=False),
        "bp4dplus": trees.make_bp4dplus(root / "BP4D+"),
        "disfa": trees.make_disfa(root / "DISFA"),
    }


@pytest.fixture
def quick(monkeypatch):
    """Small chunks; no statistics, plots and card, which have tests of their own."""
    monkeypatch.setattr(building, "CHUNK", 4)
    monkeypatch.setattr(building, "write_statistics", lambda folder: None)
    monkeypatch.setattr(building, "write_card", lambda folder: None)
