"""Stage II with parts that are trained already: a fusion by its path fits, stays as it is, or is refused."""

from __future__ import annotations

import functools

import pytest
import torch
import yaml

import cli
from lightning_modules.au_fusion import AUFusionModule
from lightning_modules.maskgit import MaskGITModule
from zoo.backbones.compact import CompactBackbone
from zoo.bundles import save_bundle
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.compact_appearance import CompactAppearanceFaceEncoder
from zoo.face_encoders.compact_structure import CompactStructureFaceEncoder
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.generators.parallel import ParallelGenerator
from zoo.quantizers.residual import ResidualQuantizer
from zoo.text_encoders.au_labels import AULabelsTextEncoder

SIZE = 32
FUSION = functools.partial(AUCrossAttentionFusion, dim=16, num_heads=2)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def codec():
    quantizer = ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8)
    return ResidualVQGANCodec(
        quantizer, channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )


def text(dim=16):
    return AULabelsTextEncoder(dim=dim, length=3, hidden_dim=32)


def faces():
    backbone = functools.partial(CompactBackbone, widths=[4, 8], num_blocks=[1, 1])
    return {
        "appearance": CompactAppearanceFaceEncoder(backbone(), dim=8),
        "structure": CompactStructureFaceEncoder(backbone(), dim=12),
        "latent": LatentFaceEncoder(),
    }


def stage_two(fusion, *, text_dim=16, image_size=SIZE, **changes):
    return MaskGITModule(
        codec(),
        text_encoder=text(text_dim),
        fusion=fusion,
        generator=functools.partial(ParallelGenerator, dim=16, num_layers=1, num_heads=2),
        image_size=image_size,
        **{**faces(), **changes},
    )


def batch_of(count):
    images = torch.rand(count, 3, SIZE, SIZE) * 2 - 1
    batch = {"image": images, "reference": images.flip(0), "prompt": [""] * count}
    return batch | {"occurrence": torch.rand(count, 12) < 0.4, "intensity": torch.full((count, 12), torch.nan)}


@pytest.fixture(scope="module")
def trained():
    """A fusion as ``au_fusion.yaml`` makes it."""
    return AUFusionModule(text_encoder=text(), fusion=FUSION, codec=codec(), image_size=SIZE, **faces()).fusion


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    return str(save_bundle(trained, tmp_path_factory.mktemp("fusion") / "bundle", card="Fusion"))


def test_stage_two_and_the_fusions_own_module_build_the_same(trained):
    stage_two(FUSION).pipeline.fusion.load_state_dict(trained.state_dict(), strict=True)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("models/vq_auface", "models/vq_auface"),
        ("fusion/au_cross_attention.yaml", {"dim": 128, "num_heads": 4, "num_layers": 1, "appearance_vectors": 1}),
    ],
)
def test_a_fusion_is_said_as_a_path_or_a_part(given, kept, capfd):
    assert cli.main(["fit", "--config", "stage2.yaml", "--model.fusion", given, "--print_config"]) == 0
    fusion = yaml.safe_load(capfd.readouterr().out)["model"]["init_args"]["fusion"]
    assert (fusion if isinstance(fusion, str) else fusion["init_args"]) == kept


def test_a_fusion_by_its_path_stays_as_it_is(trained, bundle):
    module = stage_two(bundle).train()
    fusion = module.pipeline.fusion
    assert "fusion" in module.frozen
    assert not fusion.training
    module._predict(batch_of(4)).loss.backward()
    learned = {name.split(".")[1] for name, weight in module.named_parameters() if weight.grad is not None}
    assert learned == {"generator", "text_encoder", "appearance", "structure"}
    assert set(fusion.state_dict()) == set(trained.state_dict())
    for name, value in trained.state_dict().items():
        assert torch.equal(fusion.state_dict()[name], value)


def test_a_pipeline_lends_its_fusion(tmp_path):
    pipeline = stage_two(FUSION).pipeline
    path = save_bundle(pipeline, tmp_path / "pipeline", card="Stage II")
    fusion = stage_two(str(path)).pipeline.fusion
    for name, value in pipeline.fusion.state_dict().items():
        assert torch.equal(fusion.state_dict()[name], value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"text_dim": 8}, r"fusion\.text_dim must be 8, .* got 16\."),
        ({"appearance": None}, r"fusion\.appearance_dim must be None, .* got 8\."),
        ({"image_size": 2 * SIZE}, r"fusion\.num_positions must be 64, .* got 16\."),
    ],
    ids=["text", "no appearance", "another size"],
)
def test_a_fusion_of_other_encoders_is_refused(changes, complaint, bundle):
    with pytest.raises(ValueError, match=complaint):
        stage_two(bundle, **changes)


def test_a_path_that_holds_no_fusion_is_refused(tmp_path):
    path = save_bundle(codec(), tmp_path / "codec", card="Codec")
    with pytest.raises(TypeError, match=r"fusion must be the path of a Fusion, got .* holds a ResidualVQGANCodec"):
        stage_two(str(path))


@pytest.mark.parametrize("latent", [LatentFaceEncoder(), None])
def test_whether_a_step_reaches_all_that_is_trained_is_known(latent):
    module = stage_two(FUSION, latent=latent).train()
    some = torch.tensor([True, False, False, True])
    module._predict(batch_of(4), without_text=some, without_reference=~some).loss.backward()
    idle = [name for name, weight in module.named_parameters() if weight.requires_grad and weight.grad is None]
    assert bool(idle) == module.has_idle_parameters, idle
