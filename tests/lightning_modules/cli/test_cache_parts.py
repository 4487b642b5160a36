"""What identifies a frozen part of a cache."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_modules.cli.cache_parts import identities, planned_cache, weights_digest
from lightning_modules.cli.errors import UserError
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.frozen import Frozen
from zoo.quantizers.residual import ResidualQuantizer


def make_codec(seed):
    torch.manual_seed(seed)
    quantizer = ResidualQuantizer(4, num_levels=2, codebook_size=8)
    return ResidualVQGANCodec(
        quantizer, channels=4, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )


class LookingThrough(nn.Module):
    """A part that keeps its network out of checkpoints."""

    def __init__(self, weight):
        super().__init__()
        self.network = Frozen(lambda: nn.Linear(1, 1))
        self.network.on(torch.device("cpu")).weight.fill_(weight).requires_grad_(False)


def test_the_digest_is_of_weights_and_names():
    same = [weights_digest(make_codec(0)) for _ in range(2)]
    assert same[0] == same[1] != weights_digest(make_codec(1))
    layer = nn.Linear(2, 2)
    before = weights_digest(layer)
    layer.weight.data[0, 0] += 1e-6
    assert weights_digest(layer) != before
    assert weights_digest(nn.Sequential(layer)) != weights_digest(layer)
    assert weights_digest(layer.double()) != weights_digest(layer.float())


def test_weights_outside_of_checkpoints_count():
    with torch.no_grad():
        one, two = LookingThrough(1.0), LookingThrough(2.0)
        two.network.on(torch.device("cpu")).bias.copy_(one.network.on(torch.device("cpu")).bias)
    assert not one.state_dict()
    assert weights_digest(one) != weights_digest(two)
    two.network.on(torch.device("cpu")).weight.data.fill_(1.0)
    assert weights_digest(one) == weights_digest(two)


def test_what_looks_through_the_codec_depends_on_it():
    found = []
    for seed in (0, 0, 1):
        codec, latent = make_codec(seed), LatentFaceEncoder()
        latent.connect(codec)
        found.append(identities({"tokens": codec, "latent": latent})["latent"])
    assert found[0] == found[1] != found[2]


def test_a_part_says_what_it_is():
    identity = identities({"tokens": make_codec(0)})["tokens"]
    assert identity["component"] == "codecs/residual_vqgan"
    assert identity["arguments"]["channels"] == 4
    assert set(identity) == {"component", "arguments", "code", "weights"}


def test_a_model_without_frozen_parts_is_refused():
    with pytest.raises(UserError, match="Linear trains on images"):
        planned_cache(nn.Linear(1, 1), None, "auto")
