"""What every backbone must do, found by the files of the family; on the meta device, where size costs nothing."""

from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser

from zoo.backbones.base import Backbone
from zoo.components import build, component_class, component_name, families, portable, specification

CONFIGS = Path(__file__).parents[3] / "configs" / "backbones"
MEMBERS = families()["backbones"]


@pytest.fixture(params=MEMBERS)
def backbone(request):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Backbone, "backbone")
    config = parser.parse_args([f"--backbone={CONFIGS / request.param}.yaml"])
    with torch.device("meta"):
        return parser.instantiate(config).backbone


@pytest.mark.parametrize("member", MEMBERS)
def test_file_and_class_share_their_name(member):
    cls = component_class(f"backbones/{member}")
    assert cls.__name__.lower() == f"{member.replace('_', '')}backbone"
    assert issubclass(cls, Backbone)


def test_it_is_rebuilt_from_plain_data(backbone):
    spec = portable(specification(backbone))
    assert spec["component"] == component_name(backbone)
    with torch.device("meta"):
        twin = build(spec)
    assert portable(specification(twin)) == spec
    assert twin.state_dict().keys() == backbone.state_dict().keys()


@pytest.mark.parametrize("size", [64, 256])
def test_maps_have_the_channels_it_says_and_grow_coarser(backbone, size):
    maps = backbone(torch.zeros(2, 3, size, size, device="meta"))
    assert tuple(each.shape[1] for each in maps) == backbone.channels
    sides = [each.shape[-1] for each in maps]
    assert sides == sorted(set(sides), reverse=True)
    assert all(each.shape[-2] == each.shape[-1] for each in maps)
