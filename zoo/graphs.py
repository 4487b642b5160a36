"""Trained components as graphs for other runtimes, ONNX or torch's .pt2, each compared with the component itself.

Each graph takes and gives tensors alone, with any number of samples; sides of images are those of the example. A .pt2
can carry pickles: it is written and compared here, and a foreign one is opened only by who trusts it.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.codecs.base import Codec
from zoo.components import Component
from zoo.face_encoders.base import FaceEncoder
from zoo.files import save_json, write_whole
from zoo.fingerprints import probe_images, probe_tokens
from zoo.pipelines.au_face import AUFacePipeline
from zoo.quantizers.codebooks.learned import LearnedCodebooks
from zoo.recognizers.base import Recognizer
from zoo.text_encoders.compact import CompactTextEncoder
from zoo.text_recognizers.base import TextRecognizer

PARITY = "parity.json"
TOLERANCE = 1e-3
"""Largest difference of a graph from the component, as a share of the output's root mean square."""
SHARE = 0.99
"""How many tokens must be the same: two codes may be equally near."""
_FORMATS = ("onnx", "pt2")
_EXAMPLE, _OTHERS = 2, (1, 3)


@dataclass(frozen=True)
class Graph:
    """One graph of a component.

    Attributes:
        name: File name, without what follows the dot.
        module: What it computes.
        inputs: Gives example inputs for a number of samples; the names are those of the graph's inputs.
        real: Gives other inputs, as they come in use.
        batch_axis: Axis of the samples in every input.
        dynamic: Further axes that may be of any size, by input.
    """

    name: str
    module: nn.Module
    inputs: Callable[[int], dict[str, Tensor]]
    real: Callable[[int], dict[str, Tensor]]
    batch_axis: int = 0
    dynamic: dict[str, dict[int, str]] | None = None


def graphs(component: Component, *, image_size: int = 64, prefix: str = "") -> Iterator[Graph]:
    """Name the graphs of a component; none for kinds that have no fixed graph.

    Args:
        component: In eval mode.
        image_size: Height and width of images.
        prefix: Put before each name.
    """
    match component:
        case AUFacePipeline():
            for name, part in component.named_children():
                if isinstance(part, Codec | FaceEncoder | CompactTextEncoder) and part.state_dict():
                    yield from graphs(
                        part, image_size=component.image_size, prefix=f"{name}_" if name != "codec" else ""
                    )
        case Codec():
            rows = image_size // component.stride
            levels, codes = component.quantizer.num_levels, component.quantizer.codebook_size

            def tokens(count: int) -> dict[str, Tensor]:
                return {"tokens": probe_tokens(levels, codes, size=rows, count=count)}

            def real_tokens(count: int) -> dict[str, Tensor]:
                return {"tokens": component.tokenize(faces(image_size, count=count))}

            yield _of_images(f"{prefix}codec_encoder", _Tokenizer(component), image_size)
            yield Graph(f"{prefix}codec_decoder", _Detokenizer(component), tokens, real_tokens)
        case Recognizer():
            yield _of_images(f"{prefix}recognizer", _Probabilities(component), image_size)
        case FaceEncoder() if component.state_dict():
            yield _of_images(f"{prefix}encoder", component, image_size)
        case TextRecognizer() if isinstance(encoder := getattr(component, "encoder", None), CompactTextEncoder):
            yield from graphs(encoder, prefix=f"{prefix}text_")
        case CompactTextEncoder():
            yield _of_words(f"{prefix}encoder", component)


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


def faces(image_size: int, *, count: int) -> Tensor:
    """Procedural faces, as models see them in use."""
    from zoo.faces import FaceRenderer, sample_faces

    seeds = torch.arange(count)
    return FaceRenderer(image_size)(sample_faces(seeds, seeds + 11, seeds + 13)).images


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


def _of_images(name: str, module: nn.Module, image_size: int) -> Graph:
    def made_up(count: int) -> dict[str, Tensor]:
        return {"images": probe_images(image_size, count=count)}

    def real(count: int) -> dict[str, Tensor]:
        return {"images": faces(image_size, count=count)}

    return Graph(name, module, made_up, real)


def _of_words(name: str, encoder: CompactTextEncoder) -> Graph:
    def made_up(count: int) -> dict[str, Tensor]:
        ids = 1 + probe_tokens(2, encoder.num_hashes, size=4, count=count).flatten(2).transpose(0, 1)
        ids[:, :, 12:] = 0
        return {"ids": ids.contiguous()}

    def real(count: int) -> dict[str, Tensor]:
        prompts = ["The lip corners are pulled up.", "The brows are raised.", "The chin is pushed up and wrinkled."]
        return {"ids": encoder.ids(prompts[:count])}

    return Graph(name, _Words(encoder), made_up, real, batch_axis=1, dynamic={"ids": {2: "length"}})


class _Tokenizer(nn.Module):
    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, images: Tensor) -> Tensor:
        codebooks = getattr(self.codec.quantizer, "codebooks", None)
        # the search in blocks writes into memory of its own, which graphs can't
        if torch.compiler.is_exporting() and isinstance(codebooks, LearnedCodebooks) and set(codebooks.strides) == {1}:
            return self._searched(self.codec.encode(images), codebooks.codes)
        return self.codec.tokenize(images)

    def _searched(self, latents: Tensor, codebooks: Tensor) -> Tensor:
        batch, _, rows, cols = latents.shape
        vectors: Tensor = self.codec.quantizer.projection.to_vectors(latents)  # type: ignore[operator, union-attr]
        levels = []
        for codes in codebooks:
            tokens = (vectors @ codes.T - codes.square().sum(1) / 2).argmax(1)
            vectors = vectors - codes[tokens]
            levels.append(tokens.reshape(batch, rows, cols))
        return torch.stack(levels, dim=1)


class _Detokenizer(nn.Module):
    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, tokens: Tensor) -> Tensor:
        return self.codec.detokenize(tokens)


class _Probabilities(nn.Module):
    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, images: Tensor) -> Tensor:
        probability: Tensor = self.recognizer(images).probability
        return probability


class _Words(nn.Module):
    def __init__(self, encoder: CompactTextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        text = self.encoder.read(ids)
        return text.features, text.mask
