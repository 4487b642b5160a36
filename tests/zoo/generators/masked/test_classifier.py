"""Cross-entropy without logits, against torch's own."""

import pytest
import torch
from torch.nn import functional

from zoo.generators.masked import classifier
from zoo.generators.masked.classifier import Classifier


def work(generator, dtype=torch.float64, counts=(70, 0, 35)):
    torch.manual_seed(0)
    head = Classifier(3, 11, 6).to(dtype)
    with torch.no_grad():
        head.weight.mul_(50)
    features = torch.randn(sum(counts), 6, generator=generator, dtype=dtype).requires_grad_(True)
    tokens = torch.randint(11, (sum(counts),), generator=generator)
    return head, features, tokens, counts


@pytest.mark.parametrize("at_once", [1, 33 * 11, 10**9])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_gradients_are_those_of_torch(smoothing, at_once, generator, monkeypatch):
    monkeypatch.setitem(classifier._LOGITS_AT_ONCE, "cpu", at_once)
    head, features, tokens, counts = work(generator)
    verdict = head.judge(features, tokens, of_level=counts, smoothing=smoothing)
    found = torch.autograd.grad(3 * verdict.total, [features, head.weight])
    logits = torch.cat([head(rows, level) for level, rows in enumerate(features.split(counts))])
    losses = functional.cross_entropy(logits, tokens, label_smoothing=smoothing, reduction="none")
    expected = torch.autograd.grad(3 * losses.sum(), [features, head.weight])
    torch.testing.assert_close(verdict.losses, losses.detach())
    torch.testing.assert_close(verdict.total, losses.sum())
    assert torch.equal(verdict.correct, logits.argmax(-1) == tokens)
    for left, right in zip(found, expected, strict=True):
        torch.testing.assert_close(left, right)


def test_nothing_is_prepared_for_gradients_that_nobody_wants(generator):
    head, features, tokens, counts = work(generator)
    with torch.no_grad():
        verdict = head.judge(features, tokens, of_level=counts, smoothing=0.0)
    assert not verdict.total.requires_grad


def test_products_follow_autocast_and_sums_do_not(generator):
    head, features, tokens, counts = work(generator, torch.float32)
    exact = head.judge(features, tokens, of_level=counts, smoothing=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = head.judge(features.bfloat16(), tokens, of_level=counts, smoothing=0.1)
        assert head(features, 0).dtype == torch.float32
    assert rough.losses.dtype == torch.float32
    assert not torch.equal(rough.losses, exact.losses)
    torch.testing.assert_close(rough.losses, exact.losses, atol=0.2, rtol=0.05)
    for left, right in zip(
        torch.autograd.grad(rough.total, [features, head.weight]),
        torch.autograd.grad(exact.total, [features, head.weight]),
        strict=True,
    ):
        assert left.dtype == torch.float32
        assert (left - right).norm() < 0.05 * right.norm()
