"""A run's result as a bundle for others, with a model card made from what the run recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.bundle_files import CONFIG
from zoo.bundles import BundleError, best_checkpoint, find, load, metadata_of, save_bundle
from zoo.components import build, component_name, portable

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.components import Component

_HALF = "half_precision"
"""Where metadata says what rounding the weights changed."""
_PROCEDURAL = "ProceduralFaces"
_RENDERED = "procedural FACS faces, rendered; no photograph of a person"
_DESCRIPTIONS = "Descriptions"
_COMPOSED = "descriptions composed from the lexicon for AU sets of procedural faces; nobody's labels"


def export(
    checkpoint: str,
    output: str,
    half: bool = False,
    format: Literal["onnx", "pt2"] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the component that a run trained as a bundle: weights, arguments, model card, fingerprint, checksums.

    With a format, graphs for other runtimes are added, and parity.json: what each takes and gives, and how far it is
    from the component. Of codecs the encoder (images to tokens) and the decoder, of recognisers, of face encoders, of
    text encoders; of pipelines all of these, the fusion, and one step of the generator (docs/bundles.md).

    Args:
        checkpoint: A run's folder (its best checkpoint, else its last), a checkpoint in one, a bundle, or the YAML of a
            part that has its weights from others, such as configs/pipelines/linear_superposition.yaml.
        output: Folder of the bundle.
        half: Whether weights are written in half the size, as float16; what that changes is measured and said.
        format: Graphs to add, in float32.
        overwrite: Whether an earlier bundle in the folder is replaced, whole or not at all.

    Raises:
        BundleError: The folder holds a bundle, or what is none; or the checkpoint is damaged.
    """
    if (Path(output).expanduser() / CONFIG).is_file() and not overwrite:
        message = f"export: output must be new or empty, got {output}, which holds a bundle. --overwrite replaces it."
        raise BundleError(message)
    place = find(checkpoint)
    if place.suffix in (".yaml", ".yml"):
        component, metadata = _assembled(place), {}
    elif (place / CONFIG).is_file():
        component, metadata = load(place), metadata_of(place)
    else:
        file = place if place.is_file() else best_checkpoint(place)
        run = file.parent.parent if file.parent.name == "checkpoints" else file.parent
        component, metadata = load(file), _metadata(run, file)
    if half and _HALF not in metadata:
        changes = in_half(component)
        if changes is None:
            print("The weights were in half precision already: what that changed once is not known.")
        else:
            metadata[_HALF] = changes
            print("\n".join(_half_precision(changes)))
    card = model_card(component, metadata)
    graphs = None if format is None else _graphs(format, metadata)
    bundle = save_bundle(component, output, card=card, metadata=metadata, half=half, fingerprint=True, also=graphs)
    size = sum(each.stat().st_size for each in bundle.iterdir())
    print(f"Wrote {component_name(component)} to {bundle} ({size / 1e6:.2f} MB).")


def in_half(component: Component) -> dict[str, dict[str, float]] | None:
    """Measure what weights in half precision change in what a component gives for fixed inputs.

    None where they have no more than that precision already.
    """
    import copy

    import torch

    from zoo.fingerprints import changes

    state = component.state_dict()
    rounded = {name: each.half().float() for name, each in state.items() if each.dtype == torch.float32}
    if all(torch.equal(each, state[name]) for name, each in rounded.items()):
        return None
    halved = copy.deepcopy(component)
    halved.load_state_dict({**state, **rounded})
    return changes(component, halved)


def _assembled(file: Path) -> Component:
    """Build a part from its YAML.

    Raises:
        ValueError: It names none, or one that takes no weights from anywhere.
    """
    import yaml

    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    named = content if isinstance(content, dict) else {}
    arguments = named.get("init_args") or {}
    if "class_path" not in named or not any(_is_there(value) for value in arguments.values()):
        message = (
            f"export: {file} must be a class_path with weights of others among its init_args, such as "
            "`pipeline: models/vq_auface`. What is to be trained is exported from its run."
        )
        raise ValueError(message)
    component: Component = build(portable({"class_path": named["class_path"], "init_args": arguments}))
    return component.eval()


def _is_there(value: object) -> bool:
    try:
        return isinstance(value, str) and find(value).exists()
    except OSError:
        return False


def _graphs(format: str, metadata: dict[str, Any]) -> Callable[[Component, Path], object]:
    """What writes the graphs, for images of the size of the training data."""
    data = metadata.get("data")
    arguments = data.get("init_args") if isinstance(data, dict) else None
    size = arguments.get("image_size") if isinstance(arguments, dict) else None

    def write(component: Component, folder: Path) -> None:
        from zoo.graph_files import in_words, save_graphs
        from zoo.pipeline_graphs import without_graph

        report = save_graphs(component, folder, format=format, image_size=size if type(size) is int else 64)
        for name, figures in report.items():
            print(f"{name}: {in_words(figures)}")
        if missing := without_graph(component):
            print(f"No graph: {', '.join(missing)}.")

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
        *(_half_precision(metadata[_HALF]) if _HALF in metadata else []),
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


def _half_precision(changes: dict[str, dict[str, float]]) -> list[str]:
    """Say what weights in half precision change, in lines of a card."""
    if not changes:
        return ["## Half precision", "", "Not measured: a component of this kind is not run by itself.", ""]
    table = ["| output | largest difference | mean difference | root mean square |", "|---|---|---|---|"]
    for name, each in changes.items():
        if "same_tokens" in each:
            table.append(f"| {name} | {1 - each['same_tokens']:.2%} of the tokens are others | | |")
        else:
            table.append(f"| {name} | " + " | ".join(f"{value:.3g}" for value in each.values()) + " |")
    said = "Weights were rounded to float16. What that changed for the fixed inputs of the fingerprint:"
    return ["## Half precision", "", said, "", *table, ""]


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
        **_judges(config),
        "metrics": json.loads(metrics_file.read_text(encoding="utf-8")) if metrics_file.is_file() else {},
    }


def _judges(config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Say which networks the run's report measured with, so that others can measure it again."""
    report = (config.get("callbacks") or {}).get("report")
    arguments = (report.get("init_args") or {}) if isinstance(report, dict) else {}
    judges = {name: arguments[name] for name in ("recognizer", "identity") if isinstance(arguments.get(name), str)}
    return {"judges": judges} if judges else {}
