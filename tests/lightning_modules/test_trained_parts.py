"""Parts that a module is given as paths: missed with the cure, loaded strictly."""

import pytest
import torch

from lightning_modules.trained_parts import part, require
from zoo.bundles import WeightsNotFoundError, save_bundle
from zoo.codecs.base import Codec
from zoo.discriminators.base import Discriminator
from zoo.discriminators.patch import PatchDiscriminator


def test_a_missing_part_is_told_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        WeightsNotFoundError, match=r"str: codec must be .* got 'runs/a', which does not exist. Make it"
    ):
        require("runs/a", owner="", argument="codec", cure="Make it.")
    (tmp_path / "runs" / "a").mkdir(parents=True)
    require("runs/a", owner="", argument="codec", cure="Make it.")


def test_a_part_is_taken_as_it_is_or_loaded_and_must_be_of_its_kind(tmp_path):
    given = PatchDiscriminator(channels=4, num_halvings=1)
    assert part(given, Discriminator, owner="Module", argument="judge") is given
    bundle = str(save_bundle(given, tmp_path / "bundle", card="Untrained."))
    loaded = part(bundle, Discriminator, owner="Module", argument="judge")
    assert all(torch.equal(each, given.state_dict()[name]) for name, each in loaded.state_dict().items())
    with pytest.raises(TypeError, match=r"codec must be the path of a Codec, got .* holds a PatchDiscriminator"):
        part(bundle, Codec, owner="Module", argument="codec")
