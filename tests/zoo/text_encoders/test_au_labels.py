"""AU labels in place of text."""

import pytest
import torch

from zoo.text_encoders.au_labels import AULabelsTextEncoder


def test_labels_are_needed():
    with pytest.raises(ValueError, match="occurrence must be given"):
        AULabelsTextEncoder()(["any"])


def test_intensity_counts_only_where_asked_for_present_and_known():
    occurrence = torch.zeros(1, 12, dtype=torch.bool)
    occurrence[0, 3] = True
    strong, weak, absent = torch.full((3, 1, 12), torch.nan)
    strong[0, 3], weak[0, 3], absent[0, 4] = 5, 2, 4
    reads = AULabelsTextEncoder(with_intensity=True)

    def features(encoder, intensity):
        return encoder(["any"], occurrence=occurrence, intensity=intensity).features

    assert not torch.equal(features(reads, strong), features(reads, weak))
    torch.testing.assert_close(features(reads, absent), features(reads, None))
    torch.testing.assert_close(features(reads, strong), features(reads, None))
    blind = AULabelsTextEncoder()
    assert torch.equal(features(blind, strong), features(blind, weak))
