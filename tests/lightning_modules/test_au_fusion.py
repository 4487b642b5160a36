"""AU fusion alone: what its probes may see, what they learn, what is handed to stage II."""

from __future__ import annotations

import functools
import math
import types

import pytest
import torch
from torch.nn import functional

import zoo.bundles
from lightning_modules.au_fusion import AUFusionModule
from lightning_modules.au_probe import AUProbe, ReferenceProbe, au_losses, reference_losses
from lightning_modules.callbacks.au_fusion_report import overlay
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.base import FaceEncoder
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.faces import FaceRenderer, sample_faces
from zoo.facs import AUS
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.fusion.base import Context
from zoo.metrics.au_location import AUAnswer, AULocation
from zoo.quantizers.residual import ResidualQuantizer
from zoo.text_encoders.au_labels import AULabelsTextEncoder

SIZE = 32
FUSION = functools.partial(AUCrossAttentionFusion, dim=32, num_heads=2)


class Pooled(FaceEncoder):
    """Means of the squares of a picture, and where each is."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = 3 + 16

    def forward(self, images):
        means = functional.adaptive_avg_pool2d(images, 4).flatten(2).transpose(1, 2)
        return torch.cat([means, torch.eye(16).expand(len(images), 16, 16)], -1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def module_with(**arguments):
    text = AULabelsTextEncoder(dim=16, length=3, hidden_dim=32)
    return AUFusionModule(Pooled(), text_encoder=text, fusion=FUSION, image_size=SIZE, map_side=16, **arguments)


def codec():
    quantizer = ResidualQuantizer(latent_dim=8, num_levels=2, codebook_size=16)
    return ResidualVQGANCodec(
        quantizer, channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )


@functools.cache
def small_face():
    """The points of a face of half the picture's width, in its middle."""
    seed = torch.tensor([7])
    points = FaceRenderer(SIZE)(sample_faces(seed, seed, seed).neutral()).landmarks
    return (points - SIZE / 2) * 0.6 + SIZE / 2


