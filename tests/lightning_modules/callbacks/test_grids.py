from __future__ import annotations

import pytest
import torch
from PIL import Image

from lightning_modules.callbacks import grids


def test_small_images_are_enlarged_and_rows_captioned():
    rows = {"a caption": torch.ones(3, 3, 16, 16), "b": -torch.ones(3, 3, 16, 16)}
    pixels = grids.as_array(grids.grid(rows))
    assert pixels.shape[0] == 2 * (64 + 2)
    assert (pixels[:64, -66:-2] == 255).all()
    assert (pixels[66:130, -66:-2] == 0).all()
    assert (pixels[:64, :40] < 128).any()  # the caption


def test_a_caption_that_is_cut_says_so(monkeypatch):
    from PIL import ImageDraw

    drawn = []
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda self, place, text, **options: drawn.append(text))
    images = torch.zeros(3, 3, 64, 64)
    grids.grid({"row": images}, columns=["12", "1+2+4", "1+2+4+6+12+15+17+24"])
    short, fits, cut = drawn[:3]
    assert (short, fits) == ("12", "1+2+4")
    assert cut.endswith("...")
    assert "1+2+4+6+12+15+17+24".startswith(f"{cut.removesuffix('...')}+")
    drawn.clear()
    grids.grid({"row": images}, columns=["1+2+4+6+12+15+17+24"] * 3, smallest_side=160)
    assert drawn[0] == "1+2+4+6+12+15+17+24"


@pytest.mark.parametrize(
    ("levels", "shown"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (8, [1, 2, 4, 8])]
)
def test_prefixes_double(levels, shown):
    assert grids.level_prefixes(levels) == shown


def test_rows_show_ever_more_levels(small):
    codec = small.make_codec().eval()
    rows = grids.reconstruction_rows(codec, torch.rand(2, 3, 16, 16) * 2 - 1)
    assert list(rows) == ["original", "reconstruction", "1 level", "2 levels"]
    assert not torch.equal(rows["1 level"], rows["reconstruction"])


def test_a_picture_is_written_whole_or_not_at_all(tmp_path):
    class Broken:
        def save(self, file, format):
            file.write_bytes(b"half")
            message = "disk full"
            raise OSError(message)

    with pytest.raises(OSError, match="disk full"):
        grids.save_png(Broken(), tmp_path / "new" / "picture.png")
    assert not list((tmp_path / "new").iterdir())


def test_a_picture_can_be_read_back(tmp_path):
    sheet = grids.grid({"a": torch.zeros(1, 3, 64, 64)})
    with Image.open(grids.save_png(sheet, tmp_path / "a.png")) as picture:
        assert picture.size == sheet.size
