"""What the page can ask, and the answers, as plain data: nothing here knows of HTTP."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lightning_modules.cli.synthesis_references import procedural_reference
from lightning_modules.demo.explaining import explained, units
from lightning_modules.demo.grids import cells_of
from lightning_modules.demo.model import DemoModel, Order
from lightning_modules.demo.pictures import (
    FORMATS,
    LARGEST_FILE,
    data_uri,
    difference,
    mean_difference,
    png,
    synthetic_png,
)
from lightning_modules.demo.records import asked, command_line
from lightning_modules.demo.requests import (
    GRIDS,
    LARGEST_SEED,
    LIMITS,
    LONGEST_TEXT,
    NUM_FACES,
    FaceRequest,
    RequestError,
    read_request,
    read_ticket,
    read_wish,
)
from lightning_modules.demo.truth import true_faces
from lightning_modules.demo.turns import Turns
from zoo.facs.labels import format_labels
from zoo.recognizers.base import Recognizer

_BATCH = 8


class Demo:
    """Answer the page.

    Args:
        models: Those that make faces; the first one stands first on the page.
        recognizer: What reads AUs back; None for none.
        recognizer_path: Where it is from.
    """

    def __init__(
        self, models: Sequence[DemoModel], *, recognizer: Recognizer | None = None, recognizer_path: str | None = None
    ) -> None:
        self.models = tuple(models)
        self.recognizer = recognizer
        self.recognizer_path = recognizer_path
        self.turns = Turns()

    def about(self) -> dict[str, Any]:
        """Say what there is to choose from."""
        has_intensity = any(model.intensity_reading is not None for model in self.models)
        settings = {name for model in self.models for name in model.pipeline.settings}
        return {
            "models": [model.about for model in self.models],
            "recognizer": self.recognizer_path,
            "aus": units(),
            "has_intensity": has_intensity,
            "faces": NUM_FACES,
            "limits": {name: list(values) for name, values in LIMITS.items()},
            "largest_seed": LARGEST_SEED,
            "longest_text": LONGEST_TEXT,
            "formats": list(FORMATS),
            "largest_file": LARGEST_FILE,
            "grids": [
                kind
                for kind in GRIDS
                if (has_intensity or kind != "intensities") and ("seed" in settings or kind != "seeds")
            ],
            "settings": [name for name in LIMITS if name in settings],
        }

    def face(self, number: int) -> bytes:
        """Give the PNG file of a procedural face at rest.

        Raises:
            RequestError: There is none of this number.
        """
        if not 0 <= number < NUM_FACES:
            message = f"The number of a procedural face must be from 0 to {NUM_FACES - 1}, got {number}."
            raise RequestError(message)
        return _face(number, self.models[0].pipeline.image_size)

    def describe(self, content: Any) -> dict[str, Any]:
        """Explain a wish, and compose the text of each model."""
        wish = read_wish({name: content[name] for name in ("aus", "text") if name in content} if content else content)
        seed = content.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
            message = f"seed must be a whole number from 0 to {LARGEST_SEED}, got {str(seed)[:40]!r}."
            raise RequestError(message)
        return {
            **explained(wish),
            "prompts": [
                {
                    "model": model.name,
                    "reads": "labels" if model.reads_labels else "text",
                    "prompt": model.gets(wish, seed=seed),
                    "notes": model.notes(wish),
                }
                for model in self.models
            ],
        }

    def synthesize(self, content: Any) -> dict[str, Any]:
        """Make one face with each model, and say what can be known of it."""
        request = read_request(content)
        models = self._chosen(request)
        references = {model.name: model.reference(request) for model in models}
        with self.turns.take(request.ticket) as turn:
            begin = time.perf_counter()
            faces = []
            for place, model in enumerate(models):
                image = model.make(
                    [Order(request.wish, request.seed)],
                    references[model.name],
                    sampling=request.sampling,
                    only=request.only,
                    progress=turn.part(place, len(models)),
                )[0]
                faces.append(self._result(model, image, references[model.name], request))
            first = references[models[0].name]
            truth = self._truth(request, models[0].pipeline.image_size)
            answer = {
                "asked": asked(request),
                **explained(request.wish),
                "reference": {"image": data_uri(png(first)), "read_back": self._read_back(first)},
                "truth": None
                if truth is None
                else {"image": _synthetic(truth, {}), "read_back": self._read_back(truth)},
                "faces": faces,
                "recognizer": self.recognizer_path,
            }
            answer["seconds"] = round(time.perf_counter() - begin, 2)
        return answer

    def grid(self, content: Any) -> dict[str, Any]:
        """Make many faces of one person, which differ in their AUs, seeds or intensities."""
        request = read_request(content)
        models = self._chosen(request)
        cells = cells_of(request)
        references = {model.name: model.reference(request) for model in models}
        with self.turns.take(request.ticket) as turn:
            begin = time.perf_counter()
            batches = [
                (model, cells[start : start + _BATCH]) for model in models for start in range(0, len(cells), _BATCH)
            ]
            faces: dict[str, list[dict[str, Any]]] = {model.name: [] for model in models}
            for place, (model, batch) in enumerate(batches):
                images = model.make(
                    [cell.order for cell in batch],
                    references[model.name],
                    sampling=request.sampling,
                    only=request.only,
                    progress=turn.part(place, len(batches)),
                )
                found = self._read_backs(images)
                for cell, image, seen in zip(batch, images, found, strict=True):
                    notes = {
                        "model": model.name,
                        "model_sha256": model.sha256,
                        "aus": format_labels(cell.order.wish.labels),
                    }
                    faces[model.name].append(
                        {"model": model.name, "image": _synthetic(image, notes), "read_back": seen}
                    )
            truths: list[str | None] = [None] * len(cells)
            if isinstance(request.reference, int):
                size = models[0].pipeline.image_size
                rendered = true_faces(request.reference, [cell.order.wish.labels for cell in cells], size=size)
                truths = [_synthetic(image, {}) for image in rendered]
            return {
                "asked": {**asked(request), "grid": request.kind},
                "cells": [
                    {
                        "caption": cell.caption,
                        "row": cell.row,
                        "column": cell.column,
                        "aus": format_labels(cell.order.wish.labels),
                        "seed": cell.order.seed,
                        "truth": truths[place],
                        "faces": [faces[model.name][place] for model in models],
                    }
                    for place, cell in enumerate(cells)
                ],
                "seconds": round(time.perf_counter() - begin, 2),
            }

    def warm(self) -> None:
        """Build what the first reading of a text would wait for."""
        self.describe({"text": "The jaw is still."})

    def progress(self, ticket: str) -> dict[str, Any]:
        """Say how far a request is."""
        return self.turns.progress(read_ticket(ticket))

    def stop(self, content: Any) -> dict[str, Any]:
        """Stop a request."""
        ticket = read_ticket(content.get("ticket") if isinstance(content, dict) else None)
        return {"stopped": bool(ticket) and self.turns.stop(ticket)}

    def _chosen(self, request: FaceRequest) -> tuple[DemoModel, ...]:
        known = [model.name for model in self.models]
        if request.models is None:
            return self.models
        if unknown := [name for name in request.models if name not in known]:
            message = f"There is no model {unknown[0][:60]!r} here. There are: {', '.join(known)}."
            raise RequestError(message)
        return tuple(model for model in self.models if model.name in request.models)

    def _result(self, model: DemoModel, image: Tensor, reference: Tensor, request: FaceRequest) -> dict[str, Any]:
        truth = self._truth(request, model.pipeline.image_size)
        prompt = model.prompt(request.wish, seed=request.seed)
        notes = {"model": model.name, "model_sha256": model.sha256, "prompt": prompt, "asked": asked(request)}
        others = {"reference": reference} if truth is None else {"reference": reference, "truth": truth}
        return {
            "model": model.name,
            "model_path": model.path,
            "model_sha256": model.sha256,
            "reads": "labels" if model.reads_labels else "text",
            "prompt": prompt,
            "gets": model.gets(request.wish, seed=request.seed),
            "notes": model.notes(request.wish),
            "image": _synthetic(image, notes),
            "read_back": self._read_back(image),
            "differences": {
                name: {"image": data_uri(difference(image, other)), "mean": round(mean_difference(image, other), 4)}
                for name, other in others.items()
            },
            "command": command_line(model, request),
        }

    def _truth(self, request: FaceRequest, size: int) -> Tensor | None:
        if not isinstance(request.reference, int):
            return None
        if request.wish.reading is not None and not request.wish.labels:
            return None  # nothing is known of what the text says
        return true_faces(request.reference, [request.wish.labels], size=size)[0]

    def _read_back(self, image: Tensor) -> dict[str, float] | None:
        return self._read_backs(image[None])[0]

    def _read_backs(self, images: Tensor) -> list[dict[str, float] | None]:
        if self.recognizer is None:
            return [None] * len(images)
        device = next(self.recognizer.parameters()).device
        with torch.no_grad():
            probability = self.recognizer(images.to(device).float()).probability.cpu()
        return [
            {f"AU{au}": round(share, 3) for au, share in zip(self.recognizer.aus, row, strict=True)}
            for row in probability.tolist()
        ]


@functools.lru_cache(maxsize=256)
def _face(number: int, size: int) -> bytes:
    return png(procedural_reference(number, size=size))


def _synthetic(image: Tensor, notes: dict[str, Any]) -> str:
    return data_uri(synthetic_png(image, notes))
