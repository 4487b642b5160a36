"""The command ``dataset faces``: procedural faces as image files with a manifest, sheets and statistics."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from datamodules.face_store import FaceStore, FaceStoreParameters

DESCRIPTION = "dataset.json"
"""The file by which a folder is known to be ours."""
_CONTENT = ("images", "references", "sheets", "manifest.csv", "statistics.json", DESCRIPTION)
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_PEOPLE_PER_FRAME = 0.1  # ten frames of each person
_PIXELS = ("images", "references")  # arrays of the store that become image files


class DatasetFolderError(OSError):
    """The output folder can't be used."""


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
    workers: int | None = None,
    sheets: bool = True,
    overwrite: bool = False,
) -> None:
    """Write procedural FACS faces: images, neutral references, a manifest, contact sheets and statistics.

    The folder appears in one step when all is written. A run that was broken off goes on where it was when the
    same command is given again. ``fit --data data/manifest.yaml --data.manifest OUTPUT/manifest.csv`` trains on it.

    Args:
        num_images: Number of images, without the neutral references.
        output: Folder to write; must be empty or not exist.
        size: Height and width of the images in pixels, a multiple of 8 from 32 to 512.
        seed: Decides everything but the people.
        split: Whose faces; ``all`` writes train, validation and test in the proportion 8 to 1 to 1.
        num_identities: Number of people in each split; a tenth of the split's images where not given.
        frames_per_shot: Images that share a person, a view (pose, light, background) and a reference.
        interaction: 1 lets AUs act on each other by FACS rules, 0 adds them up.
        nuisance: Whether jaw, blinks and the like vary without being labelled.
        workers: Processes that render; as many as there are CPUs where not given.
        sheets: Whether contact sheets of identities, single AUs and combinations are drawn.
        overwrite: Whether a data set that this command wrote there before is replaced.
    """
    from datamodules.face_store import FaceStoreParameters

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
    folder = Path(output).expanduser()
    if not folder.name:
        message = f"build_faces: output must name a folder of its own, got {output!r}. Give a path such as data/faces."
        raise DatasetFolderError(message)
    description = {"content": "procedural FACS faces", "key": "-".join(part.key for part in parts), "sheets": sheets}
    if not _free_for(folder, description, overwrite=overwrite):
        print(f"{folder} already holds this data set; nothing to do. `--overwrite` writes it again.")
        return
    _build(folder, parts, description, workers=workers)


def _build(folder: Path, parts: list[FaceStoreParameters], description: dict[str, Any], *, workers: int | None) -> None:
    from datamodules.face_rendering import render_store

    partial = folder.with_name(f"{folder.name}.partial")
    _prepare_partial(partial, description)
    stores = [render_store(part, partial / "store", num_workers=workers) for part in parts]
    try:
        rows = [row for store in stores for row in _write_images(store, partial)]
        _write_manifest(partial / "manifest.csv", rows)
        _write_text(partial / "statistics.json", json.dumps(_statistics(stores), indent=1))
        if description["sheets"]:
            _write_sheets(partial / "sheets", parts)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        message = (
            f"build_faces: the disk of {partial} must have space for the images, got: {error}. Free some space and "
            "give the same command again; what was written is kept."
        )
        raise DatasetFolderError(message) from error
    shutil.rmtree(partial / "store")
    former = folder.with_name(f"{folder.name}.former")
    _remove(former)  # what a run that was broken off below left
    if folder.exists():
        folder.rename(former)
    partial.rename(folder)
    _remove(former)
    print(f"Wrote {len(rows):,} images of {parts[0].size} px to {folder}")
    for name in ("manifest.csv", "statistics.json", *(["sheets"] if description["sheets"] else [])):
        print(f"  {folder / name}")


def _frames_per_split(num_images: int, split: str) -> dict[str, int]:
    if split != "all":
        return {split: num_images}
    held = {name: round(num_images * _SHARES[name]) for name in ("validation", "test")}
    frames = {"train": num_images - sum(held.values()), **held}
    return {name: count for name, count in frames.items() if count}


