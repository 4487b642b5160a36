"""Have a system make the pictures of cases, into a folder with a manifest that ``evaluate`` takes.

A picture carries a checksum of what was asked, so that the same command goes on where it stopped, however it stopped,
and never takes the picture of another request for its own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.errors import UserError
from lightning_modules.external.base import ExternalCase, ExternalSystem, NoPictureError
from lightning_modules.external.cases import can_be_told, told
from lightning_modules.external.commands import CommandSystem
from lightning_modules.external.folders import FolderSystem
from lightning_modules.external.listing import write_failures, write_manifest
from lightning_modules.external.reading import check_size, read_picture
from lightning_modules.external.workers import WorkerSystem
from zoo.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL.Image import Image

    from lightning_modules.external.cropping import FaceCrop
    from lightning_modules.external.declaration import Declaration

_ASKED = "asked"
_IN_A_ROW = 3
"""So many cases may fail one after another before the system is left alone."""


@dataclass
class Made:
    """What became of the cases.

    Attributes:
        made: Pictures made now.
        there: Pictures that were there already.
        copied: Cases of which the system can't be told anything: it leaves the reference as it is.
        shortened: Cases whose description was cut.
        lacking: Cases of which it doesn't know all AUs.
        failed: Why there is no picture, by case.
        untried: Cases left after too many failed one after another.
    """

    made: int = 0
    there: int = 0
    copied: int = 0
    shortened: int = 0
    lacking: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    untried: int = 0


def system_of(declaration: Declaration, folder: Path) -> ExternalSystem:
    """Give what asks a declared system.

    Raises:
        UserError: It is a model of this zoo.
    """
    kinds: dict[str, type[ExternalSystem]] = {
        "command": CommandSystem,
        "worker": WorkerSystem,
        "pictures": FolderSystem,
    }
    if declaration.kind not in kinds:
        message = (
            f"{declaration.name}: must be a system of others, and is a model of this zoo. Evaluate it as it is: "
            f"--systems.{declaration.key} {declaration.call[0]}"
        )
        raise UserError(message)
    return kinds[declaration.kind](declaration, folder / "process")


def make_pictures(
    system: ExternalSystem,
    cases: Sequence[ExternalCase],
    folder: Path,
    *,
    retries: int = 1,
    crop: FaceCrop | None = None,
    overwrite: bool = False,
    advance: Callable[[int], None] = lambda count: None,
) -> Made:
    """Make the pictures that are not there yet, then write the manifest, whatever happened.

    Args:
        system: What is asked.
        cases: What for.
        folder: Where ``<case>.png`` and the lists go.
        retries: How often a case is asked again after a failure.
        crop: Finds the face in what the system made, where that doesn't lie as those of the test set.
        overwrite: Whether pictures of other requests are replaced.
        advance: Told how many cases more are done.

    Raises:
        UserError: Something is missing, or pictures of other requests are there.
    """
    system.check()
    declaration, done = system.declaration, Made()
    asked = {case.name: _asked(system, case, crop) for case in cases}
    waiting = []
    for case in cases:
        file = folder / f"{case.name}.png"
        known = _request(file)
        if known == asked[case.name]:
            done.there += 1
        elif known is not None and not overwrite:
            message = (
                f"{declaration.name}: {file} must not exist yet, or be of the same request. --overwrite replaces it; "
                "another --output keeps it."
            )
            raise UserError(message)
        else:
            waiting.append(case)
        done.shortened += declaration.takes.text and told(case, declaration.takes).text != case.text
        done.lacking += bool(declaration.takes.aus) and not set(case.aus) <= set(declaration.takes.aus)
        done.copied += _is_copied(declaration, case)
    advance(done.there)
    in_a_row = 0
    try:
        for place, case in enumerate(waiting):
            try:
                picture = _picture(system, case, crop, retries=retries)
                check_size(picture, declaration.image_size if crop is None else crop.size)
            except NoPictureError as error:
                done.failed[case.name] = str(error)
                in_a_row += 1
                if in_a_row == _IN_A_ROW and system.retries_help:
                    done.untried = len(waiting) - place - 1
                    break
            else:
                in_a_row = 0
                _save(picture, folder / f"{case.name}.png", asked[case.name])
                done.made += 1
            advance(1)
    finally:
        system.close()
        there = [case for case in cases if _request(folder / f"{case.name}.png") == asked[case.name]]
        write_manifest(folder, declaration, there)
        write_failures(folder, done.failed)
    return done


def _picture(system: ExternalSystem, case: ExternalCase, crop: FaceCrop | None, *, retries: int) -> Image:
    """What a case gives in the end: cropped, or the reference, as large as the system's other pictures."""
    if not _is_copied(system.declaration, case):
        picture = _generated(system, case, retries=retries)
        return picture if crop is None else crop(picture)
    picture = read_picture(case.reference)
    side = system.declaration.image_size if crop is None else crop.size
    return picture if side is None else picture.resize((side, side))


def _generated(system: ExternalSystem, case: ExternalCase, *, retries: int) -> Image:
    attempts = 1 + (retries if system.retries_help else 0)
    for attempt in range(1, attempts + 1):
        try:
            return system.generate(told(case, system.declaration.takes))
        except NoPictureError as error:
            if attempt == attempts:
                times = f"{attempts} times; the last time: " if attempts > 1 else ""
                message = f"{times}{error}"
                raise NoPictureError(message) from error
    raise AssertionError


def _is_copied(declaration: Declaration, case: ExternalCase) -> bool:
    """Whether nothing of a case can be told to a system that changes a given face: it would not change it."""
    return declaration.takes.reference and declaration.kind != "pictures" and not can_be_told(case, declaration.takes)


def _asked(system: ExternalSystem, case: ExternalCase, crop: FaceCrop | None) -> str:
    """A checksum of all that decides the picture, as far as we know it."""
    declaration = system.declaration
    content: dict[str, Any] = asdict(told(case, declaration.takes))
    del content["subject"]
    content["reference"] = hashlib.sha256(case.reference.read_bytes()).hexdigest()
    content["crop"] = None if crop is None else crop.record
    content["from"] = system.source_of(case)
    content["by"] = [declaration.key, declaration.kind, *declaration.call, declaration.written, declaration.intensity]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _request(file: Path) -> str | None:
    """The checksum that a picture carries; None where there is no whole picture, empty where it carries none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            image.load()
            return str(image.info.get(_ASKED, ""))
    except FileNotFoundError:
        return None
    except (OSError, UnidentifiedImageError):
        return ""


def _save(picture: Image, file: Path, asked: str) -> None:
    from PIL.PngImagePlugin import PngInfo

    carried = PngInfo()
    carried.add_text(_ASKED, asked)
    write_whole(file, lambda temporary: picture.save(temporary, format="PNG", pnginfo=carried), sync=False)
