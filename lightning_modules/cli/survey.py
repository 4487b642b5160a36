"""The commands ``python cli.py survey make`` and ``survey score``: the user study of conflicting AUs."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Literal


def make(
    *,
    output: str,
    pictures: str | None = None,
    systems: dict[str, str] | None = None,
    job: str | None = None,
    references: str | None = None,
    combinations: str | None = None,
    per_combination: int = 5,
    missing: Literal["refuse", "leave_out"] = "refuse",
    size: int = 384,
    fit: Literal["crop", "pad"] = "crop",
    equal_sharpness: bool = False,
    order: Literal["grouped", "mixed"] = "grouped",
    title: str = "Which face shows it best?",
    consent: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Build the page on which people rank the pictures of several systems: one HTML file that needs no network.

    Pictures of one name in the folders of all systems are one case, as synthesize --job writes them. Raters see them
    in an order of their own, under ids that tell nothing. The key to the ids is written beside the page: keep it.

    Args:
        output: The page, an .html file; the key lies beside it.
        pictures: Folder with a folder of pictures for each system.
        systems: In place of pictures, the folder of each system, as --systems.NAME FOLDER; in the order of the table.
        job: The job file of synthesize, which tells the AUs of every case; else the JSON file beside a picture tells
            them, else its name (face0_6+12+15.png).
        references: Folder with the reference face of every case, of the same names, shown beside the pictures.
        combinations: Those that are asked about, such as 12+15,1+4; the six of the paper's Table 4 where not given.
        per_combination: Cases of each, chosen by seed where there are more.
        missing: Whether a case that a system has no picture of is refused or left out.
        size: Side of the pictures on the page, in pixels.
        fit: Whether pictures that are not square are cropped at the centre, or laid on grey.
        equal_sharpness: Whether all pictures are scaled down to the smallest first, so that sharpness tells nothing.
        order: Whether the cases of a combination follow each other, or all are mixed.
        title: Heading of the page.
        consent: Text file that raters agree to before they start; empty lines part its paragraphs.
        seed: Decides which cases are taken, and every rater's order together with their code.
        overwrite: Whether a survey that is there is replaced; answers to it count only where its pictures are the same.
        json: Whether to print what was made, for programs.
    """
    from datamodules.face_images import read_image
    from zoo.files import save_json, save_text
    from zoo.survey.making import make_survey
    from zoo.survey.pictures import PictureEncoder

    page = Path(output)
    key = page.with_name(f"{page.stem}_key.json")
    if page.suffix.lower() not in {".html", ".htm"}:
        message = f"survey make: output must be an .html file, got {output!r}."
        raise ValueError(message)
    if not overwrite and (existing := next((file for file in (page, key) if file.exists()), None)):
        message = f"survey make: {existing} must not exist yet. --overwrite replaces the page and its key."
        raise ValueError(message)
    made = make_survey(
        _folders(pictures, systems),
        encoder=PictureEncoder(read_image, size=size, fit=fit, equal_sharpness=equal_sharpness),
        aus=None if job is None else _aus_of(job),
        combinations=None if combinations is None else _combinations(combinations),
        per_combination=per_combination,
        leave_out=missing == "leave_out",
        references=None if references is None else Path(references),
        title=title,
        consent=_paragraphs(consent),
        order=order,
        seed=seed,
    )
    survey = made.survey
    # the key first: a page without its key would be of no use
    save_json(survey.as_dict(), key)
    save_text(made.page, page)
    megabytes = round(len(made.page.encode()) / 1e6, 1)
    if json:
        content = {
            "page": str(page),
            "key": str(key),
            "survey": survey.id,
            "systems": list(survey.systems),
            "trials": {name: sum(trial.combination == name for trial in survey.trials) for name in survey.combinations},
            "megabytes": megabytes,
            "notes": list(made.notes),
        }
        print(json_format.dumps(content, indent=2))
        return
    print(f"{len(survey.trials)} trials of {len(survey.systems)} pictures, {megabytes} MB: {page}")
    print(f"Key, not for raters: {key}")
    for note in made.notes:
        print(note)


