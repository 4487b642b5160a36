"""What a component gives for fixed inputs, small enough to keep beside its weights: shows that it computes the same.

Inputs are pure functions of counters, so they are the same everywhere. Of each output, its shape, its size and a few
values spread over it are kept; others may compute them with other rounding, so they are compared with a tolerance.
Whole numbers, such as tokens, may flip where two codes are equally near: a share of them must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.backbones.base import Backbone
from zoo.codecs.base import Codec
from zoo.components import Component
from zoo.discriminators.base import Discriminator
from zoo.face_encoders.base import FaceEncoder
from zoo.facs import AUS
from zoo.files import save_json
from zoo.pipelines.au_face import AUFacePipeline
from zoo.pipelines.base import Pipeline
from zoo.pipelines.stable_diffusion import StableDiffusionPipeline
from zoo.quantizers.base import Quantizer
from zoo.randomness import mix, uniform
from zoo.recognizers.base import Recognizer
from zoo.sampling import Sampling
from zoo.text_encoders.base import TextEncoder
from zoo.text_recognizers.base import TextRecognizer

VERSION = 1
TOLERANCE = 2e-3
"""Largest difference, as a share of the output's root mean square."""
SHARE = 0.9
"""How many whole numbers must be the same."""
_NUM_VALUES = 24
_PROMPTS = ("The lip corners are pulled up.", "The inner brows are raised and the lips are pressed together.")


def fingerprint(component: Component) -> dict[str, Any] | None:
    """Say what a component in eval mode gives for fixed inputs; None for kinds that need others to be run.

    Raises:
        ValueError: It gives what is no number.
    """
    with torch.inference_mode():
        outputs = dict(_outputs(component))
    if not outputs:
        return None
    return {"version": VERSION, "outputs": {name: _summary(name, each) for name, each in outputs.items()}}


def save_fingerprint(component: Component, file: Path) -> bool:
    """Record a component's fingerprint; gives whether it is of a kind that has one."""
    recorded = fingerprint(component)
    if recorded is None:
        return False
    save_json(recorded, file)
    return True


def differences(recorded: Any, computed: dict[str, Any]) -> list[str]:
    """Say where a computed fingerprint is not the recorded one, one line each."""
    if not isinstance(recorded, dict) or recorded.get("version") != VERSION:
        return [f"the recorded one must be of version {VERSION}"]
    kept = recorded.get("outputs")
    if not isinstance(kept, dict) or set(kept) != set(computed["outputs"]):
        names = sorted(kept) if isinstance(kept, dict) else type(kept).__name__
        return [f"outputs must be {sorted(computed['outputs'])}, recorded are {names!r:.120}"]
    found = (_difference(name, kept[name], computed["outputs"][name]) for name in kept)
    return [each for each in found if each]


def changes(before: Component, after: Component) -> dict[str, dict[str, float]]:
    """Say how far a component's outputs for fixed inputs are from another's of its kind; empty where it has none.

    Of tokens the share of the same ones; of other numbers the largest and the mean difference, and their root mean
    square, to compare these with.
    """
    with torch.inference_mode():
        pairs = [(name, was, now) for (name, was), (_, now) in zip(_outputs(before), _outputs(after), strict=True)]
    found: dict[str, dict[str, float]] = {}
    for name, was, now in pairs:
        if not was.is_floating_point():
            found[name] = {"same_tokens": float((was == now).double().mean())}
            continue
        away, size = (was - now).double().abs(), was.double().square().mean().sqrt()
        kinds = {"largest_difference": away.max(), "mean_difference": away.mean(), "root_mean_square": size}
        found[name] = {kind: float(f"{value:.3g}") for kind, value in kinds.items()}
    return found


def _difference(name: str, kept: Any, computed: dict[str, Any]) -> str | None:
    if not isinstance(kept, dict) or set(kept) != set(computed) or kept["shape"] != computed["shape"]:
        return f"{name} must have shape {computed['shape']}, recorded is {kept!r:.80}"
    values = kept["values"]
    is_list = isinstance(values, list) and len(values) == len(computed["values"])
    if not is_list or not all(type(each) in (int, float) for each in values):
        return f"{name} must have {len(computed['values'])} recorded values"
    was, now = np.array(values, dtype=np.float64), np.array(computed["values"])
    if computed["size"] is None:
        same = float((was == now).mean())
        return None if same >= SHARE else f"{name}: {same:.0%} of the tokens are the recorded ones"
    if type(kept["size"]) not in (int, float):
        return f"{name} must have its size recorded"
    allowed = TOLERANCE * computed["size"] + 1e-6
    largest = max(float(np.abs(was - now).max()), abs(kept["size"] - computed["size"]))
    if largest <= allowed:
        return None
    return f"{name} differs from what was recorded by {largest:.3g}, more than {allowed:.3g}"


