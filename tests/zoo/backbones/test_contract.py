"""What every backbone must do, found by the files of the family; large ones on the meta device."""

import pytest
import torch

from tests.zoo.contract import ComponentContract


class TestBackbones(ComponentContract):
    family = "backbones"
    too_large = ("swin",)

    def arguments(self, member):
        return {"resnet": {"depth": 18, "image_size": 32}}.get(member, {})

    def outcome(self, backbone, generator):
        return backbone(torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1)

    @pytest.mark.parametrize("size", [64, 256])
    def test_maps_have_the_channels_it_says_and_grow_coarser(self, member, size):
        with torch.device("meta"):
            backbone = self.make(member)
            maps = backbone.to("meta")(torch.zeros(2, 3, size, size))
        assert tuple(each.shape[1] for each in maps) == backbone.channels
        sides = [each.shape[-1] for each in maps]
        assert sides == sorted(set(sides), reverse=True)
        assert all(each.shape[-2] == each.shape[-1] for each in maps)
