"""The command ``python cli.py evaluate``: what models and outside systems are worth."""

from __future__ import annotations

import json as json_format
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lightning_modules.evaluation.data import FrameSource
    from lightning_modules.evaluation.evaluation import Evaluation, SetResult
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
    steps: int = Sampling.steps,
    temperature: float = Sampling.temperature,
    text_guidance: float = Sampling.text_guidance,
    reference_guidance: float = Sampling.reference_guidance,
    precision: Literal["float32", "bfloat16"] = "float32",
    pictures: str = "data/pictures",
    batch_size: int = 32,
    device: str = "auto",
    share: str | None = None,
    probe_people: int = 0,
    write_cases: bool = False,
    plots: bool = True,
    json: bool = False,
) -> int:
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
        sets: AU sets that training has seen, held-out ones that it never saw, or invented ones that no frame of the
            data shows and that have no true image; several as seen,unseen.
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
        probe_people: How many people of the first set are asked for pairs of conflicting AUs and each AU alone, 19
            pictures for each, and for ever stronger AUs, 49 more, of models that read intensities; 0 for none.
        write_cases: Whether to write what outside systems need, reference faces and AUs of each frame, and stop.
        plots: Whether to draw plots, where matplotlib is installed, and sheets of faces.
        json: Whether to print what metrics.json holds, for programs.
    """
    from lightning_modules.cli.devices import device_of
    from lightning_modules.evaluation.data import FrameSource, data_config
    from lightning_modules.evaluation.systems import find_systems
    from lightning_modules.evaluation.writing import write_results

    wanted, part = chosen_sets(sets), None if share is None else _share(share)
    found = [] if write_cases and not systems else find_systems(systems or {})
    names = [system.name for system in found]
    if probe_people < 0:
        message = f"evaluate: probe_people must be at least 0, got {probe_people}."
        raise ValueError(message)
    if baseline is not None and baseline not in names:
        message = f"evaluate: baseline must be one of {', '.join(names)}, got {baseline!r}."
        raise ValueError(message)
    config, said_in = data_config(data, found)
    place = device_of(device)
    source = FrameSource(config, said_in, data_options or {}, num_images=num_images, seed=seed, device=place)
    if write_cases:
        _write_cases(source, wanted, Path(output))
        return 0
    sampling = Sampling(
        steps=steps, temperature=temperature, text_guidance=text_guidance, reference_guidance=reference_guidance
    )
    paths = {"recognizer": recognizer, "identity": identity, "text_recognizer": text_recognizer}
    evaluation = _evaluation(
        found,
        _judges(paths, features, place),
        place,
        sampling=sampling,
        pictures=pictures,
        batch_size=batch_size,
        precision=precision,
        quiet=json,
    )
    evaluation.maker.check()
    try:
        if part is not None:
            for name in wanted:
                frames = source.frames(name)
                evaluation.maker.make(frames, share=part)
                if name == wanted[0]:
                    evaluation.probes(frames, probe_people).make(part)
            return 0
        results = _results(evaluation, source, wanted, quiet=json)
        probes = evaluation.probe(results[0].frames, probe_people)
    except KeyboardInterrupt:
        print("Interrupted. Pictures that were made are kept: the same command goes on from there.", file=sys.stderr)
        return 128 + signal.SIGINT
    content = write_results(
        evaluation, source, results, Path(output), probes=probes, baseline=baseline or names[0], plots=plots
    )
    _tell(content, Path(output), json=json)
    return 0


def _results(evaluation: Evaluation, source: FrameSource, wanted: list[str], *, quiet: bool) -> list[SetResult]:
    if "seen" not in wanted and evaluation.judges.text_recognizer is not None:
        # the ends of AAAD are those of the original test set, as in Appendix F.4 of the paper
        evaluation.bound(source.frames("seen"))
    results = []
    for name in wanted:
        frames = source.frames(name)
        if not quiet:
            people = len(set(frames.labels.subject))
            print(f"{name}: {len(frames)} frames of {people} people, data of {source.said_in}", flush=True)
        results.append(evaluation.run(frames))
    return results


def _tell(content: dict[str, Any], output: Path, *, json: bool) -> None:
    from lightning_modules.evaluation.writing import short_table

    if json:
        print(json_format.dumps(content, indent=2))
        return
    print(short_table(content))
    for note in content["notes"]:
        print(note)
    print(f"Tables: {output}")


def _write_cases(source: FrameSource, wanted: list[str], output: Path) -> None:
    from datamodules.progress import progress_bar
    from lightning_modules.evaluation.cases import write_cases

    for name in wanted:
        frames = source.frames(name)
        with progress_bar(f"{name}: cases", len(frames)) as advance:
            job = write_cases(frames, output, advance=advance)
        print(f"Cases: {job}")


def chosen_sets(text: str) -> list[str]:
    """Read the names of sets, parted by commas.

    Raises:
        ValueError: One is none.
    """
    known = ("seen", "unseen", "invented")
    wanted = {each.strip() for each in text.split(",")}
    if unknown := sorted(wanted - set(known)):
        message = f"evaluate: sets must be among {', '.join(known)}, got {unknown[0]!r}. Such as --sets seen,unseen"
        raise ValueError(message)
    return [each for each in known if each in wanted]  # seen first: it has the ends of AAAD for all


def _share(text: str) -> tuple[int, int]:
    """Read ``2/4`` as the second of four, counted from 0 then."""
    first, _, last = text.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        message = f"evaluate: share must be such as 2/4, the second of four, got {text!r}."
        raise ValueError(message)
    return int(first) - 1, int(last)


def _judges(paths: dict[str, str | None], features: str | None, device: torch.device) -> Judges:
    from lightning_modules.evaluation.judges import load_judges

    return load_judges(paths, features=features, device=device)


def _evaluation(
    systems: list[System],
    judges: Judges,
    device: torch.device,
    *,
    sampling: Sampling,
    pictures: str,
    batch_size: int,
    precision: str,
    quiet: bool,
) -> Evaluation:
    from datamodules.progress import progress_bar
    from lightning_modules.evaluation.evaluation import Evaluation
    from lightning_modules.evaluation.making import PictureMaker

    if batch_size < 1:
        message = f"evaluate: batch_size must be at least 1, got {batch_size}."
        raise ValueError(message)

    def progress(caption: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return progress_bar(caption, total, show=False if quiet else None)

    maker = PictureMaker(
        systems,
        sampling=sampling,
        precision=precision,
        pictures=Path(pictures),
        device=device,
        batch_size=batch_size,
        progress=progress,
    )
    return Evaluation(maker, judges)