def _free_for(folder: Path, description: dict[str, Any], *, overwrite: bool) -> bool:
    """Say whether to write; refuse a folder with anything else in it."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        message = f"build_faces: output must be a folder, got the file {folder}."
        raise DatasetFolderError(message)
    names = {path.name for path in folder.iterdir()}
    if not names:
        return True
    foreign = sorted(names - set(_CONTENT))
    if DESCRIPTION not in names or foreign:
        listed = ", ".join((foreign or sorted(names))[:5])
        message = (
            f"build_faces: output must be an empty or new folder, got {folder}, which holds {listed}. "
            "Give another folder, or empty this one."
        )
        raise DatasetFolderError(message)
    if overwrite:
        return True
    if _description_in(folder) == description:
        return False
    message = (
        f"build_faces: output must be an empty or new folder, got {folder}, which holds procedural faces of other "
        "parameters. Give another folder, or `--overwrite`."
    )
    raise DatasetFolderError(message)


def _prepare_partial(partial: Path, description: dict[str, Any]) -> None:
    """Go on in what an earlier run of the same command left, or begin anew."""
    path = partial / DESCRIPTION
    if partial.exists():
        if _description_in(partial) == description:
            return
        if any(partial.iterdir()) and not path.exists():
            message = (
                f"build_faces: {partial} must be free for work in progress, but is not ours. Move it away, or give "
                "another output."
            )
            raise DatasetFolderError(message)
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
        _write_text(path, json.dumps(description))
    except OSError as error:
        message = f"build_faces: output must be where files can be written, got {partial}: {error.strerror}."
        raise DatasetFolderError(message) from error


def _description_in(folder: Path) -> Any:
    """Read what a folder says that it holds; None where it says nothing readable."""
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _remove(folder: Path) -> None:
    """Remove a data set, but nothing that this command did not write."""
    if not folder.exists():
        return
    for name in _CONTENT:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    folder.rmdir()


def _write_images(store: FaceStore, folder: Path) -> list[dict[str, Any]]:
    """Write the images and references of a store as PNG, and give their rows of the manifest."""
    from concurrent.futures import ThreadPoolExecutor

    from datamodules.progress import progress_bar
    from zoo.facs import AUS

    split = store.metadata["parameters"]["split"]
    per_shot = store.metadata["parameters"]["frames_per_shot"]
    for name in ("images", "references"):
        (folder / name).mkdir(exist_ok=True)
    files = {name: [f"{name}/{split}-{row:06d}.png" for row in range(len(store.array(name)))] for name in _PIXELS}
    jobs = [(name, row, folder / file) for name in _PIXELS for row, file in enumerate(files[name])]
    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,  # compression runs outside Python's lock
        progress_bar(f"{split} files", len(jobs)) as advance,
    ):
        for _ in pool.map(lambda job: _write_png(job[2], store.array(job[0])[job[1]]), jobs):
            advance(1)
    occurrence, intensity, identity = store.occurrence(), store.array("intensity"), store.array("identity")
    return [
        {
            "image": file,
            "subject": int(identity[row]),
            **{f"AU{au}": int(occurrence[row, place]) for place, au in enumerate(AUS)},
            **{f"intensity_AU{au}": int(intensity[row, place]) for place, au in enumerate(AUS)},
            "reference": files["references"][row // per_shot],
            "identity": int(identity[row]),
            # the manifest's reader knows three splits; judges' faces are dealt by subject
            "split": split if split in _SHARES else "",
        }
        for row, file in enumerate(files["images"])
    ]


def _write_png(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    if path.exists():  # files appear whole, so this one is
        return
    temporary = path.with_suffix(".partial")
    Image.fromarray(pixels.transpose(1, 2, 0)).save(temporary, format="PNG")
    temporary.replace(path)


def _write_manifest(path: Path, rows: list[dict[str, Any]]) -> None:
    temporary = path.with_suffix(".partial")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_suffix(".partial")
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)


def _statistics(stores: list[FaceStore]) -> dict[str, Any]:
    """Say how often AUs, intensities and AU sets occur, beside the real base rates."""
    import numpy as np

    from zoo.facs import AUS
    from zoo.facs.action_units import ACTION_UNITS

    statistics: dict[str, Any] = {"synthetic": "procedural stand-ins, no photographs"}
    for store in stores:
        occurrence = store.occurrence()
        intensity = np.asarray(store.array("intensity"))
        sets, counts = np.unique(occurrence, axis=0, return_counts=True)
        common = np.argsort(-counts, kind="stable")[:20]
        statistics[store.metadata["parameters"]["split"]] = {
            "images": len(store),
            "people": len(np.unique(store.array("identity"))),
            "au_sets": len(sets),
            "mean_aus_per_image": round(float(occurrence.sum(1).mean()), 3),
            "aus": {
                f"AU{unit.number}": {
                    "name": unit.name,
                    "rate": round(float(occurrence[:, place].mean()), 4),
                    "bp4d_rate": unit.base_rate,
                    "images_by_intensity": np.bincount(intensity[:, place].astype(int), minlength=6).tolist(),
                }
                for place, unit in enumerate(ACTION_UNITS)
            },
            "common_au_sets": {
                "+".join(str(au) for au, on in zip(AUS, sets[place], strict=True) if on) or "none": int(counts[place])
                for place in common
            },
        }
    return statistics


def _write_sheets(folder: Path, parts: list[FaceStoreParameters]) -> None:
    """Draw people of the data set, each AU, and the combinations above the sum of their AUs."""
    from zoo.faces import IDENTITY_RANGES
    from zoo.faces.sheets import combination_sheet, identity_sheet, single_au_sheet

    folder.mkdir(exist_ok=True)
    size = min(max(parts[0].size, 96), 160)  # smaller hides what the sheets are for, larger makes them unwieldy
    people = [
        IDENTITY_RANGES[part.split].start + place
        for part in parts
        for place in range(min(part.num_identities, 24 // len(parts)))
    ]
    drawings = {
        "identities": lambda: identity_sheet(size, people),
        "single_aus": lambda: single_au_sheet(size, people[:2]),
        "combinations": lambda: combination_sheet(size, people[0]),
    }
    for name, draw in drawings.items():
        path = folder / f"{name}.png"
        if not path.exists():
            temporary = path.with_suffix(".partial")
            draw().save(temporary, format="PNG")
            temporary.replace(path)
