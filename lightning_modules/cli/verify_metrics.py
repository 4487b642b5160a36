"""The figures that a bundle says it reached, measured again on the data that it names."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import torch

from zoo.codecs.base import Codec
from zoo.recognizers.base import Recognizer
from zoo.text_recognizers.base import TextRecognizer
from zoo.verification import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.components import Component

SHARE, LEAST = 0.01, 0.002
"""How far a figure may be from the recorded one: a share of it, and as much at the least."""


def metric_findings(component: Component, metadata: dict[str, Any]) -> Iterator[Finding]:
    """Measure what the bundle recorded, as far as the kind of component has a measure here, and compare."""
    recorded = metadata.get("metrics")
    if not isinstance(recorded, dict) or not recorded:
        yield Finding("metrics", passed=False, text="the bundle records none")
        return
    try:
        module = _data(metadata.get("data"))
        measured = _measured(component, module, recorded)
    except (ValueError, TypeError, OSError) as error:
        yield Finding("metrics", passed=False, text=" ".join(str(error).split()))
        return
    if not measured:
        yield Finding(
            "metrics", passed=False, text="none of the recorded ones can be measured for this kind of component"
        )
    for name, value in measured.items():
        was = recorded[name]
        if type(was) not in (int, float):
            yield Finding("metrics", passed=False, text=f"{name} must be recorded as a number, got {was!r:.40}")
            continue
        near = abs(value - was) <= max(LEAST, SHARE * abs(was))
        yield Finding("metrics", passed=near, text=f"{name}: recorded {was:.4g}, measured {value:.4g}")


def _data(config: Any) -> Any:
    """Build the data that a bundle names, if it is one of this project's; nothing else is imported."""
    from lightning_modules.cli.classes import known_classes

    path = config.get("class_path") if isinstance(config, dict) else None
    known = {each.path for found in known_classes().values() for each in found if each.path.startswith("datamodules.")}
    if not isinstance(path, str) or path not in known or not path.endswith("DataModule"):
        message = f"its data must be a data module of this project, got {path!r:.80}"
        raise ValueError(message)
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    given = config.get("init_args") or {}
    # parts, such as the composer of prompts, change no figure that is measured here
    accepted = set(inspect.signature(cls).parameters)
    return cls(**{key: value for key, value in given.items() if key in accepted and not isinstance(value, dict)})


@torch.no_grad()
def _measured(component: Component, data: Any, recorded: dict[str, Any]) -> dict[str, float]:
    match component:
        case Recognizer():
            return _f1(component, data, lambda batch: component(batch["image"]).probability, recorded)
        case TextRecognizer():
            return _f1(component, data, lambda batch: component(batch["prompt"]).probability, recorded)
        case Codec():
            return _pixels(component, data, recorded)
    return {}


def _finished(data: Any, loader: Any) -> Iterator[Any]:
    """Batches as modules see them in training: pixels become floats."""
    finish = getattr(data, "on_after_batch_transfer", None)
    for batch in loader:
        yield batch if finish is None else finish(batch, 0)


def _f1(
    component: Any, data: Any, recognize: Callable[[Any], torch.Tensor], recorded: dict[str, Any]
) -> dict[str, float]:
    from zoo.facs import AUS
    from zoo.metrics.occurrence_f1 import OccurrenceF1

    columns = [AUS.index(au) for au in component.aus]
    found = {}
    for split, loader in (("val", data.val_dataloader), ("test", data.test_dataloader)):
        if f"{split}/f1" not in recorded:
            continue
        metric = OccurrenceF1(aus=component.aus)
        for batch in _finished(data, loader()):
            metric.update(recognize(batch), batch["occurrence"][:, columns], batch["known"][:, columns])
        found[f"{split}/f1"] = float(metric.macro())
        named = zip(component.aus, metric.compute().tolist(), strict=True)
        found |= {f"{split}_f1/AU{au}": value for au, value in named if f"{split}_f1/AU{au}" in recorded}
    return found


def _pixels(codec: Codec, data: Any, recorded: dict[str, Any]) -> dict[str, float]:
    from lightning_modules.codec_figures import pixel_figures

    loader = data.test_dataloader() if recorded.get("split") == "test" else data.val_dataloader()
    totals, count = {"l1": 0.0, "psnr": 0.0}, 0
    for batch in _finished(data, loader):
        images = batch["image"]
        figures = pixel_figures(codec.detokenize(codec.tokenize(images)), images)
        totals = {name: total + float(figures[name]) * len(images) for name, total in totals.items()}
        count += len(images)
    return {name: total / count for name, total in totals.items() if name in recorded}
