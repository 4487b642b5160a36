"""Systems whose pictures were made elsewhere, such as by a web service: a folder with a manifest."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lightning_modules.cli.config_files import shown
from lightning_modules.evaluation.outside import MANIFEST, PicturesError, read_manifest
from lightning_modules.external.base import ExternalCase, ExternalSystem, NoPictureError
from lightning_modules.external.declaration import MissingError
from lightning_modules.external.reading import read_picture

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image


class FolderSystem(ExternalSystem):
    """Take pictures from a folder: by its ``manifest.csv`` (columns ``frame`` and ``image``), else by their names."""

    retries_help = False

    def check(self) -> None:
        """Refuse a folder that isn't there, or a manifest that can't be read."""
        super().check()
        if not self._place.is_dir():
            message = (
                f"{self.declaration.name}: its pictures must be in {shown(self._place)}, which is not there. Another "
                f"place: --home.{self.declaration.key} DIR."
            )
            raise MissingError(message)
        _ = self._pictures

    def generate(self, case: ExternalCase) -> Image:
        """Give the picture of a case."""
        file = self._pictures.get(case.name)
        if file is None or not file.is_file():
            message = "there is no picture of it" if file is None else f"its picture {shown(file)} is not there"
            raise NoPictureError(message)
        return read_picture(file)

    def source_of(self, case: ExternalCase) -> str:
        """Say which file the picture is taken from, as it is now."""
        file = self._pictures.get(case.name)
        if file is None or not file.is_file():
            return ""
        status = file.stat()
        return f"{file.name} {status.st_size} {status.st_mtime_ns}"

    @property
    def _place(self) -> Path:
        return self.declaration.place / self.declaration.call[0]

    @cached_property
    def _pictures(self) -> dict[str, Path]:
        listing = self._place / MANIFEST
        if not listing.is_file():
            return {each.stem: each for each in sorted(self._place.iterdir()) if each.is_file()}
        try:
            return read_manifest(listing)
        except PicturesError as error:
            raise MissingError(str(error).removeprefix("evaluate: ")) from error
