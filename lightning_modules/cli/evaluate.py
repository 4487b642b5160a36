"""The command ``python cli.py evaluate``: what models and outside systems are worth."""

from __future__ import annotations

import json as json_format
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lightning_modules.evaluation.evaluation import Evaluation, SetResult
    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judges import Judges
    from lightning_modules.evaluation.systems import System


def evaluate(
    *,
    output: str,
    systems: dict[str, str | list[str]] | list[str] | None = None,
    data: str | None = None,
    data_options: dict[str, Any] | None = None,
    sets: str = "seen",
    num_images: int | None = 2000,
    seed: int = 0,
    baseline: str | None = None,
    recognizer: str | None = "models/recognizer_independent",
    identity: str | None = "models/face_identity_independent",
    text_recognizer: str | None = "models/text_recognizer",
    features: str | None = "auto",
    steps: int = 8,
    temperature: float = 0.5,
    text_guidance: float = 2.0,
    reference_guidance: float = 1.0,
    precision: Literal["float32", "bfloat16"] = "float32",
    pictures: str = "data/pictures",
    batch_size: int = 32,
    device: str = "auto",
    share: str | None = None,
    write_cases: bool = False,
    plots: bool = True,
    json: bool = False,
) -> None:
    """Measure models and folders of pictures on one test set, by one set of judges.

    Every table has, beside the systems, what a copied reference, the true image, the codec's version of that, and the
    AUs of somebody else would give. Intervals are 95 %, by drawing people with replacement; differences are taken on
    the same people. Pictures are made once and kept: an evaluation that was stopped goes on.

    Args:
        output: Folder of tables and plots.
        systems: Path of each system, as --systems.NAME PATH: a bundle, a run's folder, a checkpoint, or a folder of
            pictures with one for each frame. A path with wildcards, or a list in a config, is one system trained with
            several seeds.
        data: A YAML of data, or a run's folder, which has that of its training; by default the first run's.
        data_options: Arguments of the data to be changed, as --data-options.interaction 0.
        sets: Whether faces show AU sets that training has seen, those that it never saw, or both: seen,unseen.
        num_images: Frames of each set, chosen by seed; null takes all.
        seed: Decides which frames.
        baseline: The system that the others are compared with; the first where not given.
        recognizer: What sees AUs: a bundle, a run's folder or a checkpoint that no training ever used; null for none.
        identity: What compares identities, likewise; left out where nothing is there.
        text_recognizer: What reads AUs in descriptions, for AAAD; left out where nothing is there.
        features: What compares images by features. auto takes Inception (FID, KID, IS) and LPIPS where their published
            weights are in models/, else models/perceptual, under names that say so; a path takes another network that
            was trained here; null none.
        steps: Steps of sampling.
        temperature: Of the draw of a token; 0 takes the likeliest.
        text_guidance: How far to go from the face without text to the one with it; 1 is no guidance.
        reference_guidance: The same for the reference.
        precision: Numbers in which models work.
        pictures: Folder where all models' pictures are kept.
        batch_size: Pictures at once.
        device: cpu, cuda, or auto.
        share: Make only this share of the pictures and stop, as 2/4, so that several devices or machines do the work.
        write_cases: Whether to write what outside systems need, reference faces and AUs of each frame, and stop.
        plots: Whether to draw plots, where matplotlib is installed, and sheets of faces.
        json: Whether to print what metrics.json holds, for programs.
    """
    from lightning_modules.evaluation.cases import write_cases as write_cases_of
    from lightning_modules.evaluation.data import data_config, data_module, disagreements
    from lightning_modules.evaluation.systems import find_systems
    from lightning_modules.evaluation.writing import short_table, write_results

    found = [] if write_cases and not systems else find_systems(systems or {})
    names = [system.name for system in found]
    if baseline is not None and baseline not in names:
        message = f"evaluate: baseline must be one of {', '.join(names)}, got {baseline!r}."
        raise ValueError(message)
    wanted = [each.strip() for each in sets.split(",")]
    if unknown := [each for each in wanted if each not in ("seen", "unseen")]:
        message = f"evaluate: sets must be among seen, unseen, got {unknown[0]!r}. Such as --sets seen,unseen"
        raise ValueError(message)
    part = None if share is None else _share(share)
    options = data_options or {}
    config, said_in = data_config(data, found)
    place = _device(device)
    paths = {"recognizer": recognizer, "identity": identity, "text_recognizer": text_recognizer}
    judges = _judges(paths, features, place)
    evaluation = _evaluation(
        found, judges, place, pictures=pictures, batch_size=batch_size, precision=precision, quiet=json,
        sampling={
            "steps": steps, "temperature": temperature, "text_guidance": text_guidance,
            "reference_guidance": reference_guidance,
        },
    )  # fmt: skip
    notes = [
        f"{system.name}: {member.path} was trained on other data: {'; '.join(differences)}."
        for system in found
        for member in system.members
        if (differences := disagreements(config, options, member))
    ]
    notes += [
        f"No {name}: {record['missing']}{f' ({path})' if (path := record.get('path')) else ''}."
        for name, record in judges.records.items()
        if "missing" in record
    ]
    evaluation.check()
    results: list[SetResult] = []
    makes_only = write_cases or part is not None
    if "seen" not in wanted and not makes_only and judges.text_recognizer is not None:
        # the ends of AAAD are those of the original test set, as in Appendix F.4 of the paper
        built = data_module(config, {**options, **_aus_option(config, "seen")})
        evaluation.bound(_frames("seen", built, num_images=num_images, seed=seed, device=place))
    for name in wanted:
        built = data_module(config, {**options, **_aus_option(config, name)})
        frames = _frames(name, built, num_images=num_images, seed=seed, device=place)
        if write_cases:
            with evaluation.progress(f"{name}: cases", len(frames)) as advance:
                print(f"Cases: {write_cases_of(frames, Path(output), advance=advance)}")
            continue
        if not json:
            print(f"{name}: {len(frames)} frames of {len(set(frames.labels.subject))} people, data of {said_in}")
        if part is not None:
            evaluation.make(frames, share=part)
            continue
        results.append(evaluation.run(frames))
    if not results:
        return
    content = write_results(
        results,
        Path(output),
        baseline=baseline or names[0],
        network=None if judges.features is None else judges.features.name,
        plots=plots,
        facts={
            "data": {"said_in": said_in, **config, "options": options, "num_images": num_images, "seed": seed},
            "judges": judges.records,
            "sampling": vars(evaluation.sampling),
            "precision": precision,
            "systems": evaluation.records,
            "notes": notes,
        },
    )
    if json:
        print(json_format.dumps(content, indent=2))
        return
    print(short_table(content))
    for note in notes:
        print(note)
    print(f"Tables: {output}")


