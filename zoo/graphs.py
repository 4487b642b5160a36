"""What of a trained component other runtimes can run: graphs that take and give tensors alone.

The number of samples is free, and so is the length of texts; sides of images are those that the model was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.codecs.base import Codec
from zoo.components import Component
from zoo.face_encoders.base import FaceEncoder
from zoo.fingerprints import probe_images, probe_tokens
from zoo.pipelines.au_face import AUFacePipeline
from zoo.quantizers.codebooks.learned import LearnedCodebooks
from zoo.recognizers.base import Recognizer
from zoo.text_encoders.compact import CompactTextEncoder
from zoo.text_recognizers.base import TextRecognizer


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
                    own = {"codec": "", "text_encoder": "text_"}.get(name, f"{name}_")
                    yield from graphs(part, image_size=component.image_size, prefix=own)
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


def faces(image_size: int, *, count: int) -> Tensor:
    """Procedural faces, as models see them in use."""
    from zoo.faces import FaceRenderer, sample_faces

    seeds = torch.arange(count)
    return FaceRenderer(image_size)(sample_faces(seeds, seeds + 11, seeds + 13)).images


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
