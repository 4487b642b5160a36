"""The commands ``python cli.py external list`` and ``external make``: systems of others in our comparison."""

from __future__ import annotations

import contextlib
import json as json_format
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_modules.external.base import ExternalCase, ExternalSystem
    from lightning_modules.external.cropping import FaceCrop
    from lightning_modules.external.declaration import Declaration


def list_systems(*, paper: bool = False, json: bool = False) -> None:
    """Print what every system of the comparison takes and needs: Table 1 of the paper, and more.

    Args:
        paper: Whether only the paper's rows and columns are shown.
        json: Whether to print JSON, for programs.
    """
    from lightning_modules.external.declaration import declarations
    from lightning_modules.external.table import as_markdown, paper_rows, rows_of

    found = declarations()
    rows = paper_rows(found) if paper else rows_of(found)
    print(json_format.dumps(rows, indent=2) if json else as_markdown(rows))


def make(
    *,
    systems: str,
    output: str,
    data: str | None = None,
    data_options: dict[str, Any] | None = None,
    sets: str = "seen",
    num_images: int | None = 2000,
    seed: int = 0,
    home: dict[str, str] | None = None,
    python: dict[str, str] | None = None,
    timeout_s: float | None = None,
    retries: int = 1,
    detector: str = "whole_image",
    detector_weights: str | None = None,
    overwrite: bool = False,
) -> int:
    """Have systems of others make the pictures of a test set, each in its own installation and process.

    The cases are those that evaluate takes with the same data, sets, num-images and seed. Each system has a folder of
    pictures with a manifest, which evaluate takes: --systems.NAME OUTPUT/NAME. A system that is missing, crashes or
    hangs is told, and the others go on. The same command goes on where it stopped.

    Args:
        systems: Declarations, such as external/uniportrait.yaml; several parted by commas.
        output: Folder with a folder for each system, and the cases.
        data: As for evaluate.
        data_options: As for evaluate.
        sets: As for evaluate; several as seen,unseen.
        num_images: As for evaluate.
        seed: As for evaluate.
        home: The installation of a system, as --home.uniportrait DIR.
        python: The Python of its environment, as --python.uniportrait FILE.
        timeout_s: Seconds that a case may take, in place of those that systems declare.
        retries: How often a case is asked again after a failure.
        detector: What finds the face in what systems make: whole_image (cropped already), mtcnn or yunet.
        detector_weights: The detector's file, where it needs one.
        overwrite: Whether pictures of other requests are replaced.
    """
    from lightning_modules.external.cropping import FaceCrop
    from lightning_modules.external.declaration import read_declaration
    from lightning_modules.external.making import system_of

    if retries < 0:
        message = f"external make: retries must be at least 0, got {retries}."
        raise ValueError(message)
    wanted = [read_declaration(each.strip()) for each in systems.split(",")]
    for option, given in (("home", home or {}), ("python", python or {})):
        _refuse_others(option, given, wanted)
    folder = Path(output)
    ready, problems = [], 0
    for each in wanted:
        changes = {"home": (home or {}).get(each.key), "python": (python or {}).get(each.key), "timeout_s": timeout_s}
        system = system_of(read_declaration(str(each.file), **changes), folder / each.key)
        try:
            system.check()
            ready.append(system)
        except UserError as error:
            problems += 1
            print(f"error: {error}", file=sys.stderr)
    crop = None if detector == "whole_image" else FaceCrop(detector, weights=detector_weights)
    cases: dict[str | None, list[ExternalCase]] = {}
    try:
        with _ended_in_order():
            for system in ready:
                style = system.declaration.style
                if style not in cases:
                    cases[style] = _cases(data, data_options, sets, num_images, seed, folder / "cases", style)
                problems += not _made(system, cases[style], retries=retries, crop=crop, overwrite=overwrite)
    except KeyboardInterrupt:
        print("Interrupted. Pictures that were made are kept: the same command goes on from there.", file=sys.stderr)
        return 128 + signal.SIGINT
    return 1 if problems else 0


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, so that no foreign process outlives this one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse_others(option: str, given: dict[str, str], wanted: list[Declaration]) -> None:
    names = [each.key for each in wanted]
    if unknown := [name for name in given if name not in names]:
        message = f"external make: {option} must name one of {', '.join(names)}, got {unknown[0]!r}."
        raise UserError(message + did_you_mean(unknown[0], names))


def _cases(
    data: str | None,
    data_options: dict[str, Any] | None,
    sets: str,
    num_images: int | None,
    seed: int,
    folder: Path,
    style: str | None,
) -> list[ExternalCase]:
    import torch

    from datamodules.progress import progress_bar
    from lightning_modules.cli.evaluate import chosen_sets
    from lightning_modules.evaluation.data import FrameSource, data_config
    from lightning_modules.external.cases import cases_of

    config, said_in = data_config(data, [])
    source = FrameSource(
        config, said_in, data_options or {}, num_images=num_images, seed=seed, device=torch.device("cpu")
    )
    found = []
    for name in chosen_sets(sets):
        frames = source.frames(name)
        with progress_bar(f"{name}: cases", len(frames)) as advance:
            found += cases_of(frames, folder, style=style, advance=advance)
    return found


def _made(
    system: ExternalSystem, cases: list[ExternalCase], *, retries: int, crop: FaceCrop | None, overwrite: bool
) -> bool:
    """Make pictures and say what became of them; give whether all are there."""
    from datamodules.progress import progress_bar
    from lightning_modules.external.listing import FAILED
    from lightning_modules.external.making import make_pictures
    from lightning_modules.study.processes import BusyError, locked

    declaration, folder = system.declaration, system.folder.parent
    try:
        with locked(folder / ".lock"), progress_bar(declaration.name, len(cases)) as advance:
            done = make_pictures(
                system, cases, folder, retries=retries, crop=crop, overwrite=overwrite, advance=advance
            )
    except (UserError, BusyError) as error:
        why = (
            f"{declaration.name}: another process makes pictures in {folder}."
            if isinstance(error, BusyError)
            else error
        )
        print(f"error: {why}", file=sys.stderr)
        return False
    notes = {
        "are the reference itself, since nothing of what was asked can be told to it": done.copied,
        "lack an AU that it does not know": done.lacking,
        "have a description that was cut": done.shortened,
    }
    said = [f"{declaration.name}: {done.made} pictures made, {done.there} there already, of {len(cases)}: {folder}"]
    said += [f"  {count} {what}." for what, count in notes.items() if count]
    print("\n".join(said))
    if not done.failed:
        return True
    (name, why), *_ = done.failed.items()
    failed = f"{len(done.failed)} of {len(cases)} pictures were not made ({folder / FAILED})"
    failed += f"; {done.untried} more were not tried, after several failures in a row" if done.untried else ""
    print(f"error: {declaration.name}: {failed}. {name}: {why}", file=sys.stderr)
    return False
