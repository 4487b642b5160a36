"""Graphs on disk, as ONNX or torch's .pt2, each compared with the component that it was made of.

A .pt2 can carry pickles: one's own is written and compared, a foreign one is opened only by who trusts it.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.components import Component
from zoo.files import save_json, write_whole
from zoo.graphs import Graph, graphs

PARITY = "parity.json"
TOLERANCE = 1e-3
"""Largest difference of a graph from the component, as a share of the output's root mean square."""
SHARE = 0.99
"""How many tokens must be the same: two codes may be equally near."""
_FORMATS = ("onnx", "pt2")
_EXAMPLE, _OTHERS = 2, (1, 3)


def save_graphs(
    component: Component, directory: Path, *, format: str, image_size: int = 64
) -> dict[str, dict[str, float | bool]]:
    """Write the graphs of a component and how far each is from it; gives the latter.

    Args:
        component: In eval mode, on the CPU.
        directory: Where to.
        format: ``onnx`` or ``pt2``.
        image_size: Height and width of images.

    Raises:
        ValueError: The component has no graphs, or one differs from it.
        ModuleNotFoundError: What the format needs is not installed.
    """
    if format not in _FORMATS:
        message = f"save_graphs: format must be one of {', '.join(_FORMATS)}, got {format!r}."
        raise ValueError(message)
    report: dict[str, dict[str, float | bool]] = {}
    with torch.no_grad(), _plain_attention():
        for graph in graphs(component, image_size=image_size):
            file = directory / f"{graph.name}.{format}"
            write_whole(file, functools.partial(_write, graph, format=format))
            report[file.name] = compared(graph, file)
            if not report[file.name]["passed"]:
                message = (
                    f"save_graphs: {file.name} must compute what the component does, and differs: {report[file.name]}."
                )
                raise ValueError(message)
    if not report:
        message = f"save_graphs: component must be of a kind with graphs of its own, got {type(component).__name__}."
        raise ValueError(message)
    save_json(report, directory / PARITY)
    return report


@torch.no_grad()
def compared(graph: Graph, file: Path) -> dict[str, float | bool]:
    """Run a graph's file beside the component, on made-up and on real inputs, with other numbers of samples."""
    run = _opened(file)
    found: dict[str, float | bool] = {"passed": True}
    for kind, make in (("random", graph.inputs), ("real", graph.real)):
        worst, share, has_tokens = 0.0, 1.0, False
        for count in _OTHERS:
            inputs = make(count)
            expected, given = graph.module(*inputs.values()), run(inputs)
            pairs = zip(_flat(expected), given, strict=True)
            for own, other in pairs:
                if own.shape != other.shape:
                    return {"passed": False}
                if own.is_floating_point():
                    size = max(float(own.square().mean().sqrt()), 1e-12)
                    worst = max(worst, float((own - other).abs().max()) / size)
                else:
                    has_tokens, share = True, min(share, float((own == other).float().mean()))
        found[f"largest_difference_{kind}"] = float(f"{worst:.3g}")
        if has_tokens:
            found[f"same_tokens_{kind}"] = share
        found["passed"] = bool(found["passed"]) and worst <= TOLERANCE and share >= SHARE
    return found


def in_words(figures: dict[str, float | bool]) -> str:
    """Say what :func:`compared` found, in one line."""
    said = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in figures.items() if name != "passed"]
    return ", ".join(said) or "gives other shapes"


def _write(graph: Graph, file: Path, *, format: str) -> None:
    inputs = graph.inputs(_EXAMPLE)
    batch = torch.export.Dim("batch", min=1, max=4096)
    axes = {
        name: {graph.batch_axis: batch, **{at: torch.export.Dim(each, min=1, max=1024) for at, each in more.items()}}
        for name, more in ((name, (graph.dynamic or {}).get(name, {})) for name in inputs)
    }
    program = torch.export.export(graph.module, tuple(inputs.values()), dynamic_shapes=tuple(axes.values()))
    if format == "pt2":
        with warnings.catch_warnings(), file.open("wb") as stream:
            warnings.simplefilter("ignore")  # of views among the constants; what is written is compared afterwards
            torch.export.save(program, stream)
        return
    _onnx_runtime()
    torch.onnx.export(program, (), file, input_names=list(inputs), dynamo=True, verbose=False, external_data=False)


def _opened(file: Path) -> Callable[[dict[str, Tensor]], list[Tensor]]:
    if file.suffix == ".pt2":
        with file.open("rb") as stream:
            module = torch.export.load(stream).module()
        return lambda inputs: _flat(module(*inputs.values()))
    session = _onnx_runtime().InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return lambda inputs: [
        torch.from_numpy(each)
        for each in session.run(None, {name: value.numpy() for name, value in zip(names, inputs.values(), strict=True)})
    ]


def _onnx_runtime() -> Any:
    try:
        return [importlib.import_module(name) for name in ("onnx", "onnxscript", "onnxruntime")][-1]
    except ModuleNotFoundError as error:
        message = "graphs in ONNX need three packages: pip install onnx onnxruntime onnxscript"
        raise ModuleNotFoundError(message, name=error.name) from error


def _flat(outputs: Any) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Keep torch from its fused layer, which no other runtime has."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
