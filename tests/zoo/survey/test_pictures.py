"""Pictures on the page differ in what they show alone."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from datamodules.face_images import UnreadableImageError, read_image
from zoo.survey.pictures import PictureEncoder


def shown(uri):
    kind, _, content = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_all_get_one_size_and_no_metadata(draw, tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("made_by", "ganimation")
    files = [draw(tmp_path / "a.png", size=(40, 40), pnginfo=text), draw(tmp_path / "b.jpg", size=(90, 60))]
    encoder = PictureEncoder(read_image, size=64)
    sizes = encoder.measured(files)
    assert (sizes.smallest, sizes.largest, sizes.num_oblong) == (40, 90, 1)
    for file in files:
        picture = shown(encoder.encoded(file, sizes=sizes))
        assert picture.size == (64, 64)
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_small_pictures_are_not_blown_up_without_need(draw, tmp_path):
    file = draw(tmp_path / "a.png", size=(48, 48))
    encoder = PictureEncoder(read_image, size=384)
    assert shown(encoder.encoded(file, sizes=encoder.measured([file]))).size == (48, 48)


def test_a_picture_stays_what_it_was(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 255, 64).round().astype(np.uint8)[:, None, None], (64, 64, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "ramp.png")
    encoder = PictureEncoder(read_image, size=64)
    picture = shown(encoder.encoded(tmp_path / "ramp.png", sizes=encoder.measured([tmp_path / "ramp.png"])))
    assert np.abs(np.asarray(picture).astype(int) - ramp).max() <= 4


def test_an_oblong_picture_is_cropped_or_laid_on_grey(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    files = [tmp_path / "wide.png"]
    for fit, corner in (("crop", 255), ("pad", 127)):
        encoder = PictureEncoder(read_image, size=40, fit=fit)
        picture = np.asarray(shown(encoder.encoded(files[0], sizes=encoder.measured(files))))
        assert abs(int(picture[2, 20, 0]) - corner) < 6


def test_sharpness_can_be_made_equal(draw, tmp_path):
    files = [draw(tmp_path / "small.png", size=(40, 40)), draw(tmp_path / "large.png", size=(200, 200))]

    def detail(**options):
        encoder = PictureEncoder(read_image, size=200, **options)
        pixels = np.asarray(shown(encoder.encoded(files[1], sizes=encoder.measured(files))).convert("L")).astype(float)
        return np.abs(np.diff(pixels, axis=1)).mean()

    assert detail(equal_sharpness=True) < 0.3 * detail()


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UnreadableImageError, match=r"text\.png must be a whole image"):
        PictureEncoder(read_image).measured([tmp_path / "text.png"])


def test_too_small_a_size_is_refused():
    with pytest.raises(ValueError, match="size must be at least 32"):
        PictureEncoder(read_image, size=8)
