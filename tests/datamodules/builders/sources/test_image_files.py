"""Images are read from files and archives, and a broken one says which it is."""

import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from datamodules.builders.sources.image_files import ImageFile, ZippedImage
from datamodules.face_images import UnreadableImageError


def picture(number):
    return np.full((20, 16, 3), number, np.uint8)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "F001.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(40):
            image = tmp_path / "image.png"
            Image.fromarray(picture(number)).save(image)
            file.write(image, f"F001/T1/{number:03d}.png")
        file.writestr("F001/T1/900.png", image.read_bytes()[:60])
        file.writestr("F001/T1/901.png", b"no image")
    return path


def test_a_file_is_read_as_rgb(tmp_path):
    path = tmp_path / "1.png"
    Image.fromarray(picture(7)[..., 0]).save(path)  # grey
    image = ImageFile(str(path))
    np.testing.assert_array_equal(image.read(), picture(7))
    assert image.name == str(path)


@pytest.mark.parametrize("content", [b"", b"no image", None], ids=["empty", "no image", "missing"])
def test_a_file_that_is_no_image_is_named(content, tmp_path):
    path = tmp_path / "1.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r"1\.jpg"):
        ImageFile(str(path)).read()


def test_a_cut_file_is_an_error_and_not_half_a_face(tmp_path):
    path = tmp_path / "1.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UnreadableImageError, match="must be whole"):
        ImageFile(str(path)).read()


def test_members_of_an_archive_are_read_in_any_order_by_many_threads(archive):
    order = np.random.default_rng(0).permutation(40).tolist() * 3
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda number: ZippedImage(str(archive), f"F001/T1/{number:03d}.png").read(), order))
    assert [int(pixels[0, 0, 0]) for pixels in read] == order


def test_a_process_that_was_forked_reads_on_its_own(archive):
    """Parent and child must not move each other's place in the archive."""
    images = [ZippedImage(str(archive), f"F001/T1/{number:03d}.png") for number in range(40)]
    images[0].read()
    child = os.fork()
    if child == 0:
        right = all((image.read() == number).all() for number, image in enumerate(images))
        os._exit(0 if right else 1)
    mine = [int(image.read()[0, 0, 0]) for image in images]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert mine == list(range(40))


@pytest.mark.parametrize("member", ["F001/T1/900.png", "F001/T1/901.png", "F001/T1/999.png"])
def test_a_broken_member_is_named(member, archive):
    with pytest.raises(UnreadableImageError, match=member.replace(".", r"\.")):
        ZippedImage(str(archive), member).read()


def test_a_broken_archive_is_named(tmp_path):
    path = tmp_path / "F002.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UnreadableImageError, match=r"F002\.zip/F002/T1/000\.jpg"):
        ZippedImage(str(path), "F002/T1/000.jpg").read()


def test_images_go_to_other_processes(archive):
    image = ZippedImage(str(archive), "F001/T1/005.png")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read(), picture(5))
