"""The faces of a figure: made by models of the zoo or by systems of others, rendered, or found in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_modules.callbacks.grids import save_png
from lightning_modules.cli.config_files import is_config_name
from lightning_modules.cli.errors import UserError
from lightning_modules.cli.studio import Studio
from lightning_modules.cli.synthesis_references import References
from lightning_modules.demo.truth import true_faces
from lightning_modules.evaluation.outside import MANIFEST, PicturesError, read_manifest
from lightning_modules.external.base import ExternalCase
from lightning_modules.external.declaration import read_declaration
from lightning_modules.external.making import make_pictures, system_of
from lightning_modules.gallery.layout import Faces
from zoo.facs.labels import parse_labels
from zoo.images import to_uint8

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from lightning_modules.gallery.plan import Figure
    from zoo.sampling import Sampling

TRUTH, REFERENCE = "truth", "reference"
"""Systems without a path: what a procedural face truly looks like then, and a face that is left as it is."""
_BATCH = 16
_SIZE = 128


def find_faces(
    figure: Figure, folder: Path, *, sampling: Sampling, device: str = "auto", note: Callable[[str], None]
) -> Faces:
    """Have every system make its faces; those that are there already are taken.

    A system that isn't there, or fails, is left out, and a note says why.

    Args:
        figure: The figure.
        folder: Where faces are kept, a folder for each system.
        sampling: How models draw tokens.
        device: Where models work.
        note: Told what is left out.
    """
    studios: dict[str, Studio] = {}
    made: dict[str, list[Image | None]] = {}
    for name, path in figure.systems.items():
        if _is_model(path):
            try:
                studios[name] = Studio(path, sampling=sampling, device=device)
            except (UserError, ValueError, OSError) as error:
                note(f"{name} is left out: {error}")
    size = next((studio.pipeline.image_size for studio in studios.values()), _SIZE)
    references = References(size)
    faces = [_picture(references.of(each.case)) for each in figure.cases]
    for name, path in figure.systems.items():
        if name in studios or not _is_model(path):
            try:
                found = _of_system(path, figure, faces, folder / _safe(name), studio=studios.get(name), size=size)
            except (UserError, PicturesError, ValueError, OSError) as error:
                note(f"{name} is left out: {error}")
                continue
            if lacking := found.count(None):
                note(f"{name} has no picture of {lacking} of {len(found)} cases.")
            made[name] = found
    return Faces(faces, made)


def _of_system(
    path: str, figure: Figure, references: list[Image], folder: Path, *, studio: Studio | None, size: int
) -> list[Image | None]:
    if path == REFERENCE:
        return list(references)
    if path == TRUTH:
        return _true(figure, size)
    if studio is not None:
        return _by_model(studio, figure, folder)
    if is_config_name(path):
        return _by_others(path, figure, references, folder)
    return _from_folder(Path(path), figure)


def _by_model(studio: Studio, figure: Figure, folder: Path) -> list[Image | None]:
    cases = [each.case for each in figure.cases]
    studio.check(cases)
    waiting = [case for case in cases if studio.must_make(case, folder, overwrite=False)]
    for start in range(0, len(waiting), _BATCH):
        studio.make(waiting[start : start + _BATCH], folder)
    return _from_folder(folder, figure)


def _by_others(path: str, figure: Figure, references: list[Image], folder: Path) -> list[Image | None]:
    asked = []
    for each, face in zip(figure.cases, references, strict=True):
        case = each.case
        file = save_png(face, folder / "references" / f"{case.name}.png")
        aus = tuple(label.number for label in parse_labels(case.aus or ""))
        asked.append(ExternalCase(case.name, file.resolve(), aus, each.description, case.seed))
    done = make_pictures(system_of(read_declaration(path), folder), asked, folder)
    if done.failed and not done.made + done.there:
        raise UserError(next(iter(done.failed.values())))
    return _from_folder(folder, figure)


def _from_folder(folder: Path, figure: Figure) -> list[Image | None]:
    from PIL import Image

    from datamodules.face_images import read_image

    listing = folder / MANIFEST
    if listing.is_file():
        known = read_manifest(listing)
    elif folder.is_dir():
        known = {
            each.stem: each for each in sorted(folder.iterdir()) if each.suffix.lower() in (".png", ".jpg", ".jpeg")
        }
    else:
        message = f"{folder} must be a folder of pictures named as the cases are, a model or a declaration."
        raise UserError(message)
    files = [known.get(each.case.name) for each in figure.cases]
    return [None if file is None else Image.fromarray(read_image(file, size=_side(file))) for file in files]


def _true(figure: Figure, size: int) -> list[Image | None]:
    found: list[Image | None] = []
    for each in figure.cases:
        if each.case.reference is None:
            wish = parse_labels(each.case.aus or "")
            found.append(_picture(true_faces(each.case.reference_seed, [wish], size=size)[0]))
        else:  # nobody knows it of a photograph
            found.append(None)
    return found


def _is_model(path: str) -> bool:
    if path in (TRUTH, REFERENCE) or is_config_name(path):
        return False
    place = Path(path)
    return not place.is_dir() or (place / "config.json").is_file() or (place / "checkpoints").is_dir()


def _picture(image: Tensor) -> Image:
    from PIL import Image

    return Image.fromarray(to_uint8(image).permute(1, 2, 0).contiguous().cpu().numpy())


def _side(file: Path) -> int:
    """The side of the largest square in a picture."""
    from PIL import Image

    with Image.open(file) as image:
        return min(image.size)


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name).strip("_").lower()