def _summary(name: str, output: Tensor) -> dict[str, Any]:
    flat = output.detach().cpu().flatten()
    chosen = flat[torch.linspace(0, len(flat) - 1, min(_NUM_VALUES, len(flat))).round().long()]
    if not output.is_floating_point():
        return {"shape": list(output.shape), "size": None, "values": [int(each) for each in chosen]}
    if not bool(torch.isfinite(flat).all()):
        message = f"{name} must be finite numbers, and is not for all"
        raise ValueError(message)
    size = float(flat.double().square().mean().sqrt())
    values = [float(f"{each:.6g}") for each in chosen.tolist()]
    return {"shape": list(output.shape), "size": float(f"{size:.6g}"), "values": values}


def probe_images(size: int = 64, *, count: int = 2) -> Tensor:
    """Smooth fields of colour in [-1, 1] with a little noise, a pure function of the sizes."""
    rows, cols = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    channels = []
    for image in range(count):
        for channel in range(3):
            a, b, c = (uniform(17, image, channel, count=3) * 6 - 3).tolist()
            noise = uniform(23, image, channel, np.arange(size), count=size) - 0.5
            channels.append(0.6 * np.sin(a * rows + b * cols + c) + 0.3 * noise)
    return torch.from_numpy(np.stack(channels).reshape(count, 3, size, size)).float()


def probe_tokens(num_levels: int, codebook_size: int, *, size: int = 8, count: int = 2) -> Tensor:
    """Tokens spread over all codes, a pure function of the sizes."""
    numbers = mix(29, np.arange(count * num_levels * size * size)) % np.uint64(codebook_size)
    return torch.from_numpy(numbers.astype(np.int64)).reshape(count, num_levels, size, size)


def _outputs(component: Component) -> Iterator[tuple[str, Tensor]]:
    match component:
        case AUFacePipeline():
            yield from _parts(component)
        case StableDiffusionPipeline():  # in few steps: each takes seconds in the real one
            images, few = probe_images(component.image_size), Sampling(steps=2)
            yield "images", component.synthesize(images, _PROMPTS, sampling=few).images
        case Pipeline():
            images = probe_images(component.image_size)
            aus = _occurrence()
            yield "images", component.synthesize(images, _PROMPTS, occurrence=aus, intensity=aus * 3.0).images
        case Codec():
            images = probe_images(max(64, 2 * component.stride))
            latents = component.encode(images)
            quantizer = component.quantizer
            size = latents.shape[-1]
            yield "latents", latents
            yield "tokens", component.tokenize(images)
            tokens = probe_tokens(quantizer.num_levels, quantizer.codebook_size, size=size)
            yield "images", component.detokenize(tokens)
        case Quantizer():
            latents = torch.from_numpy(uniform(31, np.arange(2 * component.latent_dim * 8), count=8) * 2 - 1)
            yield "tokens", component.encode(latents.reshape(2, component.latent_dim, 8, 8))
            yield "latents", component.decode(probe_tokens(component.num_levels, component.codebook_size))
        case Recognizer():
            recognition = component(probe_images())
            yield "probability", recognition.probability
            yield "nodes", recognition.nodes
        case Backbone():
            for at, maps in enumerate(component(probe_images())):
                yield f"maps_{at}", maps
        case TextRecognizer():
            yield "logits", component(_PROMPTS).logits
        case TextEncoder() if not component.reads_labels:
            yield "features", component(_PROMPTS).features
        case Discriminator():
            yield "logits", component(probe_images())
        case FaceEncoder() if component.state_dict():  # those that look through a codec have nothing of their own
            yield "features", component(probe_images())


def _parts(pipeline: AUFacePipeline) -> Iterator[tuple[str, Tensor]]:
    """Each part by itself, then what they make of each other."""
    for name, part in pipeline.named_children():
        if isinstance(part, Component):
            for output, tensor in _outputs(part):
                yield f"{name}.{output}", tensor
    if pipeline.text_encoder.reads_labels:
        text = pipeline.text_encoder(_PROMPTS, occurrence=_occurrence(), intensity=_occurrence() * 3.0)
    else:
        text = pipeline.text_encoder(_PROMPTS)
    context = pipeline.context(text, pipeline.reference_features(probe_images(pipeline.image_size)))
    yield "context", context.features
    generator = pipeline.generator
    tokens = probe_tokens(generator.num_levels, generator.codebook_size, size=generator.rows)
    yield "generator.loss", generator(tokens, context, generator=torch.Generator().manual_seed(0)).loss


def _occurrence() -> Tensor:
    return torch.from_numpy(uniform(37, np.arange(len(_PROMPTS)), count=len(AUS)) > 0.7)
