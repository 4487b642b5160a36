"""What every generator must do, found by the files of the family."""

from __future__ import annotations

import torch

from tests.zoo.contract import ComponentContract
from zoo.fusion.base import Context

ROWS, COLS, LEVELS, CODES, DIM = 4, 4, 2, 16, 8


class TestGenerators(ComponentContract):
    family = "generators"

    def arguments(self, member):
        sizes = {"rows": ROWS, "cols": COLS, "num_levels": LEVELS, "codebook_size": CODES, "context_dim": DIM}
        return {**sizes, "dim": 32, "num_heads": 2, "num_layers": 1}

    def outcome(self, drawer, generator):
        features = torch.randn(8, ROWS * COLS + 3, DIM, generator=generator)
        context = Context(
            features=features,
            mask=torch.ones(features.shape[:2], dtype=torch.bool),
            spatial=features[:, 3:],
            action=features[:, :3],
            attention=None,
        )
        tokens = torch.randint(CODES, (8, LEVELS, ROWS, COLS), generator=generator)
        return drawer(tokens, context, generator=generator).loss
