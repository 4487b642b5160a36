"""Isotonic curves against sklearn, and what they read off."""

import pytest
import torch
from sklearn.isotonic import IsotonicRegression

from zoo.metrics.intensity_calibration import IntensityCalibration, interpolated, isotonic


def test_curves_are_sklearns_with_ties_too(generator):
    for digits in (6, 1):  # with one digit, many scores are the same
        scores = torch.rand(80, generator=generator).mul(10**digits).round() / 10**digits
        values = (5 * scores + torch.randn(80, generator=generator)).clamp(0, 5).round()
        places, heights = isotonic(scores, values)
        reference = IsotonicRegression(out_of_bounds="clip").fit(scores.double().numpy(), values.double().numpy())
        at = torch.linspace(-0.1, 1.1, 50)
        expected = torch.from_numpy(reference.predict(at.double().numpy())).float()
        torch.testing.assert_close(interpolated(at, places, heights), expected, rtol=0, atol=1e-4)
        assert (heights.diff() >= 0).all()
        assert (places.diff() > 0).all()


def test_what_rises_is_left_as_it_is(generator):
    intensity = torch.randint(0, 6, (40, 2), generator=generator).float()
    probability = torch.sigmoid(2 * intensity - 4)
    read = IntensityCalibration.fit(probability, intensity)(probability)
    torch.testing.assert_close(read, intensity, rtol=0, atol=1e-5)


def test_an_au_of_which_nothing_is_known_is_nan_and_others_are_not():
    intensity = torch.tensor([[0.0, torch.nan], [torch.nan, torch.nan], [4.0, torch.nan]])
    calibration = IntensityCalibration.fit(torch.tensor([[0.1, 0.2], [0.9, 0.3], [0.5, 0.4]]), intensity)
    read = calibration(torch.tensor([[0.3, 0.3], [0.9, 0.9]]))
    assert read[:, 0].tolist() == pytest.approx([2.0, 4.0])
    assert read[:, 1].isnan().all()


def test_one_known_face_makes_a_flat_curve():
    calibration = IntensityCalibration.fit(torch.tensor([[0.4]]), torch.tensor([[3.0]]))
    assert calibration(torch.tensor([[0.0], [1.0]])).tolist() == [[3.0], [3.0]]
