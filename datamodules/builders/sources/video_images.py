"""Images that are frames of a video, decoded with PyAV."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from datamodules.face_images import UnreadableImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

_OPEN_VIDEOS = 2
_NEAR = 64
"""Frames that are decoded on the way rather than sought; about the distance of key frames."""
_open = threading.local()


@dataclass(frozen=True, slots=True)
class VideoImage:
    """A frame of a video. Reading in order is fast; going back seeks to the key frame before it.

    Attributes:
        path: Where the video is.
        index: Which frame, from 0.
    """

    path: str
    index: int

    @property
    def name(self) -> str:
        """The video's path, and the frame from 1."""
        return f"{self.path}, frame {self.index + 1}"

    def read(self) -> NDArray[np.uint8]:
        """Decode it to RGB, (height, width, 3).

        Raises:
            UnreadableImageError: The video is missing or broken, or too short.
        """
        av = _av()
        try:
            return _video(self.path).frame(self.index)
        except (OSError, ValueError, LookupError, av.FFmpegError) as error:
            _videos().pop(self.path, None)
            message = f"{self.name}: the video must be whole, got: {error}. Fetch it again, or leave it out."
            raise UnreadableImageError(message) from error


def count_frames(path: str) -> int:
    """Count the frames of a video without decoding them.

    Raises:
        UnreadableImageError: It is no video.
    """
    av = _av()
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            return stream.frames or sum(packet.size > 0 for packet in container.demux(stream))
    except (OSError, ValueError, IndexError, av.FFmpegError) as error:
        message = f"{path}: the video must be whole, got: {error}. Fetch it again, or leave it out."
        raise UnreadableImageError(message) from error


class _Video:
    """A video that stays open, with its place in it.

    Frames are told apart by their times, so that one that can't be decoded doesn't shift those after it. They are
    counted only where the container gives no times.
    """

    def __init__(self, path: str) -> None:
        self._container = _av().open(path)
        self._stream = self._container.streams.video[0]
        times = [packet.pts for packet in self._container.demux(self._stream) if packet.size]
        if self._stream.frames not in {0, len(times)}:  # 0 is not said
            message = (
                f"its head says {self._stream.frames} frames, it has {len(times)}, so their numbers can't be trusted"
            )
            raise ValueError(message)
        known = sorted(time for time in times if time is not None)
        self._times = known if len(known) == len(times) == len(set(known)) else []
        self._places = {time: place for place, time in enumerate(self._times)}
        self._next = 0
        self._frames: Iterator[Any] = iter(())
        self._rewind()

    def frame(self, index: int) -> NDArray[np.uint8]:
        if index < self._next or (self._times and index >= self._next + _NEAR):
            self._seek(index)
        for frame in self._frames:
            place = self._places[frame.pts] if self._times else self._next
            self._next = place + 1
            if place == index and not frame.is_corrupt:
                return frame.to_ndarray(format="rgb24")
            if place >= index:
                message = "it can't be decoded"
                raise IndexError(message)
        message = f"it has only {self._next} frames that can be decoded"
        raise IndexError(message)

    def _seek(self, index: int) -> None:
        if index >= len(self._times):
            self._rewind()
            return
        self._container.seek(self._times[index], stream=self._stream, backward=True)
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None or self._places.get(first.pts, index + 1) > index:  # a container that seeks too far
            self._rewind()
            return
        self._next = self._places[first.pts]
        self._frames = chain([first], self._frames)

    def _rewind(self) -> None:
        self._container.seek(0, stream=self._stream, backward=True)
        self._frames = self._decode()
        self._next = 0

    def _decode(self) -> Iterator[Any]:
        """Decode from here on, and pass over packets that are broken."""
        error = _av().FFmpegError
        for packet in self._container.demux(self._stream):
            with suppress(error):
                yield from packet.decode()


def _videos() -> OrderedDict[str, _Video]:
    """Give the open videos of this thread of this process."""
    if getattr(_open, "process", None) != os.getpid():
        _open.process, _open.videos = os.getpid(), OrderedDict()
    return _open.videos


def _video(path: str) -> _Video:
    videos = _videos()
    if path not in videos:
        while len(videos) >= _OPEN_VIDEOS:
            videos.popitem(last=False)
        videos[path] = _Video(path)
    videos.move_to_end(path)
    return videos[path]


def _av() -> Any:
    """Import PyAV.

    Raises:
        ModuleNotFoundError: It isn't installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        message = "VideoImage: reading frames of videos needs PyAV. Install it with: pip install av"
        raise ModuleNotFoundError(message) from error
    return av
