"""What of a trained component other runtimes can run: graphs that take and give tensors alone.

The number of samples is free, and so is the length of texts; sides of images are those that the model was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from zoo.codecs.base import Codec
from zoo.components import Component
from zoo.face_encoders.base import FaceEncoder
from zoo.facs import AUS
from zoo.fingerprints import probe_images, probe_tokens
from zoo.graph_modules import Detokenizer, Labels, Probabilities, Tokenizer, Words
from zoo.pipelines.au_face import AUFacePipeline
from zoo.recognizers.base import Recognizer
from zoo.text_encoders.au_labels import AULabelsTextEncoder
from zoo.text_encoders.compact import CompactTextEncoder
from zoo.text_recognizers.base import TextRecognizer

PROMPTS = ("The lip corners are pulled up.", "The brows are raised.", "The chin is pushed up and wrinkled.")
"""As many as samples are ever asked for here."""


@dataclass(frozen=True)
class Graph:
    """One graph of a component.

    Attributes:
        name: File name, without what follows the dot.
        module: What it computes.
        inputs: Gives example inputs for one, two or three samples; the names are those of the graph's inputs.
        real: Gives other inputs, as they come in use.
        outputs: Names of what it gives.
        axes: Axes of an input that may be of any size, with their names; by default the first, of the samples.
        share: How many tokens must be the same as the component's: two codes may be equally near.
        numbers: What else who feeds it must know, by name.
    """

    name: str
    module: nn.Module
    inputs: Callable[[int], dict[str, Tensor]]
    real: Callable[[int], dict[str, Tensor]]
    outputs: tuple[str, ...]
    axes: dict[str, dict[int, str]] = field(default_factory=dict)
    share: float = 0.99
    numbers: dict[str, int] = field(default_factory=dict)


def graphs(component: Component, *, image_size: int = 64, prefix: str = "") -> Iterator[Graph]:
    """Name the graphs of a component; none for kinds that have no fixed graph.

    Args:
        component: In eval mode.
        image_size: Height and width of images.
        prefix: Put before each name.
    """
    match component:
        case AUFacePipeline():
            from zoo.pipeline_graphs import graphs_of_pipeline

            yield from graphs_of_pipeline(component)
        case Codec():
            rows = image_size // component.stride
            levels, codes = component.quantizer.num_levels, component.quantizer.codebook_size

            def tokens(count: int) -> dict[str, Tensor]:
                return {"tokens": probe_tokens(levels, codes, size=rows, count=count)}

            def real_tokens(count: int) -> dict[str, Tensor]:
                return {"tokens": component.tokenize(faces(image_size, count=count))}

            yield _of_images(f"{prefix}codec_encoder", Tokenizer(component), image_size, gives="tokens")
            yield Graph(f"{prefix}codec_decoder", Detokenizer(component), tokens, real_tokens, ("images",))
        case Recognizer():
            yield _of_images(f"{prefix}recognizer", Probabilities(component), image_size, gives="probability")
        case FaceEncoder() if component.state_dict():
            yield _of_images(f"{prefix}encoder", component, image_size, gives="features")
        case TextRecognizer() if isinstance(encoder := getattr(component, "encoder", None), CompactTextEncoder):
            yield from graphs(encoder, prefix=f"{prefix}text_")
        case CompactTextEncoder():
            yield _of_words(f"{prefix}encoder", component)
        case AULabelsTextEncoder():
            yield Graph(f"{prefix}encoder", Labels(component), labels, labels, ("features", "mask"))


def faces(image_size: int, *, count: int) -> Tensor:
    """Procedural faces, as models see them in use."""
    from zoo.faces import FaceRenderer, sample_faces

    seeds = torch.arange(count)
    return FaceRenderer(image_size)(sample_faces(seeds, seeds + 11, seeds + 13)).images


def labels(count: int) -> dict[str, Tensor]:
    """Labels of a few AUs, one of unknown strength."""
    occurrence = torch.arange(count * len(AUS)).reshape(count, -1) % 5 == 0
    intensity = torch.where(occurrence, 3.0, 0.0)
    intensity[0, 0] = torch.nan
    return {"occurrence": occurrence, "intensity": intensity}


def _of_images(name: str, module: nn.Module, image_size: int, *, gives: str) -> Graph:
    def made_up(count: int) -> dict[str, Tensor]:
        return {"images": probe_images(image_size, count=count)}

    def real(count: int) -> dict[str, Tensor]:
        return {"images": faces(image_size, count=count)}

    return Graph(name, module, made_up, real, (gives,))


def _of_words(name: str, encoder: CompactTextEncoder) -> Graph:
    def made_up(count: int) -> dict[str, Tensor]:
        ids = 1 + probe_tokens(2, encoder.num_hashes, size=4, count=count).flatten(2).transpose(0, 1)
        ids[:, :, 12:] = 0
        return {"ids": ids.contiguous()}

    def real(count: int) -> dict[str, Tensor]:
        return {"ids": encoder.ids(PROMPTS[:count])}

    axes = {"ids": {1: "batch", 2: "length"}}
    numbers = {"num_hashes": encoder.num_hashes}
    return Graph(name, Words(encoder), made_up, real, ("features", "mask"), axes, numbers=numbers)
