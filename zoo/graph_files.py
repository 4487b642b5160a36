"""Graphs on disk, as ONNX or torch's .pt2, each compared with the component that it was made of.

A .pt2 can carry pickles: one's own is written and compared, a foreign one is opened only by who trusts it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.components import Component
from zoo.files import save_json, write_whole
from zoo.graphs import Graph, graphs

PARITY = "parity.json"
TOLERANCE = 1e-3
"""Largest difference of a graph from the component, as a share of the output's root mean square."""
_FORMATS = ("onnx", "pt2")
_EXAMPLE, _OTHERS = 2, (1, 3)
_MOST = 2**16


def save_graphs(component: Component, directory: Path, *, format: str, image_size: int = 64) -> dict[str, Any]:
    """Write the graphs of a component, what each takes and gives, and how far each is from it; gives the latter two.

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
    report: dict[str, Any] = {}
    with torch.no_grad(), _plain_attention():
        for graph in graphs(component, image_size=image_size):
            file = directory / f"{graph.name}.{format}"
            write_whole(file, functools.partial(_write, graph, format=format))
            figures = compared(graph, file)
            if not figures["passed"]:
                message = f"save_graphs: {file.name} must compute what the component does, and differs: {figures}."
                raise ValueError(message)
            report[file.name] = {**figures, **_signature(graph)}
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
            expected, given = graph.module(**inputs), run(inputs)
            same = None
            for own, other in zip(_flat(expected), given, strict=True):
                if own.shape != other.shape:
                    return {"passed": False}
                if not own.is_floating_point():
                    agreed = own == other
                    share = min(share, float(agreed.float().mean()))
                    has_tokens |= own.dtype != torch.bool
                    same = agreed.all(1)
                    continue
                size = max(float(own.square().mean().sqrt()), 1e-12)
                away = (own - other).abs()
                if same is not None and same.shape == away.shape:  # what is said of tokens, where these are the same
                    away = away[same]
                worst = max(worst, float(away.max()) / size if away.numel() else 0.0)
        found[f"largest_difference_{kind}"] = float(f"{worst:.3g}")
        if has_tokens:
            found[f"same_tokens_{kind}"] = share
        found["passed"] = bool(found["passed"]) and worst <= TOLERANCE and share >= graph.share
    return found


def in_words(figures: dict[str, Any]) -> str:
    """Say what :func:`compared` found, in one line."""
    kinds = ("largest_difference", "same_tokens")
    said = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in figures.items() if name.startswith(kinds)]
    return ", ".join(said) or "gives other shapes"


def _signature(graph: Graph) -> dict[str, Any]:
    """Say what a graph is for, takes and gives."""
    inputs = graph.inputs(_EXAMPLE)
    outputs = zip(graph.outputs, _flat(graph.module(**inputs)), strict=True)
    return {
        "about": (inspect.getdoc(type(graph.module)) or "").partition("\n\nArgs:")[0],
        **graph.numbers,
        "inputs": {name: _said(each, _axes(graph, name)) for name, each in inputs.items()},
        f"outputs_of_{_EXAMPLE}_samples": {name: _said(each, {}) for name, each in outputs},
    }


def _said(tensor: Tensor, axes: dict[int, str]) -> str:
    sizes = [axes.get(axis, str(size)) for axis, size in enumerate(tensor.shape)]
    return f"{str(tensor.dtype).removeprefix('torch.')} [{', '.join(sizes)}]"


def _axes(graph: Graph, name: str) -> dict[int, str]:
    return graph.axes.get(name, {0: "batch"})


def _write(graph: Graph, file: Path, *, format: str) -> None:
    inputs = graph.inputs(_EXAMPLE)
    names = {name for each in inputs for name in _axes(graph, each).values()}
    sizes = {name: torch.export.Dim(name, min=1, max=_MOST) for name in names}
    axes = {each: {axis: sizes[name] for axis, name in _axes(graph, each).items()} for each in inputs}
    program = torch.export.export(graph.module, (), kwargs=inputs, dynamic_shapes=axes)
    if format == "pt2":
        with warnings.catch_warnings(), file.open("wb") as stream:
            warnings.simplefilter("ignore")  # of views among the constants; what is written is compared afterwards
            torch.export.save(program, stream)
        return
    _onnx_runtime()
    torch.onnx.export(
        program,
        (),
        file,
        input_names=list(inputs),
        output_names=list(graph.outputs),
        dynamo=True,
        verbose=False,
        external_data=False,
    )


def _opened(file: Path) -> Callable[[dict[str, Tensor]], list[Tensor]]:
    if file.suffix == ".pt2":
        with file.open("rb") as stream:
            module = torch.export.load(stream).module()
        return lambda inputs: _flat(module(**inputs))
    session = _onnx_runtime().InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda inputs: [
        torch.from_numpy(np.asarray(each))
        for each in session.run(None, {name: value.numpy() for name, value in inputs.items()})
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
