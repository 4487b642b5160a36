"""Figures of pairs against torchmetrics and by hand, and their means over frames."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchmetrics.functional.image import peak_signal_noise_ratio

from tests.zoo.metrics.processes import ranks
from zoo.metrics.frame_figures import FrameFigures
from zoo.metrics.pair_distances import PairDistance
from zoo.metrics.pair_quality import PairQuality, psnr, ssim


class _Difference(PairDistance):
    name = "difference"

    def __call__(self, images, others):
        return (images - others).abs().mean((1, 2, 3))


def _pairs(count=12, size=16):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, size, size, generator=generator)
    noise = torch.rand(count, 3, size, size, generator=generator)
    return images, 0.7 * images + 0.3 * noise


def _fill(metric, places=range(12)):
    images, others = _pairs()
    for part in torch.tensor(list(places)).split(5):
        metric.update(images[part], others[part], index=part, subject=[f"{int(n) % 4}" for n in part])


def test_psnr_is_by_hand_and_by_torchmetrics():
    images, others = _pairs()
    assert float(psnr(torch.full((1, 3, 2, 2), 0.5), torch.full((1, 3, 2, 2), 0.6))) == pytest.approx(20.0, abs=1e-4)
    expected = peak_signal_noise_ratio(images, others, data_range=1.0, reduction="none", dim=(1, 2, 3))
    torch.testing.assert_close(psnr(images, others), expected)
    assert torch.equal(psnr(images, images), torch.full((12,), torch.inf))


def _ssim_by_scipy(first, second):
    def blur(values):
        return ndimage.gaussian_filter(values, 1.5, truncate=5 / 1.5)

    values = []
    for x, y in zip(first.double().numpy(), second.double().numpy(), strict=True):
        mean, other = blur(x), blur(y)
        variances = blur(x * x) - mean**2 + blur(y * y) - other**2
        found = (2 * mean * other + 0.01**2) * (2 * (blur(x * y) - mean * other) + 0.03**2)
        values.append((found / ((mean**2 + other**2 + 0.01**2) * (variances + 0.03**2)))[5:-5, 5:-5].mean())
    return np.mean(values)


def test_ssim_is_what_scipys_windows_give():
    images, others = _pairs(count=3, size=24)
    expected = [_ssim_by_scipy(*pair) for pair in zip(images, others, strict=True)]
    torch.testing.assert_close(ssim(images, others).double(), torch.tensor(expected), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ssim(images[:1], images[:1]), torch.ones(1))
    with pytest.raises(ValueError, match="at least 11 pixels"):
        ssim(images[..., :8], others[..., :8])


def test_means_and_intervals_are_over_frames_and_people():
    metric = PairQuality(_Difference())
    _fill(metric)
    result = metric.compute()
    images, others = _pairs()
    assert float(result["psnr"]) == pytest.approx(float(psnr(images, others).mean()))
    assert float(result["difference"]) == pytest.approx(float((images - others).abs().mean()))
    assert result["num_pairs"] == 12
    for name in ("psnr", "ssim", "difference"):
        assert result[f"{name}_low"] < result[name] < result[f"{name}_high"]


def test_figures_against_references_say_so():
    metric = PairQuality(_Difference(), against="reference")
    _fill(metric)
    assert {name for name in metric.compute() if "_low" not in name and "_high" not in name} == {
        "psnr_to_reference",
        "ssim_to_reference",
        "difference_to_reference",
        "num_pairs",
    }


def test_ranks_give_what_one_process_gives():
    whole = PairQuality(_Difference())
    _fill(whole)

    def make(**options):
        return PairQuality(_Difference(), **options)

    found = ranks(
        make, lambda metric: _fill(metric, [0, 2, 4, 6, 0]), lambda metric: _fill(metric, [*range(11, 0, -2), 8, 10])
    )
    for name, value in whole.compute().items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-9), name


def test_signed_images_are_refused():
    images, others = _pairs()
    with pytest.raises(ValueError, match="images must be finite and in"):
        PairQuality(_Difference()).update(2 * images - 1, others)


def test_frames_without_a_figure_count_for_nothing():
    metric = FrameFigures(["drift", "identity"])
    metric.update(
        {"drift": torch.tensor([1.0, torch.nan, 3.0]), "identity": torch.full((3,), torch.nan)}, subject=["a", "b", "b"]
    )
    result = metric.compute()
    assert result["drift"] == 2.0
    assert (result["drift_low"], result["drift_high"]) == (1.0, 3.0)
    assert all(math.isnan(result[name]) for name in ("identity", "identity_low", "identity_high"))


def test_unknown_figures_are_refused():
    with pytest.raises(ValueError, match="figures must be drift, got cosine"):
        FrameFigures(["drift"]).update({"cosine": torch.zeros(2)})
