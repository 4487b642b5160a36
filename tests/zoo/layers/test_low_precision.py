"""What is computed another way on CPUs, or in bfloat16, gives the same as the plain form."""

import pytest
import torch
from torch.nn import functional

from zoo.layers.dot_product import attend
from zoo.layers.rotary import GridRotation
from zoo.layers.swiglu import SwiGLU


def _gradients(function, inputs, upstream):
    inputs = [each.detach().clone().requires_grad_(True) for each in inputs]
    result = function(*inputs)
    return [result.detach().float(), *(each.float() for each in torch.autograd.grad(result, inputs, upstream))]


@pytest.mark.parametrize("masked", [False, True])
def test_attention_in_bfloat16_is_that_of_single_precision(masked):
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 2, length, 16) for length in (5, 9, 9))
    upstream = torch.randn(3, 2, 5, 16)
    mask = (torch.arange(9) < torch.tensor([9, 4, 1])[:, None])[:, None, None] if masked else None
    narrow = [each.bfloat16() for each in (query, key, value)]
    found = _gradients(lambda *each: attend(*each, mask=mask), narrow, upstream.bfloat16())
    expected = _gradients(
        lambda *each: functional.scaled_dot_product_attention(*each, attn_mask=mask),
        [each.float() for each in narrow],
        upstream.bfloat16().float(),
    )
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.03, rtol=0.03)


def test_gate_has_the_gradient_of_its_plain_form():
    torch.manual_seed(0)
    layer = SwiGLU(8).double()
    vectors, upstream = torch.randn(2, 3, 8, dtype=torch.float64), torch.randn(2, 3, 8, dtype=torch.float64)

    def plain(each):
        gate, value = layer.into(each).chunk(2, -1)
        return layer.out(functional.silu(gate) * value)

    for ours, theirs in zip(
        _gradients(layer, [vectors], upstream), _gradients(plain, [vectors], upstream), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_rotation_keeps_the_precision_of_the_vectors():
    rotation = GridRotation(3, 2, head_dim=8)
    vectors = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    turned = rotation(vectors)
    assert turned.dtype == torch.bfloat16
    torch.testing.assert_close(turned.float(), rotation(vectors.float()), atol=0.02, rtol=0.02)
    torch.testing.assert_close(rotation.bfloat16()(vectors).float(), turned.float(), atol=0.02, rtol=0.02)
