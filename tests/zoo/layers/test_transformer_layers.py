"""Rotation by position, and the gated feed-forward layer."""

import pytest
import torch

from zoo.layers.rotary import GridRotation
from zoo.layers.swiglu import SwiGLU


def test_rotation_keeps_lengths_and_sees_only_differences_of_positions(generator):
    rotation = GridRotation(6, 5, head_dim=8).double()
    query, key = (torch.randn(8, generator=generator, dtype=torch.float64).expand(30, -1) for _ in range(2))
    torch.testing.assert_close(rotation(query).norm(dim=-1), query.norm(dim=-1), atol=1e-6, rtol=1e-6)
    products = (rotation(query) @ rotation(key).T).view(6, 5, 6, 5)
    for down in range(-3, 4):
        for right in range(-2, 3):
            same = torch.stack(
                [
                    products[row, col, row + down, col + right]
                    for row in range(max(0, -down), min(6, 6 - down))
                    for col in range(max(0, -right), min(5, 5 - right))
                ]
            )
            torch.testing.assert_close(same, same[:1].expand_as(same), atol=1e-6, rtol=1e-5)
    assert products[0, 0].flatten().std() > 0.1


def test_rotation_is_a_complex_product_in_either_form(monkeypatch):
    rotation = GridRotation(3, 2, head_dim=4)
    vectors = torch.arange(24.0).view(6, 4)
    places = torch.cartesian_prod(torch.arange(3.0), torch.arange(2.0))
    turned = torch.view_as_complex(vectors.view(6, 2, 2)) * torch.exp(1j * places)
    expected = torch.view_as_real(turned).flatten(1)
    torch.testing.assert_close(rotation(vectors), expected)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(rotation(vectors), expected)
    torch.testing.assert_close(rotation(vectors.bfloat16()).float(), expected, atol=0.2, rtol=0.02)


def test_rotation_refuses_heads_that_it_cannot_divide():
    with pytest.raises(ValueError, match="multiple of 4"):
        GridRotation(2, 2, head_dim=6)


def test_the_gated_layer_multiplies_two_maps(generator):
    layer = SwiGLU(6, hidden_dim=10)
    vectors = torch.randn(4, 6, generator=generator)
    gate, value = (vectors @ layer.into.weight.T).chunk(2, -1)
    torch.testing.assert_close(layer(vectors), (gate * gate.sigmoid() * value) @ layer.out.weight.T)
    assert SwiGLU(192).out.in_features == 512
