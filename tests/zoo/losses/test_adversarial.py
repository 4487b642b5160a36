"""Equations 3 and 4, the bounded weight and LeCam."""

import numpy as np
import pytest
import torch

from zoo.losses.adversarial import AdversarialLoss


@pytest.fixture
def logits(generator):
    return 2 * torch.randn(2, 3, 1, 5, 5, generator=generator)


def test_the_codec_loss_is_equation_3(logits):
    assert float(AdversarialLoss()(logits[1])) == pytest.approx(-float(logits[1].double().mean()), abs=1e-6)


def test_the_discriminator_loss_is_equation_4_without_a_half(logits):
    real, fake = logits.double().numpy()
    expected = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert float(AdversarialLoss().discriminator_loss(*logits)) == pytest.approx(expected, rel=1e-5)


def test_a_discriminator_beyond_the_margin_gets_no_gradient():
    real, fake = torch.full((1, 1, 2, 2), 1.5, requires_grad=True), torch.full((1, 1, 2, 2), -1.5, requires_grad=True)
    AdversarialLoss().discriminator_loss(real, fake).backward()
    assert not real.grad.any()
    assert not fake.grad.any()


def test_the_weight_is_fixed_unless_asked_otherwise():
    loss = AdversarialLoss(weight=0.1)
    assert float(loss.adversarial_weight(torch.ones(3), 1e-6 * torch.ones(3))) == pytest.approx(0.1)


@pytest.mark.parametrize(("scale", "ratio"), [(4.0, 0.25), (1e-9, 1.0), (0.0, 1.0)])
def test_the_adaptive_weight_balances_gradients_within_its_bound(scale, ratio):
    loss = AdversarialLoss(weight=0.5, adaptive=True, largest_ratio=1.0)
    found = float(loss.adversarial_weight(torch.ones(3), scale * torch.ones(3)))
    assert found == pytest.approx(0.5 * ratio, rel=1e-4)


def test_lecam_follows_its_formula(logits):
    plain = AdversarialLoss().discriminator_loss(*logits)
    loss = AdversarialLoss(lecam_weight=0.01)
    found = loss.discriminator_loss(*logits)
    real, fake = logits.double()
    # the first batch sets the means whole
    distance = (real - fake.mean()).clamp(min=0).square().mean() + (real.mean() - fake).clamp(min=0).square().mean()
    assert float(found - plain) == pytest.approx(0.01 * float(distance), rel=1e-4)


def test_the_means_of_lecam_move_slowly_in_training_only_and_are_saved(logits):
    loss = AdversarialLoss(lecam_weight=0.01, lecam_decay=0.9)
    loss.discriminator_loss(*logits)
    first = torch.stack([logits[0].mean(), logits[1].mean()])
    torch.testing.assert_close(loss.mean_logits, first)
    loss.discriminator_loss(*(logits + 1))
    torch.testing.assert_close(loss.mean_logits, first + 0.1)
    twin = AdversarialLoss(lecam_weight=0.01, lecam_decay=0.9)
    twin.load_state_dict(loss.state_dict(), strict=True)
    assert torch.equal(twin.mean_logits, loss.mean_logits)
    twin.eval().discriminator_loss(*logits)
    with torch.no_grad():
        twin.train().discriminator_loss(*logits)
    assert torch.equal(twin.mean_logits, loss.mean_logits)


def test_a_backward_pass_after_another_forward_pass_is_allowed(logits):
    # gradient accumulation: the means move in place between a forward and its backward pass
    loss = AdversarialLoss(lecam_weight=0.01)
    logits.requires_grad_(True)
    first = loss.discriminator_loss(*logits)
    loss.discriminator_loss(*(logits.detach() + 1))
    first.backward()
    assert logits.grad.isfinite().all()


def test_a_decay_of_one_is_refused():
    with pytest.raises(ValueError, match="lecam_decay must be in"):
        AdversarialLoss(lecam_decay=1.0)
