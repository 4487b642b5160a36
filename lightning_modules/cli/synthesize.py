"""The command ``python cli.py synthesize``: faces from a trained model."""

from __future__ import annotations

import json as json_format
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from datamodules.progress import progress_bar
from lightning_modules.callbacks.grids import save_png
from lightning_modules.callbacks.synthesis_sampling import advancing
from lightning_modules.cli.studio import Studio
from lightning_modules.cli.synthesis_cases import SynthesisCase, read_cases
from lightning_modules.cli.synthesis_intensity import read_intensities
from zoo.sampling import Sampling

_BATCH = 16


def synthesize(
    *,
    output: str,
    aus: str | None = None,
    text: str | None = None,
    job: str | None = None,
    reference: str | None = None,
    reference_seed: int = 0,
    model: str = "models/vq_auface",
    only: Literal["brows", "eyes", "mouth", "upper", "lower"] | None = None,
    intensity: str | None = None,
    seed: int = 0,
    steps: int = Sampling.steps,
    temperature: float = Sampling.temperature,
    text_guidance: float = Sampling.text_guidance,
    reference_guidance: float = Sampling.reference_guidance,
    revise_rounds: int = Sampling.revise_rounds,
    detector: str = "whole_image",
    detector_weights: str | None = None,
    recognizer: str | None = "models/recognizer_independent",
    grid: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    json: bool = False,
) -> int:
    """Synthesise faces: who from a reference, what it does from AUs or a description.

    Beside every picture stands a JSON file: what was asked, the prompt, the model, and what a recogniser reads back.
    A job that was interrupted goes on: pictures that are there already, of the same request and model, are not made
    again.

    Args:
        output: File of the picture (.png); for a job or several intensities, the folder of the pictures.
        aus: AUs such as 6,12,15; empty for a face at rest.
        text: A description in place of AUs.
        job: CSV or YAML file of many cases, with fields name, reference, reference_seed, aus, text, seed, only,
            intensity.
        reference: Picture of the reference face; a seeded procedural face where not given.
        reference_seed: Which procedural face.
        model: A bundle, a run's folder or a checkpoint of stage II.
        only: The one part of the face that is drawn anew; the rest stays the reference's.
        intensity: How strong the AUs are, from 0 to 5 (5 is FACS' E); several, such as 0..5 or 1,3,5, make a picture
            each, into the folder that --output names. For models that were trained with intensities, in words or as
            numbers; our own bundle was not.
        seed: Decides the noise, and which descriptions of the AUs are taken.
        steps: Steps of sampling.
        temperature: Of the draw of a token; 0 takes the likeliest.
        text_guidance: How far to go from the face without text to the one with it; 1 is no guidance.
        reference_guidance: The same for the reference.
        revise_rounds: How often parts are drawn again, given all others.
        detector: What finds the face in a reference picture: whole_image (cropped already), mtcnn or yunet.
        detector_weights: The detector's file, where it needs one.
        recognizer: What reads AUs back from the result; null for none.
        grid: Whether many faces are also laid side by side, references in rows, in grid.png.
        overwrite: Whether pictures of another request are replaced.
        device: cpu, cuda, or auto.
        json: Whether to print what is beside the picture, for programs.
    """
    sampling = Sampling(
        steps=steps,
        temperature=temperature,
        text_guidance=text_guidance,
        reference_guidance=reference_guidance,
        revise_rounds=revise_rounds,
    )
    if job is not None:
        own = {"aus": aus, "text": text, "reference": reference, "only": only, "intensity": intensity}
        if any(value is not None for value in own.values()):
            message = f"synthesize: a job's cases bring their own, so --job goes without --{', --'.join(own)}."
            raise ValueError(message)
        folder, cases = Path(output), read_cases(Path(job))
    else:
        strengths = [None] if intensity is None else read_intensities(intensity)
        is_picture = Path(output).suffix.lower() == ".png"
        if is_picture != (len(strengths) == 1):
            wanted = "a .png file" if len(strengths) == 1 else "a folder for several intensities"
            message = f"synthesize: output must be {wanted}, got {output!r}."
            raise ValueError(message)
        folder = Path(output).parent if is_picture else Path(output)
        case = SynthesisCase(
            name=Path(output).stem if is_picture else "",
            reference=reference,
            reference_seed=reference_seed,
            aus=aus,
            text=text,
            seed=seed,
            only=only,
        )
        cases = [replace(case, intensity=each).named() for each in strengths]
    studio = Studio(
        model,
        sampling=sampling,
        detector=detector,
        detector_weights=detector_weights,
        recognizer=recognizer,
        device=device,
    )
    studio.check(cases)
    waiting = [case for case in cases if studio.must_make(case, folder, overwrite=overwrite)]
    made = 0
    try:
        with progress_bar("Synthesising", len(waiting), show=False if json or len(waiting) < 2 else None) as advance:
            for start in range(0, len(waiting), _BATCH):
                batch = waiting[start : start + _BATCH]
                studio.make(batch, folder, progress=advancing(advance, len(batch)))
                made += len(batch)
    except KeyboardInterrupt:
        rest = "" if overwrite else " The same command makes the rest."
        print(f"Interrupted: {made} of {len(waiting)} faces were made.{rest}", file=sys.stderr)
        return 128 + signal.SIGINT
    records = [json_format.loads((folder / f"{case.name}.json").read_text(encoding="utf-8")) for case in cases]
    if json:
        is_many = job is not None or len(cases) > 1
        print(json_format.dumps(records if is_many else records[0], indent=2))
    else:
        _tell(cases, records, folder, made=len(waiting))
    if grid and len(cases) > 1:
        picture = save_png(studio.grid(cases, folder), folder / "grid.png")
        if not json:
            print(f"Grid: {picture}")
    return 0


def _tell(cases: list[SynthesisCase], records: list[dict[str, Any]], folder: Path, *, made: int) -> None:
    if len(cases) > 1:
        print(f"{made} faces made, {len(cases) - made} there already: {folder}")
        return
    case, record = cases[0], records[0]
    print(f"Prompt: {record['prompt']}")
    if "read_back" in record:
        seen = [au for au, share in record["read_back"].items() if share >= 0.5]
        print(f"Asked: {', '.join(record['aus']) or 'none'}. Read back: {', '.join(seen) or 'none'}.")
    print(f"Picture: {folder / f'{case.name}.png'}{'' if made else ' (there already)'}")
