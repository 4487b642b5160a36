"""What every fusion must do, found by the files of the family."""

from __future__ import annotations

import torch

from tests.zoo.contract import ComponentContract
from zoo.text_encoders.base import EncodedText


class TestFusion(ComponentContract):
    family = "fusion"

    def arguments(self, member):
        sizes = {"text_dim": 6, "appearance_dim": 5, "structure_dim": 7, "latent_dim": 4, "num_positions": 9}
        return {**sizes, "dim": 8, "num_heads": 2, "appearance_vectors": 2}

    def outcome(self, fusion, generator):
        mask = torch.tensor([[True] * 3, [True, True, False], [True] * 3])
        return fusion(
            EncodedText(torch.randn(3, 3, 6, generator=generator), mask),
            appearance=torch.randn(3, 1, 5, generator=generator),
            structure=torch.randn(3, 8, 7, generator=generator),
            latent=torch.randn(3, 9, 4, generator=generator),
            # every learned nothing takes its turn
            without_text=torch.tensor([True, False, False]),
            without_reference=torch.tensor([False, True, False]),
        )

    def test_padding_does_not_matter(self, member, generator):
        fusion = self.make(member).eval()
        text = torch.randn(1, 3, 6, generator=generator)
        reference = {
            "appearance": torch.randn(1, 1, 5, generator=generator),
            "structure": torch.randn(1, 8, 7, generator=generator),
            "latent": torch.randn(1, 9, 4, generator=generator),
        }
        padded = torch.cat([text[:, :2], torch.full((1, 1, 6), 9.0)], dim=1)
        with torch.no_grad():
            short = fusion(EncodedText(text[:, :2], torch.ones(1, 2, dtype=torch.bool)), **reference)
            long = fusion(EncodedText(padded, torch.tensor([[True, True, False]])), **reference)
        assert context_dim(short) == fusion.dim
        torch.testing.assert_close(long.features[long.mask], short.features[short.mask])


def context_dim(context):
    return context.features.shape[-1]
