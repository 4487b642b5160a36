"""AU cross-attention and token fusion: what each part contributes, and what must not matter."""

from __future__ import annotations

import functools

import pytest
import torch

from zoo.components import specification
from zoo.fusion.au_cross_attention import AUCrossAttentionFusion
from zoo.text_encoders.base import EncodedText

SIZES = {"text_dim": 6, "appearance_dim": 5, "structure_dim": 7, "latent_dim": 4, "num_positions": 9}


def inputs(batch=2, length=3, real=(3, 2)):
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(length) < torch.tensor(real)[:, None]
    text = EncodedText(torch.randn(batch, length, 6, generator=generator), mask)
    reference = {
        "appearance": torch.randn(batch, 1, 5, generator=generator),
        "structure": torch.randn(batch, 8, 7, generator=generator),
        "latent": torch.randn(batch, 9, 4, generator=generator),
    }
    return text, reference


def fusion_with(*names, **arguments):
    sizes = {name: size for name, size in SIZES.items() if name.split("_")[0] in {"text", *names}}
    if "latent" in names:
        sizes["num_positions"] = 9
    torch.manual_seed(0)
    return AUCrossAttentionFusion(**sizes, dim=8, num_heads=2, **arguments)


def test_the_context_is_the_text_followed_by_the_token_grid():
    text, reference = inputs()
    context = fusion_with("appearance", "structure", "latent")(text, **reference)
    assert context.features.shape == (2, 3 + 9, 8)
    assert context.mask.tolist() == [[True] * 12, [True, True, False] + [True] * 9]
    torch.testing.assert_close(context.features[:, 3:], context.spatial)
    torch.testing.assert_close(context.attention.sum(-1), torch.ones(2, 3))


def test_without_structure_the_au_features_are_the_text():
    text, reference = inputs()
    fusion = fusion_with("appearance", "latent")
    context = fusion(text, appearance=reference["appearance"], latent=reference["latent"])
    torch.testing.assert_close(context.action, fusion.text(text.features))
    assert context.attention is None


def test_without_all_three_the_text_is_the_context():
    text, _ = inputs()
    fusion = fusion_with()
    context = fusion(text)
    torch.testing.assert_close(context.features, fusion.text(text.features))
    assert context.spatial is None


def test_one_appearance_vector_is_added_alike_to_every_text_feature():
    text, reference = inputs()
    fusion = fusion_with("appearance")
    context = fusion(text, appearance=reference["appearance"])
    added = context.features - context.action
    torch.testing.assert_close(added, added[:, :1].expand_as(added))
    torch.testing.assert_close(added[:, 0], fusion.appearance(reference["appearance"][:, 0]))


def test_several_appearance_vectors_are_mixed_for_each_text_feature():
    text, reference = inputs()
    fusion = fusion_with("appearance", appearance_vectors=4)
    context = fusion(text, appearance=reference["appearance"])
    added = context.features - context.action
    assert not torch.allclose(added[:, 0], added[:, 1])


def test_padding_of_the_text_changes_nothing_real():
    text, reference = inputs()
    fusion = fusion_with("appearance", "structure", "latent")
    noise = torch.where(text.mask[..., None], text.features, 100 * torch.randn_like(text.features))
    one, other = fusion(text, **reference), fusion(EncodedText(noise, text.mask), **reference)
    torch.testing.assert_close(one.features[one.mask], other.features[other.mask])


def test_dropped_text_leaves_no_trace_of_it():
    text, reference = inputs()
    fusion = fusion_with("appearance", "structure", "latent")
    other = EncodedText(torch.randn_like(text.features), text.mask)
    drop = torch.tensor([True, False])
    one, two = (fusion(each, **reference, without_text=drop) for each in (text, other))
    torch.testing.assert_close(one.features[0][one.mask[0]], two.features[0][two.mask[0]])
    assert one.mask[0].tolist() == [True, False, False] + [True] * 9
    assert not torch.allclose(one.features[1, :2], two.features[1, :2])


def test_dropped_reference_leaves_no_trace_of_it():
    text, reference = inputs()
    fusion = fusion_with("appearance", "structure", "latent")
    other = {name: torch.randn_like(features) for name, features in reference.items()}
    drop = torch.tensor([True, False])
    one, two = (fusion(text, **each, without_reference=drop) for each in (reference, other))
    torch.testing.assert_close(one.features[0], two.features[0])
    assert not torch.allclose(one.features[1], two.features[1])


def test_every_parameter_learns():
    text, reference = inputs()
    fusion = fusion_with("appearance", "structure", "latent", appearance_vectors=2, num_layers=2)
    drop = torch.tensor([True, False])
    context = fusion(text, **reference, without_text=drop, without_reference=drop)
    context.features[context.mask].square().sum().backward()
    idle = [name for name, each in fusion.named_parameters() if each.grad is None or not each.grad.any()]
    assert not idle


@pytest.mark.parametrize("names", [("appearance",), ("appearance", "structure")])
def test_features_that_it_was_built_without_are_refused(names):
    text, reference = inputs()
    with pytest.raises(ValueError, match="latent must be None"):
        fusion_with(*names)(text, **{name: reference[name] for name in (*names, "latent")})


def test_missing_features_are_refused():
    text, reference = inputs()
    with pytest.raises(ValueError, match="structure must be given"):
        fusion_with("appearance", "structure")(text, appearance=reference["appearance"])


def test_latents_without_positions_are_refused():
    with pytest.raises(ValueError, match="num_positions must be given"):
        AUCrossAttentionFusion(text_dim=6, latent_dim=4)


def test_a_part_that_waits_for_its_sizes_can_be_said():
    waiting = functools.partial(AUCrossAttentionFusion, dim=8)
    assert specification(waiting) == {
        "class_path": "zoo.fusion.au_cross_attention.AUCrossAttentionFusion",
        "init_args": {"dim": 8},
    }
