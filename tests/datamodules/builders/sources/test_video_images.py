"""Frames of videos are those that were asked for, in any order and in every container."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from datamodules.builders.sources import video_images
from datamodules.builders.sources.video_images import VideoImage, count_frames
from datamodules.face_images import UnreadableImageError

av = pytest.importorskip("av")
NUM_FRAMES = 150
FORMS = [("mpeg4", "avi", {}), ("mpeg4", "mp4", {"bf": "2", "g": "12"}), ("mjpeg", "avi", {}), ("libx264", "mkv", {})]


def write(path, codec, options, *, frames=NUM_FRAMES):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.bit_rate = 64, 48, 4_000_000
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            pixels = np.zeros((48, 64, 3), np.uint8)
            for bit in range(8):  # a frame's number in black and white, which no codec blurs away
                pixels[:, 8 * bit : 8 * bit + 8] = 255 * (number >> bit & 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return str(path)


def number_in(pixels):
    return sum(int(pixels[24, 8 * bit + 4, 0] > 127) << bit for bit in range(8))


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: f"{form[0]} in {form[1]}")
def video(request, tmp_path_factory):
    codec, container, options = request.param
    return write(tmp_path_factory.mktemp("video") / f"F001_T1.{container}", codec, options)


def test_frames_are_counted(video):
    assert count_frames(video) == NUM_FRAMES


@pytest.mark.parametrize(
    "order",
    [range(0, NUM_FRAMES, 7), range(NUM_FRAMES - 1, 0, -11), (3, 3, 120, 119, 0, 149, 60, 61, 62, 1)],
    ids=["forward", "backward", "anyhow"],
)
def test_every_frame_is_the_one_that_was_asked_for(order, video):
    assert [number_in(VideoImage(video, index).read()) for index in order] == list(order)


def test_frames_are_rgb_and_named_from_one(video):
    image = VideoImage(video, 4)
    assert image.read().shape == (48, 64, 3)
    assert image.read().dtype == np.uint8
    assert image.name.endswith("frame 5")
    assert number_in(pickle.loads(pickle.dumps(image)).read()) == 4


def test_a_frame_after_the_last_is_an_error(video):
    with pytest.raises(UnreadableImageError, match="frame 151"):
        VideoImage(video, NUM_FRAMES).read()
    assert number_in(VideoImage(video, 2).read()) == 2


def numbers_in(path, count):
    numbers = []
    for index in range(count):
        try:
            numbers.append(number_in(VideoImage(path, index).read()))
        except UnreadableImageError:
            numbers.append(None)
    return numbers


def damage(path, *, first, last):
    """Erase some packets' bytes; with the container's words between them where there are two."""
    with av.open(path) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0)]
    content = bytearray(Path(path).read_bytes())
    start, end = packets[first][0], sum(packets[last])
    content[start:end] = bytes(end - start)
    Path(path).write_bytes(content)


def test_a_frame_that_can_not_be_decoded_does_not_shift_the_others(tmp_path):
    path = write(tmp_path / "F001_T1.avi", "mjpeg", {}, frames=30)
    damage(path, first=10, last=10)
    assert numbers_in(path, 30) == [*range(10), None, *range(11, 30)]


def test_a_container_that_lost_frames_is_an_error_and_not_a_shift(tmp_path):
    path = write(tmp_path / "F001_T1.avi", "mjpeg", {}, frames=30)
    damage(path, first=10, last=12)
    assert all(number in {None, index} for index, number in enumerate(numbers_in(path, 30)))
    with pytest.raises(UnreadableImageError, match="can't be trusted"):
        VideoImage(path, 20).read()


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_what_is_no_video_is_named(content, tmp_path):
    path = tmp_path / "F001_T1.avi"
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r"F001_T1\.avi"):
        count_frames(str(path))
    with pytest.raises(UnreadableImageError, match=r"F001_T1\.avi, frame 1"):
        VideoImage(str(path), 0).read()


def test_few_videos_stay_open(tmp_path):
    paths = [write(tmp_path / f"F00{number}_T1.avi", "mjpeg", {}, frames=2) for number in range(5)]
    for path in paths:
        VideoImage(path, 1).read()
    assert len(video_images._videos()) <= 2
