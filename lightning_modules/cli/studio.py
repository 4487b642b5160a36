"""A trained model with all that it takes to make pictures of cases: references, prompts, files, what is read back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.callbacks.grids import READABLE_SIDE, grid
from lightning_modules.cli.devices import device_of
from lightning_modules.cli.synthesis_cases import SynthesisCase, fingerprint
from lightning_modules.cli.synthesis_intensity import (
    check_intensity,
    intensity_reading,
    strengths_of,
    with_intensity,
)
from lightning_modules.cli.synthesis_references import References, signed
from zoo import bundles
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.facs.labels import AULabel, parse_labels
from zoo.facs.parsing import read
from zoo.files import save_json, write_whole
from zoo.pipelines.base import Pipeline
from zoo.pipelines.editing import kept_cells
from zoo.recognizers.base import Recognizer
from zoo.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.pipelines.editing import Part


class Studio:
    """A model with all that it takes to make pictures of cases.

    Args:
        model: A bundle, a run's folder or a checkpoint of stage II.
        sampling: How tokens are drawn.
        detector: Name of what finds faces in reference pictures.
        detector_weights: Its file, where it needs one.
        recognizer: A bundle, a run's folder or a checkpoint of what reads AUs back; None for none.
        device: cpu, cuda, or auto.
    """

    def __init__(
        self,
        model: str,
        *,
        sampling: Sampling,
        detector: str = "whole_image",
        detector_weights: str | None = None,
        recognizer: str | None = None,
        device: str = "auto",
    ) -> None:
        self.device = device_of(device)
        self.pipeline = _loaded(model, Pipeline, "model", self.device)
        self.recognizer = None if recognizer is None else _loaded(recognizer, Recognizer, "recognizer", self.device)
        self.references = References(self.pipeline.image_size, detector=detector, detector_weights=detector_weights)
        self.sampling = sampling
        self.model = model
        self.intensity_reading = intensity_reading(model, self.pipeline)
        self.made_with = {
            "model": model,
            "model_sha256": weights_sha256(model),
            "sampling": vars(sampling),
            "detector": self.references.detector.record,
            "prompt_style": self.pipeline.prompt_style,
        }

    def check(self, cases: list[SynthesisCase]) -> None:
        """Find out, before the first picture is made, whether all can be.

        Raises:
            ValueError: A case asks for AUs that are none, for intensities that the model was not trained with, or for
                a reference that is unfit.
            OSError: A reference can't be read.
        """
        for case in cases:
            if case.aus is not None:
                labels = parse_labels(case.aus)
                check_intensity(labels, case.intensity, model=self.model, reading=self.intensity_reading)
        for reference in dict.fromkeys(case.reference for case in cases if case.reference is not None):
            self.references.photo(reference)

    def must_make(self, case: SynthesisCase, folder: Path, *, overwrite: bool) -> bool:
        """Tell whether a picture is not there yet.

        Raises:
            ValueError: Another picture is there, and must not be replaced.
        """
        picture, record = folder / f"{case.name}.png", folder / f"{case.name}.json"
        if overwrite or not picture.exists():
            return True
        wanted = fingerprint({**case.asked, **self.made_with})
        found = None
        if record.exists():
            found = json.loads(record.read_text(encoding="utf-8")).get("fingerprint")
        if found == wanted:
            return False
        message = f"synthesize: {picture} must not exist yet, or be of the same request. --overwrite replaces it."
        raise ValueError(message)

    def make(
        self, cases: list[SynthesisCase], folder: Path, *, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Make pictures, and write each with what is known of it.

        Args:
            cases: What is wanted.
            folder: Where the files go.
            progress: Told after each pass of the generator how many are done, and of how many.
        """
        references = torch.stack([self.references.of(case) for case in cases]).to(self.device)
        labels = [self._labels(case) for case in cases]
        prompts = [self._prompt(case, each) for case, each in zip(cases, labels, strict=True)]
        occurrence = torch.tensor([[au in {label.number for label in each} for au in AUS] for each in labels])
        strengths = [strengths_of(each, case.intensity) for case, each in zip(cases, labels, strict=True)]
        intensity = torch.tensor([[each.get(au, float("nan")) for au in AUS] for each in strengths])
        generator: Any = getattr(self.pipeline, "generator", None)
        side = self.pipeline.image_size
        rows, cols = (side, side) if generator is None else (generator.rows, generator.cols)
        keep = torch.stack([self._kept(case, rows, cols) for case in cases])
        made = self.pipeline.synthesize(
            references,
            prompts,
            occurrence=occurrence.to(self.device),
            intensity=intensity.to(self.device),
            seeds=torch.tensor([case.seed for case in cases]),
            sampling=self.sampling,
            keep=keep.to(self.device) if keep.any() else None,
            progress=progress,
        )
        seen = None
        if self.recognizer is not None:
            with torch.no_grad():
                seen = self.recognizer(made.images).probability.cpu()
        for place, case in enumerate(cases):
            content = {
                "asked": case.asked,
                "aus": [str(label) for label in labels[place]],
                "prompt": prompts[place],
                **self.made_with,
                "fingerprint": fingerprint({**case.asked, **self.made_with}),
            }
            if seen is not None and self.recognizer is not None:
                shares = zip(self.recognizer.aus, seen[place].tolist(), strict=True)
                content["read_back"] = {f"AU{au}": round(share, 3) for au, share in shares}
            # the picture last: where it is, its record is there, too, and is its own
            picture = folder / f"{case.name}.png"
            picture.unlink(missing_ok=True)
            save_json(content, picture.with_suffix(".json"))
            _save(
                made.images[place],
                picture,
                notes={"model_sha256": self.made_with["model_sha256"], "prompt": prompts[place]},
            )

    def grid(self, cases: list[SynthesisCase], folder: Path) -> Any:
        """Lay the cases' pictures side by side, a row for each reference, which comes first."""
        from datamodules.face_images import read_image

        who = {_who(case): case for case in cases}
        columns = list(dict.fromkeys(case.wish for case in cases))
        rows = {}
        for name, first in who.items():
            pictures = {case.wish: case for case in cases if _who(case) == name}
            tiles = [self.references.of(first)]
            for column in columns:
                case = pictures.get(column)
                tiles.append(
                    torch.ones_like(tiles[0]) if case is None else signed(read_image(folder / f"{case.name}.png"))
                )
            rows[name] = torch.stack(tiles)
        return grid(rows, columns=["reference", *columns], smallest_side=READABLE_SIDE)

    def _labels(self, case: SynthesisCase) -> tuple[AULabel, ...]:
        if case.aus is not None:
            return with_intensity(parse_labels(case.aus), case.intensity)
        assert case.text is not None
        return read(case.text).labels

    def _prompt(self, case: SynthesisCase, labels: tuple[AULabel, ...]) -> str:
        if case.text is not None:
            return case.text
        worded = self.intensity_reading == "words"
        return Composer(style=self.pipeline.prompt_style, seed=case.seed, word_intensity=worded).describe(labels)

    def _kept(self, case: SynthesisCase, rows: int, cols: int) -> torch.Tensor:
        if case.only is None:
            return torch.zeros(rows, cols, dtype=torch.bool)
        part: Part = case.only  # type: ignore[assignment]
        return kept_cells(part, rows=rows, cols=cols)


def weights_sha256(model: str) -> str:
    """Give the checksum of the file of weights that ``zoo.load`` would read."""
    place = bundles.find(model)
    if place.is_dir():
        bundle = place / "model.safetensors"
        place = bundle if bundle.is_file() else bundles.best_checkpoint(place)
    with place.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _loaded(path: str, kind: type[Any], name: str, device: torch.device) -> Any:
    component = bundles.load(path, device=device)
    if not isinstance(component, kind):
        message = f"synthesize: {name} must be a {kind.__name__.lower()}, got {path!r}, a {type(component).__name__}."
        raise ValueError(message)
    return component


def _save(image: torch.Tensor, file: Path, notes: dict[str, Any]) -> None:
    from lightning_modules.demo.pictures import synthetic_png

    content = synthetic_png(image, notes)
    write_whole(file, lambda temporary: temporary.write_bytes(content))


def _who(case: SynthesisCase) -> str:
    return Path(case.reference).stem if case.reference else f"face {case.reference_seed}"
