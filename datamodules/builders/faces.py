"""The command ``dataset faces``: procedural faces with AU labels and descriptions, and contact sheets."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

from datamodules.builders.building import build_au_text
from datamodules.builders.output_folder import work_folder

if TYPE_CHECKING:
    from pathlib import Path

    from datamodules.face_store_parameters import FaceStoreParameters

_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_PEOPLE_PER_FRAME = 0.1  # ten frames of each person


def build_faces(
    num_images: int,
    output: str,
    size: int = 128,
    seed: int = 0,
    split: Literal["all", "train", "validation", "test", "judges"] = "all",
    num_identities: int | None = None,
    frames_per_shot: int = 4,
    interaction: float = 1.0,
    nuisance: bool = True,
    keep_neutral: bool = True,
    image_format: Literal["png", "jpg"] = "png",
    storage: Literal["files", "tar"] = "files",
    lexicon: str | None = None,
    style: Literal["full", "short"] = "full",
    workers: int | None = None,
    sheets: bool = True,
    overwrite: bool = False,
) -> None:
    """Draw procedural FACS faces: images, neutral references, labels, descriptions, statistics, contact sheets.

    The folder appears in one step when all is written. A run that was broken off goes on where it was when the
    same command is given again. ``fit --data data/manifest.yaml --data.manifest OUTPUT/manifest.csv`` trains on it.

    Args:
        num_images: Number of images, without the neutral references.
        output: Folder to write; must be empty or not exist.
        size: Height and width of the images in pixels, a multiple of 8 from 32 to 512.
        seed: Decides everything but the people.
        split: Whose faces; all draws train, validation and test in the proportion 8 to 1 to 1.
        num_identities: Number of people in each split; a tenth of the split's images where not given.
        frames_per_shot: Images that share a person, a view (pose, light, background) and a reference.
        interaction: 1 lets AUs act on each other by FACS rules, 0 adds them up.
        nuisance: Whether jaw, blinks and the like vary without being labelled.
        keep_neutral: Whether images without an active AU stay in.
        image_format: png is lossless.
        storage: files writes one file for each image, and manifest.csv; tar packs them into archives.
        lexicon: File of descriptions in place of ours.
        style: short leaves out wrinkles and furrows.
        workers: Processes that draw and write; as many as there are CPUs where not given.
        sheets: Whether contact sheets of identities, single AUs and combinations are drawn.
        overwrite: Whether a data set that a builder wrote there before is replaced.
    """
    from datamodules.builders.sources.faces import Faces
    from datamodules.face_store_parameters import FaceStoreParameters

    if num_images < 1:
        message = f"build_faces: num_images must be at least 1, got {num_images}."
        raise ValueError(message)
    parts = []
    for name, frames in _frames_per_split(num_images, split).items():
        people = max(2, round(frames * _PEOPLE_PER_FRAME)) if num_identities is None else num_identities
        parts.append(
            FaceStoreParameters(
                split=name,
                size=size,
                num_frames=frames,
                num_identities=people,
                frames_per_shot=frames_per_shot,
                interaction=interaction,
                nuisance=nuisance,
                seed=seed,
            )
        )
    build_au_text(
        [Faces(parts, root=work_folder(output) / "store", workers=workers)],
        output=output,
        size=size,
        image_format=image_format,
        storage=storage,
        keep_neutral=keep_neutral,
        lexicon=lexicon,
        style=style,
        seed=seed,
        workers=workers,
        overwrite=overwrite,
        finish=functools.partial(_write_sheets, parts=parts) if sheets else None,
    )


def _frames_per_split(num_images: int, split: str) -> dict[str, int]:
    if split != "all":
        return {split: num_images}
    held = {name: round(num_images * _SHARES[name]) for name in ("validation", "test")}
    frames = {"train": num_images - sum(held.values()), **held}
    return {name: count for name, count in frames.items() if count}


def _write_sheets(folder: Path, parts: list[FaceStoreParameters]) -> None:
    """Draw people of the data set, each AU, and the combinations above the sum of their AUs."""
    from zoo.faces import IDENTITY_RANGES
    from zoo.faces.sheets import combination_sheet, identity_sheet, single_au_sheet
    from zoo.files import write_whole

    size = min(max(parts[0].size, 96), 160)  # smaller hides what the sheets are for, larger makes them unwieldy
    people = [
        IDENTITY_RANGES[part.split].start + place
        for part in parts
        for place in range(min(part.num_identities, 24 // len(parts)))
    ]
    drawings: dict[str, Any] = {
        "identities": lambda: identity_sheet(size, people),
        "single_aus": lambda: single_au_sheet(size, people[:2]),
        "combinations": lambda: combination_sheet(size, people[0]),
    }
    for name, draw in drawings.items():
        path = folder / "sheets" / f"{name}.png"
        if not path.exists():
            sheet = draw()
            write_whole(path, functools.partial(sheet.save, format="PNG"))
