"""Image files, whole and broken."""

import numpy as np
import pytest
from PIL import Image

from datamodules.face_images import UnreadableImageError, read_image


def _picture(height=6, width=9):
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def test_a_png_is_read_as_it_was_written(tmp_path):
    Image.fromarray(_picture()).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), _picture())


def test_a_camera_that_was_turned_is_turned_back(tmp_path):
    image = Image.fromarray(np.full((8, 16, 3), 50, np.uint8))
    image.paste((255, 255, 255), (0, 0, 8, 8))
    exif = image.getexif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to look at it
    image.save(tmp_path / "a.png", exif=exif)
    upright = read_image(tmp_path / "a.png")
    assert upright.shape == (16, 8, 3)
    assert upright[0, 0, 0] == 255
    assert upright[-1, 0, 0] == 50


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_other_modes_become_rgb(tmp_path, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    source = Image.fromarray(_picture())
    source = Image.fromarray(np.full((6, 9), 40_000, np.uint16)) if mode == "I;16" else source.convert(mode)
    source.save(tmp_path / f"a.{suffix}")
    pixels = read_image(tmp_path / f"a.{suffix}")
    assert pixels.shape == (6, 9, 3)
    assert pixels.dtype == np.uint8
    if mode == "I;16":
        assert (pixels == round(40_000 / 65_535 * 255)).all()


def test_a_dark_image_of_16_bits_stays_dark(tmp_path):
    Image.fromarray(np.full((2, 2), 200, np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").max() == 1


def test_transparency_is_laid_over_white(tmp_path):
    layer = np.zeros((2, 2, 4), np.uint8)
    layer[0, 0] = 255, 0, 0, 255
    Image.fromarray(layer).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert pixels[1, 1].tolist() == [255, 255, 255]


def test_the_largest_square_is_scaled(tmp_path):
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 10:30] = 200
    Image.fromarray(picture).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png", size=10)
    assert pixels.shape == (10, 10, 3)
    assert (abs(pixels.astype(int) - 200) < 15).all()  # the filter rings at the edge


def test_what_is_no_whole_image_is_named(tmp_path):
    whole = tmp_path / "whole.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    broken = {
        "truncated.jpg": whole.read_bytes()[:1500],
        "text.png": b"this is no image",
        "empty.png": b"",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError, match=f"{name} must be a whole image.*Replace or remove it"):
            read_image(tmp_path / name)
    with pytest.raises(UnreadableImageError, match=r"missing\.png must exist"):
        read_image(tmp_path / "missing.png")