def faces(count=12, seed=0):
    """Small faces in the left or the right half, which the picture alone tells."""
    generator = torch.Generator().manual_seed(seed)
    right = torch.rand(count, generator=generator) < 0.5
    shift = torch.where(right, SIZE / 4, -SIZE / 4)[:, None, None] * torch.tensor([1.0, 0.0])
    reference = torch.zeros(count, 3, SIZE, SIZE)
    reference[~right, :, :, : SIZE // 2] = 1
    reference[right, :, :, SIZE // 2 :] = 1
    occurrence = torch.rand(count, len(AUS), generator=generator) < 0.4
    return {
        "reference": reference,
        "reference_landmarks": small_face() + shift,
        "occurrence": occurrence,
        "known": torch.ones_like(occurrence),
        "intensity": torch.full(occurrence.shape, math.nan),
        "prompt": [""] * count,
        "subject": [f"faces/{index}" for index in range(count)],
    }


def context_of(action, attention=None, **others):
    batch, length, _ = action.shape
    mask = others.pop("mask", torch.ones(batch, length, dtype=torch.bool))
    return Context(features=others.pop("features", action), mask=mask, spatial=None, action=action, attention=attention)


def test_the_probe_sees_nothing_but_au_features():
    probe = AUProbe(16, map_side=4)
    action, attention = torch.randn(2, 3, 16), torch.rand(2, 3, 9).softmax(-1)
    one = probe(context_of(action, attention))
    other = probe(context_of(action, attention, features=torch.randn(2, 3, 16)))
    for name in ("occurrence", "maps", "attention"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name))
    torch.testing.assert_close(one.attention.sum(-1), torch.ones(2, len(AUS)))
    elsewhere = probe(context_of(action, attention.flip(-1)))
    torch.testing.assert_close(elsewhere.maps, one.maps)  # attention is shown, not read


def test_the_probe_passes_over_padding():
    probe = AUProbe(16, map_side=4)
    action = torch.randn(1, 3, 16)
    padded = torch.cat([action, 9 * torch.ones(1, 2, 16)], 1)
    mask = torch.tensor([[True] * 3 + [False] * 2])
    torch.testing.assert_close(probe(context_of(padded, mask=mask)).maps, probe(context_of(action)).maps)


def answer_for(truth, *, right=True):
    regions = truth["regions"].float()
    inside = functional.adaptive_avg_pool2d(regions if right else 1 - regions, 4).flatten(2)
    sign = 1 if right else -1
    return AUAnswer(
        occurrence=sign * 20 * (truth["occurrence"].float() - 0.5),
        maps=sign * 20 * (regions - 0.5),
        attention=inside / inside.sum(-1, keepdim=True),
    )


def some_truth():
    batch = faces()
    return {
        "occurrence": batch["occurrence"],
        "known": batch["known"],
        "regions": module_with().regions(batch),
        "with_reference": torch.ones(12, dtype=torch.bool),
    }


def test_losses_are_least_for_what_is_right():
    truth = some_truth()
    right, wrong = (au_losses(answer_for(truth, right=each), **truth) for each in (True, False))
    assert right["occurrence"] < 1e-3 < 5 < wrong["occurrence"]
    assert right["map"] < 1e-3 < 5 < wrong["map"]
    assert right["attention"] < wrong["attention"]


def test_losses_pass_over_what_is_unknown():
    truth = some_truth()
    truth["known"] = torch.rand(truth["known"].shape) < 0.5
    truth["with_reference"][::2] = False
    answer = answer_for(truth)
    before = au_losses(answer, **truth)
    answer.occurrence[~truth["known"]] *= -1
    answer.maps[~(truth["known"] & truth["occurrence"])] *= -1
    answer.attention[::2] = 1 / 16
    after = au_losses(answer, **truth)
    assert {name: value.item() for name, value in after.items()} == {name: each.item() for name, each in before.items()}


def test_reference_losses_are_zero_for_the_features_themselves():
    features = {"appearance": torch.randn(3, 1, 5), "latent": torch.randn(3, 4, 6)}
    said = {"appearance": 2 * features["appearance"][:, 0], "latent": features["latent"].clone()}
    everywhere = torch.ones(3, dtype=torch.bool)
    assert all(loss.abs() < 1e-6 for loss in reference_losses(said, features, everywhere).values())
    mean = {"appearance": -said["appearance"], "latent": features["latent"].mean().expand(3, 4, 6)}
    losses = reference_losses(mean, features, everywhere)
    assert losses["appearance"].item() == pytest.approx(2)
    assert losses["latent"].item() == pytest.approx(1, abs=0.05)
    assert not ReferenceProbe(8)(context_of(torch.randn(1, 2, 8)))


def test_every_parameter_of_the_fusion_learns():
    module = module_with(
        appearance=Pooled(), latent=LatentFaceEncoder(), codec=codec(), drop_text=0.3, drop_reference=0.3
    )
    module.log = module.log_dict = lambda *_, **__: None
    module.training_step(faces(), 0).backward()
    idle = [name for name, each in module.fusion.named_parameters() if each.grad is None]
    assert not idle  # several processes would wait for it
    still = {name for name, each in module.fusion.named_parameters() if not each.grad.any()}
    # where the reference is left out, nothing is to be found in it; one vector is mixed in one way
    assert still <= {"no_appearance", "no_latent", "appearance_mixture.weight", "appearance_mixture.bias"}
    assert all(each.grad is None for each in module.codec.parameters())


def test_structure_tells_where_and_text_alone_does_not():
    """The place is in the picture alone, so whoever doesn't see the picture can't do better than a guess."""
    module = module_with(drop_text=0.0, drop_reference=0.0)
    module.log = module.log_dict = lambda *_, **__: None
    optimizer = torch.optim.AdamW(module.parameters(), 4e-3)
    for step in range(100):
        optimizer.zero_grad()
        module.training_step(faces(16, seed=step + 1), step).backward()
        optimizer.step()
    module.eval()
    location = AULocation(pairs=[("own", "text_alone"), ("own", "shuffled")])
    for seed in range(1000, 1003):
        batch = faces(16, seed=seed)
        location.update(
            module.ask(batch),
            [f"{seed}/{name}" for name in batch["subject"]],
            occurrence=batch["occurrence"],
            known=batch["known"],
            regions=module.regions(batch),
        )
    found = location.compute()
    assert found["map_iou_own_over_text_alone_interval"][0] > 0.1
    assert found["map_iou_own_over_shuffled_interval"][0] > 0.1
    assert found["attention_own_interval"][0] > max(1.5, found["attention_shuffled_interval"][1])


def test_text_alone_does_not_depend_on_the_reference():
    module = module_with().eval()
    one, other = faces(), faces()
    other["reference"] = torch.rand_like(other["reference"])
    first, second = module.ask(one), module.ask(other)
    torch.testing.assert_close(first["text_alone"].maps, second["text_alone"].maps)
    assert not torch.allclose(first["own"].maps, second["own"].maps)
    assert first["text_alone"].attention is None


def test_shuffled_is_the_structure_of_somebody_else():
    module = module_with().eval()
    batch = faces()
    answers = module.ask(batch)
    batch["reference"] = batch["reference"].roll(-1, 0)
    torch.testing.assert_close(module.ask(batch)["own"].maps, answers["shuffled"].maps)


def test_latents_without_a_codec_are_refused():
    with pytest.raises(ValueError, match="codec must be given with latent"):
        module_with(latent=LatentFaceEncoder())


@pytest.mark.parametrize("name", ["map_weight", "attention_weight", "drop_text"])
def test_negative_numbers_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0"):
        module_with(**{name: -0.1})


def test_data_without_the_points_of_references_is_refused():
    batch = faces()
    del batch["reference_landmarks"]
    with pytest.raises(ValueError, match=r"Set --data\.reference_landmarks true"):
        module_with().regions(batch)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"Set --model\.image_size 64"):
        module_with().check(image_size=64)


def test_a_map_is_laid_over_a_face_where_it_is_high():
    image = torch.zeros(3, 8, 8)
    heat = torch.zeros(2, 2)
    heat[0, 0] = 0.2
    laid = overlay(image, heat)
    assert laid[0, 0, 0] == pytest.approx(0.65)
    assert laid[1, 0, 0] == pytest.approx(-0.65)
    assert not laid[:, -1, -1].any()
    torch.testing.assert_close(overlay(image, 3 * heat), laid)


def test_a_pipeline_lends_its_text_encoder(monkeypatch):
    text = AULabelsTextEncoder(dim=16, length=3, hidden_dim=32)
    pipeline = types.SimpleNamespace(text_encoder=text)
    monkeypatch.setattr(zoo.bundles, "load", lambda path: {"runs/stage2/first": pipeline}[path])
    module = AUFusionModule(Pooled(), text_encoder="runs/stage2/first", fusion=FUSION, image_size=SIZE, map_side=16)
    module.log = module.log_dict = lambda *_, **__: None
    assert module.text_encoder is text
    assert module.text_alone["text_encoder"] is text
    module.train()
    assert not text.training
    module.training_step(faces(), 0).backward()
    assert all(each.grad is None for each in text.parameters())
