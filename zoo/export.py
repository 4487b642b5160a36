"""A run's result as a bundle for others, with a model card made from what the run recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.bundle_files import CONFIG
from zoo.bundles import best_checkpoint, find, load, metadata_of, save_bundle
from zoo.components import component_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.components import Component

_PROCEDURAL = "ProceduralFaces"
_RENDERED = "procedural FACS faces, rendered; no photograph of a person"
_DESCRIPTIONS = "Descriptions"
_COMPOSED = "descriptions composed from the lexicon for AU sets of procedural faces; nobody's labels"


def export(checkpoint: str, output: str, half: bool = False, format: Literal["onnx", "pt2"] | None = None) -> None:
    """Write the component that a run trained as a bundle: weights, arguments, model card, fingerprint, checksums.

    With a format, graphs for other runtimes are added, and a report of how far each is from the component: of codecs
    the encoder (images to tokens) and the decoder, of recognisers, of face encoders, and of compact text encoders (ids
    of words to features).

    Args:
        checkpoint: A run's folder (its best checkpoint, else its last), a checkpoint in one, or a bundle.
        output: Folder of the bundle; an earlier bundle there is replaced.
        half: Whether weights are written in half the size, as float16.
        format: Graphs to add, in float32.
    """
    place = find(checkpoint)
    if (place / CONFIG).is_file():
        component, metadata = load(place), metadata_of(place)
    else:
        file = place if place.is_file() else best_checkpoint(place)
        run = file.parent.parent if file.parent.name == "checkpoints" else file.parent
        component, metadata = load(file), _metadata(run, file)
    card = model_card(component, metadata)
    graphs = None if format is None else _graphs(format, metadata)
    bundle = save_bundle(component, output, card=card, metadata=metadata, half=half, fingerprint=True, also=graphs)
    size = sum(each.stat().st_size for each in bundle.iterdir())
    print(f"Wrote {component_name(component)} to {bundle} ({size / 1e6:.2f} MB).")


def _graphs(format: str, metadata: dict[str, Any]) -> Callable[[Component, Path], object]:
    """What writes the graphs, for images of the size of the training data."""
    data = metadata.get("data")
    arguments = data.get("init_args") if isinstance(data, dict) else None
    size = arguments.get("image_size") if isinstance(arguments, dict) else None

    def write(component: Component, folder: Path) -> None:
        from zoo.graph_files import in_words, save_graphs

        report = save_graphs(component, folder, format=format, image_size=size if type(size) is int else 64)
        for name, figures in report.items():
            print(f"{name}: {in_words(figures)}")

    return write


def model_card(component: Component, metadata: dict[str, Any]) -> str:
    """Say what a trained component is, on what and how it was trained, what it reached, and what it is not for."""
    parameters = sum(each.numel() for each in component.parameters())
    data = metadata.get("data") or {}
    described, licence = _origin(data)
    lines = [
        f"# {component_name(component)}",
        "",
        f"{(type(component).__doc__ or '').strip().splitlines()[0]} {parameters:,} parameters.",
        "",
        "```python",
        "import zoo",
        "",
        'component = zoo.load("path/to/this/folder")',
        "```",
        "",
        "## Training",
        "",
        f"- Command: `{metadata.get('command') or 'not recorded'}`",
        f"- Steps: {metadata.get('steps', 'not recorded')}",
        f"- Data: {described}",
        "",
        "## Figures",
        "",
        *_figures(metadata.get("metrics") or {}),
        "",
        "## Licence, limits, consent",
        "",
        *licence,
    ]
    return "\n".join(lines)


def _origin(data: dict[str, Any]) -> tuple[str, list[str]]:
    """Say what the training data is, and what follows from it."""
    name = str(data.get("class_path", "not recorded"))
    if _PROCEDURAL in name:
        return _RENDERED, [
            "Weights: Apache-2.0, as the code. Trained on rendered faces alone, so nobody's consent was needed, and",
            "nothing here says how well it does on photographs: don't use it on people.",
        ]
    if _DESCRIPTIONS in name and not (data.get("init_args") or {}).get("path"):
        return _COMPOSED, [
            "Weights: Apache-2.0, as the code. Trained on composed texts alone, so nobody's consent was needed, and",
            "nothing here says how well it reads what others write.",
        ]
    return name, [
        "The licence of the training data governs these weights and whom they may be given to. Use them only as",
        "the people in that data agreed to, and never to judge what a person feels or intends.",
    ]


def _figures(metrics: dict[str, Any]) -> list[str]:
    rows = [(name, value) for name, value in sorted(metrics.items()) if isinstance(value, int | float)]
    if not rows:
        return ["None were recorded."]
    table = [f"| {name} | {value:.4g} |" for name, value in rows]
    return ["Measured at the end of training by the run itself.", "", "| figure | value |", "|---|---|", *table]


def _metadata(run: Path, checkpoint: Path) -> dict[str, Any]:
    import torch
    import yaml

    state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    config_file, metrics_file, command_file = run / "config.yaml", run / "metrics.json", run / "command.txt"
    config = (yaml.safe_load(config_file.read_text(encoding="utf-8")) if config_file.is_file() else None) or {}
    return {
        "command": command_file.read_text(encoding="utf-8").strip() if command_file.is_file() else None,
        "steps": state.get("global_step"),
        "data": config.get("data"),
        "metrics": json.loads(metrics_file.read_text(encoding="utf-8")) if metrics_file.is_file() else {},
    }