def _share(text: str) -> tuple[int, int]:
    """Read ``2/4`` as the second of four, counted from 0 then."""
    first, _, last = text.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        message = f"evaluate: share must be such as 2/4, the second of four, got {text!r}."
        raise ValueError(message)
    return int(first) - 1, int(last)


def _device(name: str) -> torch.device:
    import torch

    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def _judges(paths: dict[str, str | None], features: str | None, device: torch.device) -> Judges:
    from lightning_modules.evaluation.judges import load_judges

    return load_judges(paths, features=features, device=device)


def _aus_option(config: dict[str, Any], name: str) -> dict[str, Any]:
    """What makes data give the AU sets of a test set."""
    import importlib
    import inspect

    module, _, cls = config["class_path"].rpartition(".")
    knows = "test_aus" in inspect.signature(getattr(importlib.import_module(module), cls)).parameters
    if knows:
        return {"test_aus": name}
    if name == "unseen":
        message = f"evaluate: sets must be [seen] for {cls}, got unseen: it holds no AU sets out."
        raise ValueError(message)
    return {}


def _frames(name: str, data: Any, **arguments: Any) -> EvaluationSet:
    from lightning_modules.evaluation.evaluation_set import EvaluationSet

    return EvaluationSet(name, data, **arguments)


def _evaluation(
    systems: list[System],
    judges: Judges,
    device: torch.device,
    *,
    sampling: dict[str, Any],
    pictures: str,
    batch_size: int,
    precision: str,
    quiet: bool,
) -> Evaluation:
    from datamodules.progress import progress_bar
    from lightning_modules.evaluation.evaluation import Evaluation
    from zoo.generators.base import Sampling

    if batch_size < 1:
        message = f"evaluate: batch_size must be at least 1, got {batch_size}."
        raise ValueError(message)

    def progress(caption: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return progress_bar(caption, total, show=False if quiet else None)

    return Evaluation(
        systems,
        judges,
        sampling=Sampling(**sampling),
        precision=precision,
        pictures=Path(pictures),
        device=device,
        batch_size=batch_size,
        progress=progress,
    )