def score(
    *,
    answers: str,
    key: str,
    output: str | None = None,
    incomplete: Literal["refuse", "keep"] = "refuse",
    num_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Turn raters' answers into the AU Conflict Handling Score, in the form of the paper's Table 4.

    Of n systems, the first in a ranking gets n points and the last 1; ties share theirs. The score is the mean, for
    each combination and over them. Intervals are by bootstrap over raters; agreement is Kendall's W.

    Args:
        answers: A CSV file that the page saved, or a folder of them.
        key: The key that was written beside the page.
        output: Folder for auchs.json, auchs.csv and auchs.md.
        incomplete: Whether a rater who did not rank every case is refused, or counts with what there is.
        num_resamples: How often raters are drawn, for intervals.
        level: Share of resamples inside an interval.
        seed: Decides the draws.
        json: Whether to print JSON, for programs, in place of the table.
    """
    from zoo.files import save_json, save_text
    from zoo.survey import report
    from zoo.survey.answers import answer_files, read_answers
    from zoo.survey.blinding import read_key

    if num_resamples < 1 or not 0 < level < 1:
        message = (
            "survey score: num_resamples must be at least 1 and level between 0 and 1, got "
            f"{num_resamples} and {level}."
        )
        raise ValueError(message)
    survey = read_key(Path(key))
    given = read_answers(answer_files(Path(answers)), survey=survey, keep_incomplete=incomplete == "keep")

    from zoo.survey.scores import score_survey  # torch, once everything is known to be right

    scores = score_survey(given, survey=survey, num_resamples=num_resamples, level=level, seed=seed)
    content = report.as_dict(scores, survey=survey)
    table = report.as_markdown(scores, survey=survey)
    if output is not None:
        folder = Path(output)
        save_json(content, folder / "auchs.json")
        save_text(report.as_csv(scores), folder / "auchs.csv")
        save_text(table, folder / "auchs.md")
    if json:
        print(json_format.dumps(content, indent=2))
        return
    print(table, end="")
    for file in given.repeated:
        print(f"\n{file} says nothing that another file does not: it counts once.")
    if output is not None:
        print(f"\nauchs.json, auchs.csv, auchs.md: {output}")


def _folders(pictures: str | None, systems: dict[str, str] | None) -> dict[str, Path]:
    if (pictures is None) == (systems is None):
        given = "both" if systems is not None else "neither"
        message = (
            f"survey make: give either pictures, a folder with a folder for each system, or systems, got {given}. "
            "Such as --systems.ours faces/ours --systems.ganimation faces/ganimation."
        )
        raise ValueError(message)
    if systems is not None:
        return {name: Path(folder) for name, folder in systems.items()}
    assert pictures is not None
    place = Path(pictures)
    if not place.is_dir():
        message = f"survey make: pictures must be a folder with a folder for each system, got {pictures!r}."
        raise FileNotFoundError(message)
    return {each.name: each for each in sorted(place.iterdir()) if each.is_dir() and not each.name.startswith(".")}


def _aus_of(job: str) -> dict[str, tuple[int, ...]]:
    from lightning_modules.cli.synthesis_cases import read_cases
    from zoo.facs.labels import parse_labels
    from zoo.facs.parsing import read

    found: dict[str, tuple[int, ...]] = {}
    for case in read_cases(Path(job)):
        labels = parse_labels(case.aus) if case.aus is not None else read(case.text or "").labels
        found[case.name] = tuple(sorted({label.number for label in labels}))
    return found


def _combinations(text: str) -> tuple[tuple[int, ...], ...]:
    from zoo.facs import AUS

    found = []
    for part in text.split(","):
        numbers = [number.strip().upper().removeprefix("AU") for number in part.split("+")]
        if not all(number.isdecimal() and int(number) in AUS for number in numbers):
            message = (
                f"survey make: combinations must be AUs of {', '.join(map(str, AUS))}, joined by plus signs and parted "
                f"by commas, got {part.strip()!r}. Such as --combinations 12+15,1+4."
            )
            raise ValueError(message)
        found.append(tuple(sorted({int(number) for number in numbers})))
    return tuple(dict.fromkeys(found))


def _paragraphs(consent: str | None) -> list[str]:
    if consent is None:
        return []
    text = Path(consent).read_text(encoding="utf-8")
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
