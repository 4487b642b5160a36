"""A survey from folders of pictures: which cases are asked about, and the page with its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.facs.constructs import name_of
from zoo.survey.blinding import CONFLICTING, Survey, blinded
from zoo.survey.cases import PICTURES, Case, FoundCases, chosen, complete_cases, find_cases
from zoo.survey.criteria import criteria
from zoo.survey.page import Order, survey_page
from zoo.survey.pictures import PictureEncoder, PictureSizes


@dataclass(frozen=True)
class MadeSurvey:
    """A survey, ready to be written.

    Attributes:
        survey: The key.
        page: The HTML file.
        notes: What the experimenter should know of it, a sentence or two each.
    """

    survey: Survey
    page: str
    notes: tuple[str, ...]


def make_survey(
    systems: Mapping[str, Path],
    *,
    encoder: PictureEncoder,
    aus: Mapping[str, tuple[int, ...]] | None = None,
    combinations: Sequence[tuple[int, ...]] | None = None,
    per_combination: int = 5,
    leave_out: bool = False,
    references: Path | None = None,
    title: str = "Which face shows it best?",
    consent: Sequence[str] = (),
    order: Order = "grouped",
    seed: int = 0,
) -> MadeSurvey:
    """Find the cases of several systems, choose among them, and build the page.

    Args:
        systems: Name of a system to the folder of its pictures, in the order of the table's columns.
        encoder: Makes the pictures alike.
        aus: Name of a case to its AUs; else see :func:`~zoo.survey.cases.find_cases`.
        combinations: Those that are asked about, in the order of the table's rows; the six of the paper where not
            given, as far as there are pictures of them.
        per_combination: Cases of each, chosen by seed where there are more.
        leave_out: Whether cases that a system has no picture of are left out, or refused.
        references: Folder with the reference face of every case.
        title: Heading of the page.
        consent: Paragraphs that a rater agrees to.
        order: As for :func:`~zoo.survey.page.survey_page`.
        seed: Decides which cases are taken, and the orders that raters see.

    Raises:
        ValueError: There are too few or too many systems, a picture is missing, or a combination that was asked for.
        OSError: A file is missing or no picture.
    """
    if per_combination < 1:
        message = f"survey: per_combination must be at least 1, got {per_combination}."
        raise ValueError(message)
    wanted = CONFLICTING if combinations is None else tuple(combinations)
    found = find_cases(systems, aus=aus)
    asked = tuple(case for case in found.cases if case.aus in wanted)
    whole = complete_cases(asked, systems=systems, leave_out=leave_out)
    lacking = [name_of(each) for each in wanted if each not in {case.aus for case in whole}]
    if lacking and (combinations is not None or len(lacking) == len(wanted)):
        message = (
            f"survey: there must be pictures of {', '.join(lacking)}, got none{_instead(found)}. Name the AUs of every "
            "case in a --job file, or in its name, such as face0_6+12+15.png."
        )
        raise ValueError(message)
    cases = chosen(whole, combinations=wanted, per_combination=per_combination, seed=seed)
    survey = blinded(cases, systems=list(systems), seed=seed)
    files = {case.name: case.files for case in cases}
    faces = {} if references is None else {case.name: _reference(references, case.name) for case in cases}
    sizes = encoder.measured([file for each in files.values() for file in each.values()])
    page = survey_page(
        survey,
        pictures={
            item: encoder.encoded(files[trial.case][system], sizes=sizes)
            for trial in survey.trials
            for item, system in trial.items.items()
        },
        criteria={name_of(each): criteria(each) for each in wanted if name_of(each) in survey.combinations},
        references={trial.name: encoder.encoded(faces[trial.case], sizes=sizes) for trial in survey.trials if faces},
        title=title,
        consent=consent,
        order=order,
    )
    notes = [
        *([f"No cases of {', '.join(lacking)}: the table will lack them."] if lacking else []),
        *_left_out(asked, whole, found),
        *_told_by_looks(sizes, encoder),
        *_alike(cases),
    ]
    return MadeSurvey(survey, page, tuple(notes))


def _instead(found: FoundCases) -> str:
    known = sorted({name_of(case.aus) for case in found.cases})
    among = f" among {', '.join(known[:6])}{' ...' if len(known) > 6 else ''}" if known else ""
    if not found.unknown:
        return among
    return f"{among}; nothing tells the AUs of {len(found.unknown)} pictures, such as {found.unknown[0]!r}"


def _left_out(asked: Sequence[Case], whole: Sequence[Case], found: FoundCases) -> list[str]:
    notes = []
    if len(whole) < len(asked):
        notes.append(f"Cases left out, since a system has no picture of them: {len(asked) - len(whole)}.")
    if found.unknown:
        count, first = len(found.unknown), found.unknown[0]
        notes.append(f"Pictures left out, since nothing tells their AUs: {count}, such as {first!r}.")
    return notes


def _told_by_looks(sizes: PictureSizes, encoder: PictureEncoder) -> list[str]:
    notes = []
    if sizes.num_oblong:
        done = "cropped to their centre" if encoder.fit == "crop" else "laid on grey, which may tell their system"
        notes.append(f"Pictures that are not square: {sizes.num_oblong}; {done}.")
    shown = min(encoder.size, sizes.largest)
    if shown > 1.5 * sizes.smallest and not encoder.equal_sharpness:
        notes.append(
            f"Pictures have {sizes.smallest} to {sizes.largest} pixels a side: sharpness may tell their system. "
            "--equal-sharpness makes all alike."
        )
    return notes


def _alike(cases: Sequence[Case]) -> list[str]:
    alike = [case.name for case in cases if len({each.read_bytes() for each in case.files.values()}) < len(case.files)]
    return [f"Cases in which two systems have the same picture: {len(alike)}, such as {alike[0]!r}."] if alike else []


def _reference(folder: Path, name: str) -> Path:
    file = next((file for suffix in PICTURES if (file := folder / f"{name}{suffix}").is_file()), None)
    if file is None:
        message = f"survey: references must have a picture of every case, got none of {name!r} in {folder}."
        raise FileNotFoundError(message)
    return file
