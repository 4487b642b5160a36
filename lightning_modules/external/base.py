"""The contract of a system of others: a case goes in, a picture comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from lightning_modules.external.declaration import Declaration


class NoPictureError(Exception):
    """A system made no picture, or none that can be used; the message says why."""


@dataclass(frozen=True)
class ExternalCase:
    """What a system is asked for.

    Attributes:
        name: Of the frame, and of its picture's file.
        reference: File of the reference face.
        aus: What the face is to do.
        text: The same in words.
        seed: For systems that take one.
        subject: Whose face it is.
    """

    name: str
    reference: Path
    aus: tuple[int, ...]
    text: str
    seed: int = 0
    subject: str = ""


class ExternalSystem(ABC):
    """Make pictures with a system that is not part of the zoo.

    Args:
        declaration: What it declares of itself.
        folder: Its own, for logs and scratch files.
    """

    retries_help = True
    """Whether asking again can give something else."""

    def __init__(self, declaration: Declaration, folder: Path) -> None:
        self.declaration = declaration
        self.folder = folder

    def check(self) -> None:
        """Refuse to begin where something is missing.

        Raises:
            MissingError: The installation, its weights or its pictures are not there.
        """
        self.declaration.refuse_if_missing()

    @abstractmethod
    def generate(self, case: ExternalCase) -> Image:
        """Make the picture of a case.

        Raises:
            NoPictureError: It crashed, hung, or left no picture.
        """

    def source_of(self, case: ExternalCase) -> str:
        """Say what else decides the picture of a case, such as the file that it is taken from."""
        return ""

    def close(self) -> None:  # noqa: B027  # most systems leave nothing running
        """End what still runs."""
