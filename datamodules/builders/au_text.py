"""The commands ``dataset bp4d``, ``bp4dplus``, ``disfa``, ``disfaplus`` and ``manifest``: faces with AU labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from datamodules.builders.building import build_au_text

if TYPE_CHECKING:
    from datamodules.builders.sources.base import Source

# Each command's further options are those of build_au_text; the command line finds them behind **options.


def build_bp4d(
    input: str,
    *,
    bp4dplus: str | None = None,
    images: str | None = None,
    labels: str | None = None,
    frame_offset: int | None = None,
    bp4dplus_images: str | None = None,
    bp4dplus_labels: str | None = None,
    bp4dplus_frame_offset: int | None = None,
    landmarks: bool = True,
    drop_occluded: bool = False,
    on_problem: Literal["report", "refuse"] = "report",
    **options: Any,
) -> None:
    """Build a data set from BP4D; with BP4D+ as well, BP4D-AUText as the paper has it.

    The folder appears in one step when all is written. A build that was broken off goes on where it was when the
    same command is given again, and gives the same bytes.

    Args:
        input: BP4D's folder, with AUCoding, 2DFeatures and Sequences(2D+3D).
        bp4dplus: BP4D+'s folder, to build one data set of both.
        images: Folder of BP4D's images, archives or videos, where it isn't in its usual place.
        labels: Folder of BP4D's tables of occurrence, where it isn't in its usual place.
        frame_offset: What to add to a frame's number in BP4D's labels to get its image's; found out where not given.
        bp4dplus_images: Folder of BP4D+'s images, archives or videos, where it isn't in its usual place.
        bp4dplus_labels: Folder of BP4D+'s tables of occurrence, where it isn't in its usual place.
        bp4dplus_frame_offset: As frame_offset, for BP4D+.
        landmarks: Whether landmarks are read; without, a detector must be named.
        drop_occluded: Whether frames that BP4D marks as occluded are left out.
        on_problem: report leaves out what can't be used, counts it and lists it in problems.csv; refuse ends with
            the first problem.
        options: See :func:`build_au_text`.
    """
    from datamodules.builders.sources.bp4d import BP4D
    from datamodules.builders.sources.bp4dplus import BP4DPlus

    of_bp4dplus = {"images": bp4dplus_images, "labels": bp4dplus_labels, "frame_offset": bp4dplus_frame_offset}
    given = [f"bp4dplus_{name}" for name, value in of_bp4dplus.items() if value is not None]
    if given and bp4dplus is None:
        message = f"dataset bp4d: bp4dplus must be BP4D+'s folder where {given[0]} is given, got none."
        raise ValueError(message)
    sources: list[Source] = [
        BP4D(
            input,
            images=images,
            labels=labels,
            frame_offset=frame_offset,
            landmarks=landmarks,
            drop_occluded=drop_occluded,
            on_problem=on_problem,
        )
    ]
    if bp4dplus is not None:
        plus = BP4DPlus(
            bp4dplus,
            images=bp4dplus_images,
            labels=bp4dplus_labels,
            frame_offset=bp4dplus_frame_offset,
            landmarks=landmarks,
            on_problem=on_problem,
        )
        sources.append(plus)
    build_au_text(sources, on_problem=on_problem, finish=None, **options)


def build_bp4dplus(
    input: str,
    *,
    images: str | None = None,
    labels: str | None = None,
    frame_offset: int | None = None,
    landmarks: bool = True,
    on_problem: Literal["report", "refuse"] = "report",
    **options: Any,
) -> None:
    """Build a data set from BP4D+ alone; `dataset bp4d --bp4dplus` builds one of both.

    The folder appears in one step when all is written. A build that was broken off goes on where it was when the
    same command is given again, and gives the same bytes.

    Args:
        input: BP4D+'s folder, with AUCoding, 2DFeatures and 2D+3D.
        images: Folder of the images, archives or videos, where it isn't in its usual place.
        labels: Folder of the tables of occurrence, where it isn't in its usual place.
        frame_offset: What to add to a frame's number in the labels to get its image's; found out where not given.
        landmarks: Whether landmarks are read; without, a detector must be named.
        on_problem: report leaves out what can't be used, counts it and lists it in problems.csv; refuse ends with
            the first problem.
        options: See :func:`build_au_text`.
    """
    from datamodules.builders.sources.bp4dplus import BP4DPlus

    source = BP4DPlus(
        input,
        images=images,
        labels=labels,
        frame_offset=frame_offset,
        landmarks=landmarks,
        on_problem=on_problem,
    )
    build_au_text([source], on_problem=on_problem, finish=None, **options)


def build_disfa(
    input: str,
    *,
    camera: Literal["left", "right"] = "left",
    threshold: int = 2,
    images: str | None = None,
    labels: str | None = None,
    frame_offset: int | None = None,
    landmarks: bool = True,
    on_problem: Literal["report", "refuse"] = "report",
    **options: Any,
) -> None:
    """Build a data set from DISFA. Its AUs 7, 10, 14, 23 and 24 are unknown: descriptions don't state them.

    The folder appears in one step when all is written. A build that was broken off goes on where it was when the
    same command is given again, and gives the same bytes.

    Args:
        input: DISFA's folder, with ActionUnit_Labels and Videos_LeftCamera.
        camera: Whose video.
        threshold: The intensity from which an AU is present.
        images: Folder of the images or videos, where it isn't in its usual place.
        labels: Folder of the labels, where it isn't in its usual place.
        frame_offset: What to add to a frame's number in the labels to get its image's; found out where not given.
        landmarks: Whether landmarks are read; without, a detector must be named.
        on_problem: report leaves out what can't be used, counts it and lists it in problems.csv; refuse ends with
            the first problem.
        options: See :func:`build_au_text`.
    """
    from datamodules.builders.sources.disfa import DISFA

    source = DISFA(
        input,
        camera=camera,
        images=images,
        labels=labels,
        threshold=threshold,
        frame_offset=frame_offset,
        landmarks=landmarks,
        on_problem=on_problem,
    )
    build_au_text([source], on_problem=on_problem, finish=None, **options)


def build_disfaplus(
    input: str,
    *,
    threshold: int = 2,
    images: str | None = None,
    labels: str | None = None,
    on_problem: Literal["report", "refuse"] = "report",
    **options: Any,
) -> None:
    """Build a data set from DISFA+. It has no landmarks, so a detector must be named.

    The folder appears in one step when all is written. A build that was broken off goes on where it was when the
    same command is given again, and gives the same bytes.

    Args:
        input: DISFA+'s folder, with Labels and Images.
        threshold: The intensity from which an AU is present.
        images: Folder of the images, where it isn't in its usual place.
        labels: Folder of the labels, where it isn't in its usual place.
        on_problem: report leaves out what can't be used, counts it and lists it in problems.csv; refuse ends with
            the first problem.
        options: See :func:`build_au_text`.
    """
    from datamodules.builders.sources.disfaplus import DISFAPlus

    source = DISFAPlus(input, threshold=threshold, images=images, labels=labels, on_problem=on_problem)
    build_au_text([source], on_problem=on_problem, finish=None, **options)


def build_manifest(
    input: str,
    *,
    columns: dict[str, str] | None = None,
    images: str | None = None,
    name: str | None = None,
    threshold: float = 1,
    on_problem: Literal["report", "refuse"] = "report",
    **options: Any,
) -> None:
    """Build a data set from images of one's own, which a CSV or parquet manifest lists.

    The folder appears in one step when all is written. A build that was broken off goes on where it was when the
    same command is given again, and gives the same bytes.

    Args:
        input: The manifest. Columns: image and subject; AU1 and the like (1, 0, 9 or empty); and, optional,
            intensity_AU1 (0 to 5), side_AU1 (L, R), sequence, frame, split, reference, landmarks (x and y of 5, 49 or
            68 points in pixels), box (left, top, right, bottom).
        columns: How columns are called in the manifest where not so: --columns.image path --columns.AU 'AU{:02}_c'
            --columns.intensity_AU 'AU{:02}_r' --columns.landmark_x 'x_{}' --columns.landmark_y 'y_{}'
        images: Folder that the paths of images are relative to; the manifest's where not given.
        name: Name of the data set, in front of its subjects; the manifest's folder's where not given.
        threshold: The intensity from which an AU is present, where the manifest says nothing of its occurrence.
        on_problem: report leaves out what can't be used, counts it and lists it in problems.csv; refuse ends with
            the first problem.
        options: See :func:`build_au_text`.
    """
    from datamodules.builders.sources.manifest import Manifest

    source = Manifest(input, columns=columns, images=images, name=name, threshold=threshold, on_problem=on_problem)
    build_au_text([source], name=source.name, on_problem=on_problem, finish=None, **options)
