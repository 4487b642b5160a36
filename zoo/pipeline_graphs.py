"""The graphs of a whole pipeline: with them another team synthesises faces in its own language.

Reference -> codec_encoder -> tokens -> latent_encoder -> T_V; reference -> appearance_encoder, structure_encoder ->
T_A, T_S; words -> text_encoder -> T_T; all of them -> fusion -> context; then generator_step, again and again, and
codec_decoder. What a model was built without has no graph.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from zoo.components import Component
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.fingerprints import probe_tokens
from zoo.generators.masked.stacks import StackGenerator
from zoo.generators.masked.step import StackStep
from zoo.graph_modules import FusedContext, Latents
from zoo.graphs import PROMPTS, Graph, faces, graphs, labels
from zoo.pipelines.au_face import AUFacePipeline, ReferenceFeatures
from zoo.randomness import uniform
from zoo.text_encoders.base import EncodedText

_PREFIXES = {"codec": "", "text_encoder": "text_"}
"""Of the names of graphs, where it is not the part's own name."""
# One lot in some thousands falls where two codes meet, and rounding decides; all finer levels of the place follow.
_SHARE_DRAWN = 0.95


def graphs_of_pipeline(pipeline: AUFacePipeline) -> Iterator[Graph]:
    """Name the graphs of all parts that have one; generators whose sites are no whole positions have none."""
    for name, part in pipeline.named_children():
        match part:
            case LatentFaceEncoder():
                yield _latent(pipeline, part)
            case StackGenerator():
                yield _step(pipeline, part)
            case Component() if part is pipeline.fusion:
                yield _fusion(pipeline)
            case Component():
                yield from graphs(part, image_size=pipeline.image_size, prefix=_PREFIXES.get(name, f"{name}_"))


def without_graph(component: Component) -> list[str]:
    """Name the parts of a pipeline that have no graph, and their classes."""
    if not isinstance(component, AUFacePipeline):
        return []
    written = [graph.name for graph in graphs_of_pipeline(component)]
    return [
        f"{name} ({type(part).__name__})"
        for name, part in component.named_children()
        if not any(each.startswith(_PREFIXES.get(name, name)) for each in written)
    ]


def _latent(pipeline: AUFacePipeline, encoder: LatentFaceEncoder) -> Graph:
    def made_up(count: int) -> dict[str, Tensor]:
        return {"tokens": _tokens(pipeline, count)}

    def real(count: int) -> dict[str, Tensor]:
        return {"tokens": pipeline.codec.tokenize(faces(pipeline.image_size, count=count))}

    return Graph("latent_encoder", Latents(encoder, pipeline.codec.quantizer), made_up, real, ("features",))


def _fusion(pipeline: AUFacePipeline) -> Graph:
    def real(count: int) -> dict[str, Tensor]:
        text, reference = _encoded(pipeline, count)
        odd = torch.arange(count) % 2 == 1
        given = {"text_features": text.features, "text_mask": text.mask, "without_text": odd, "without_reference": ~odd}
        return given | {name: each for name, each in vars(reference).items() if each is not None}

    def made_up(count: int) -> dict[str, Tensor]:
        return _of_noise(real(count))

    length = {0: "batch", 1: "length"}
    axes = {"text_features": length, "text_mask": length}
    outputs = ("features", "mask") if pipeline.latent is None else ("features", "mask", "spatial")
    return Graph("fusion", FusedContext(pipeline.fusion), made_up, real, outputs, axes)


def _step(pipeline: AUFacePipeline, generator: StackGenerator) -> Graph:
    def real(count: int) -> dict[str, Tensor]:
        text, reference = _encoded(pipeline, count)
        contexts = [
            pipeline.context(text, reference, without_text=torch.full((count,), without)) for without in (False, True)
        ]
        grid = (generator.rows, generator.cols)
        lots = uniform(41, np.arange(count * generator.num_levels * grid[0]), count=grid[1])
        spatial = [each.spatial for each in contexts if each.spatial is not None]
        return {
            "tokens": pipeline.codec.tokenize(faces(pipeline.image_size, count=count)),
            "hidden": probe_tokens(1, 2, size=grid[0], count=count)[:, 0] == 1,
            "lots": torch.from_numpy(lots).reshape(count, generator.num_levels, *grid),
            "temperature": torch.tensor(0.5 * (count - 1)),
            "guidance": torch.tensor(float(count)),
            "features": torch.stack([each.features for each in contexts]),
            "mask": torch.stack([each.mask for each in contexts]),
            **({"spatial": torch.stack(spatial)} if spatial else {}),
        }

    def made_up(count: int) -> dict[str, Tensor]:
        inputs = real(count)
        noise = _of_noise({name: inputs[name] for name in ("features", "spatial") if name in inputs})
        hidden = torch.ones_like(inputs["hidden"])
        return inputs | noise | {"tokens": _tokens(pipeline, count), "hidden": hidden}

    context = {1: "batch", 2: "length"}
    axes: dict[str, dict[int, str]] = {"temperature": {}, "guidance": {}, "spatial": {1: "batch"}}
    axes |= {"features": context, "mask": context}
    outputs = ("drawn", "log_probability")
    return Graph("generator_step", StackStep(generator), made_up, real, outputs, axes, share=_SHARE_DRAWN)


def _encoded(pipeline: AUFacePipeline, count: int) -> tuple[EncodedText, ReferenceFeatures]:
    text = pipeline.text_encoder(PROMPTS[:count], **labels(count))
    return text, pipeline.reference_features(faces(pipeline.image_size, count=count))


def _tokens(pipeline: AUFacePipeline, count: int) -> Tensor:
    generator = pipeline.generator
    return probe_tokens(generator.num_levels, generator.codebook_size, size=generator.rows, count=count)


def _of_noise(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put numbers from -1 to 1 in the place of all that are no yes or no."""
    found = dict(inputs)
    for salt, (name, each) in enumerate(inputs.items()):
        if each.is_floating_point():
            numbers = uniform(43, salt, np.arange(each.numel() // each.shape[-1]), count=each.shape[-1])
            found[name] = torch.from_numpy(numbers * 2 - 1).reshape(each.shape)
    return found
