"""Value ranges: round trips, rounding, and errors that say how to convert."""

import re
from pathlib import Path

import pytest
import torch

from zoo import images


def test_every_pixel_value_survives_the_round_trip():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(images.to_uint8(images.from_uint8(pixels)), pixels)


def test_to_uint8_rounds_and_clamps():
    values = torch.tensor([-1.5, -1.0, 0.0, 0.0041, 1.0, 1.1])
    assert images.to_uint8(values).tolist() == [0, 0, 128, 128, 255, 255]


def test_unit_and_signed_are_inverse():
    values = torch.linspace(-1, 1, 11)
    torch.testing.assert_close(images.from_unit(images.to_unit(values)), values)


@pytest.mark.parametrize("value", [1.01, -1.01, float("nan"), float("inf")])
def test_what_is_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match=r"must be finite and in \[-1, 1\]"):
        images.check_signed(torch.tensor([0.0, value]))


def test_unit_images_are_checked_too():
    images.check_unit(torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="to_unit"):
        images.check_unit(torch.tensor([-0.5]))


def test_no_other_file_converts_ranges():
    root = Path(images.__file__).parents[1]
    pattern = re.compile(r"127\.5|/ ?255\b|\* ?0\.5 ?\+ ?0\.5(?! ?\*)|/ ?2 ?\+ ?0\.5")
    files = [file for folder in ("zoo", "lightning_modules", "datamodules") for file in (root / folder).rglob("*.py")]
    found = [
        f"{file.relative_to(root)}:{number}"
        for file in files
        if file.name != "images.py"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"value ranges are converted in zoo/images.py alone, found {found}"
