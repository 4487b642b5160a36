"""What every text encoder must do, found by the files of the family."""

from __future__ import annotations

import pytest
import torch

from tests.zoo.contract import ComponentContract
from zoo.components import component_class, families
from zoo.facs import AUS

MEMBERS = families()["text_encoders"]
CHEAP = {"t5": {"size": "small", "weights": "random"}}
PROMPTS = ["The lip corners rise.", "The chin boss is pushed up and the lower lip rises with it.", "The brows lower."]
OCCURRENCE = torch.eye(len(AUS), dtype=torch.bool)[[6, 9, 2]]


class TestTextEncoders(ComponentContract):
    family = "text_encoders"
    too_large = ("t5",)

    def outcome(self, encoder, generator):
        return encoder(PROMPTS, occurrence=torch.rand(3, len(AUS), generator=generator) < 0.5)


@pytest.fixture(scope="module", params=MEMBERS)
def encoder(request):
    torch.manual_seed(0)
    return component_class(f"text_encoders/{request.param}")(**CHEAP.get(request.param, {})).eval()


def encode(encoder, places):
    with torch.no_grad():
        return encoder([PROMPTS[place] for place in places], occurrence=OCCURRENCE[list(places)])


def test_features_have_the_promised_channels_and_a_mask(encoder):
    encoded = encode(encoder, range(3))
    assert encoded.features.shape == (*encoded.mask.shape, encoder.dim)
    assert encoded.mask.any(1).all()
    assert encoded.features.isfinite().all()


def test_what_is_encoded_does_not_depend_on_its_company(encoder):
    together, alone = encode(encoder, range(3)), encode(encoder, [0])
    torch.testing.assert_close(
        together.features[0][together.mask[0]], alone.features[0][alone.mask[0]], atol=1e-4, rtol=1e-3
    )


def test_different_inputs_give_different_features(encoder):
    first, other = encode(encoder, [0]), encode(encoder, [2])
    length = min(first.features.shape[1], other.features.shape[1])
    assert not torch.allclose(first.features[:, :length], other.features[:, :length])


def test_it_reads_either_the_labels_or_the_prompts(encoder):
    with torch.no_grad():
        one = encoder(PROMPTS[:1], occurrence=OCCURRENCE[:1]).features
        labels = encoder(PROMPTS[:1], occurrence=OCCURRENCE[1:2]).features
    assert torch.equal(one, labels) is not encoder.reads_labels
