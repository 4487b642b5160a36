"""Checkpoints of the published ME-GraphAU (github.com/CVI-SZU/ME-GraphAU), to and from our recogniser.

A file holds ``{"epoch", "state_dict", "optimizer"}``; keys of the state carry DataParallel's ``module.``. Backbones
are torchvision's ResNets or the original Swin, which timm's equals but for the numbers of the ``downsample`` layers
and buffers that follow from the window.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from zoo.backbones.base import Backbone
from zoo.backbones.resnet import ResNetBackbone
from zoo.backbones.swin import SwinBackbone
from zoo.facs import AUS
from zoo.recognizers.mefarg import MEFARGRecognizer

DISFA_AUS = (1, 2, 4, 6, 9, 12, 25, 26)
"""The AUs of the checkpoints with eight outputs."""

_DERIVED = ("relative_position_index", "attn_mask")
_STAGE_1 = {"own": "U", "neighbor": "V", "norm": "bnv"}
_STAGE_2 = {"own": "U", "neighbor": "V", "end": "A", "start": "B", "edge": "E", "node_norm": "bnv", "edge_norm": "bne"}
_PAIRS = {
    **{f"context_{part}": f"FAM.linear_{part[0]}" for part in ("query", "key", "value")},
    **{f"pair_{part}": f"ARM.linear_{part[0]}" for part in ("query", "key", "value")},
    "projection": "edge_proj",
    "norm": "bn",
}


class ForeignCheckpointError(ValueError):
    """A checkpoint is not of the layout that it was read as."""


def load_official(path: str | os.PathLike[str], *, aus: Sequence[int] | None = None) -> MEFARGRecognizer:
    """Read a published checkpoint, without unpickling anything but tensors.

    Args:
        path: The ``.pth`` file.
        aus: Numbers of its AUs; None takes BP4D's for twelve outputs and DISFA's for eight.

    Raises:
        FileNotFoundError: There is no such file.
        ForeignCheckpointError: It is not of the published layout, or not whole.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises many kinds for a damaged file or a pickle of anything else
        message = (
            f"load_official: path must be a whole checkpoint of tensors and plain data, and {os.fspath(path)!r} can't "
            "be read as one. Download it again."
        )
        raise ForeignCheckpointError(message) from error
    state = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        message = (
            f"load_official: path must hold a state_dict of ME-GraphAU, got {os.fspath(path)!r}, which holds none."
        )
        raise ForeignCheckpointError(message)
    return convert_official(state, aus=aus)


def import_mefarg(checkpoint: str, output: str) -> None:
    """Turn a published checkpoint of ME-GraphAU into a bundle, for the anatomical loss and for evaluation.

    The authors publish checkpoints, such as MEFARG_resnet50_BP4D_fold1.pth, from github.com/CVI-SZU/ME-GraphAU.

    Args:
        checkpoint: The published ``.pth`` file.
        output: Folder of the bundle, such as models/mefarg_bp4d.
    """
    from zoo.bundles import find, save_bundle

    recognizer = load_official(find(checkpoint))
    card = (
        "# ME-GraphAU\n\n"
        f"{len(recognizer.aus)} AUs: {', '.join(map(str, recognizer.aus))}. Converted from the authors' checkpoint "
        f"`{os.path.basename(checkpoint)}` (Luo et al. 2022, arXiv 2205.01782). Code: MIT. The weights were trained on "
        "licensed data (BP4D or DISFA): its terms say who may have them, and for what."
    )
    bundle = save_bundle(recognizer.eval(), output, card=card, metadata={"source": os.path.basename(checkpoint)})
    print(f"Wrote recognizers/mefarg to {bundle}.")


def convert_official(state: Mapping[str, Tensor], *, aus: Sequence[int] | None = None) -> MEFARGRecognizer:
    """Build the recogniser that a published state is of: its stage, backbone and sizes follow from names and shapes.

    Args:
        state: Names and tensors, with or without ``module.``.
        aus: Numbers of its AUs; None takes BP4D's for twelve outputs and DISFA's for eight.

    Raises:
        ForeignCheckpointError: Tensors are missing, unexpected or of another shape; all are named.
    """
    state = {name.removeprefix("module."): value for name, value in state.items()}
    if "head.sc" not in state:
        message = (
            "convert_official: state must be of ME-GraphAU, got one without 'head.sc'. "
            f"It begins with {list(state)[:3]}; an ImageNet backbone alone is no recogniser."
        )
        raise ForeignCheckpointError(message)
    count, dim = state["head.sc"].shape
    known = {len(AUS): AUS, len(DISFA_AUS): DISFA_AUS}
    aus = known.get(count) if aus is None else aus
    if aus is None or len(aus) != count:
        message = f"convert_official: aus must name the {count} AUs of the checkpoint, got {aus}."
        raise ForeignCheckpointError(message)
    with torch.device("meta"):
        recognizer = MEFARGRecognizer(
            _backbone_of(state),
            aus=aus,
            dim=dim,
            num_neighbors=4 if count == len(AUS) else 3,
            pairs=any(name.startswith("head.edge_extractor.") for name in state),
        )
    expected = official_state(recognizer)
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    if missing or unexpected or shapes:
        message = (
            f"convert_official: state must be whole, got {len(missing)} missing {missing}, "
            f"{len(unexpected)} unexpected {unexpected}, {len(shapes)} of another shape {shapes}."
        )
        raise ForeignCheckpointError(message)
    recognizer = _materialized(recognizer)
    recognizer.load_state_dict(_own_state(recognizer, state), strict=True)
    return recognizer.eval()


def official_state(recognizer: MEFARGRecognizer) -> dict[str, Tensor]:
    """Say a recogniser with a ResNet or Swin backbone in the published names, without ``module.``."""
    found: dict[str, Tensor] = {}
    own = recognizer.state_dict()
    for name, theirs in _names(recognizer).items():
        if len(theirs) == 1:
            found[theirs[0]] = own[name]
        else:
            parts = own[name].chunk(len(theirs)) if own[name].ndim else [own[name]] * len(theirs)
            found.update(zip(theirs, parts, strict=True))
    if isinstance(recognizer.backbone, SwinBackbone):
        for name, value in recognizer.backbone.network.named_buffers():
            if name.endswith(_DERIVED) and value is not None:
                found[f"backbone.{_official_swin(name)}"] = value
    return found


def _own_state(recognizer: MEFARGRecognizer, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    own = {}
    for name, theirs in _names(recognizer).items():
        parts = [state[each] for each in theirs]
        own[name] = parts[0] if len(parts) == 1 or not parts[0].ndim else torch.cat(parts)
    return own


def _names(recognizer: MEFARGRecognizer) -> dict[str, list[str]]:
    """Give the published names of each of our tensors: several where ours holds all AUs at once."""
    return {name: _official(name, len(recognizer.aus), recognizer) for name in recognizer.state_dict()}


def _official(name: str, count: int, recognizer: MEFARGRecognizer) -> list[str]:
    part, _, rest = name.partition(".")
    if part == "backbone":
        inner = rest.removeprefix("network.")
        return [f"backbone.{_official_swin(inner) if isinstance(recognizer.backbone, SwinBackbone) else inner}"]
    if part in ("global_linear", "au_linear"):
        block = rest.replace("linear.", "fc.").replace("norm.", "bn.")
        return (
            [f"global_linear.{block}"]
            if part == "global_linear"
            else [f"head.class_linears.{au}.{block}" for au in range(count)]
        )
    if part == "au_vectors":
        return ["head.sc"]
    if part == "pair_classifier":
        return [f"head.edge_fc.{rest}"]
    if part == "pair_attention":
        layer, _, tensor = rest.partition(".")
        return [f"head.edge_extractor.{_PAIRS[layer]}.{tensor}"]
    if isinstance(recognizer.graph, nn.ModuleList):
        number, layer, tensor = rest.split(".")
        return [f"head.gnn.{_STAGE_2[layer]}{int(number) + 1}.{tensor}"]
    layer, _, tensor = rest.partition(".")
    return [f"head.gnn.{_STAGE_1[layer]}.{tensor}"]


def _official_swin(name: str) -> str:
    # timm merges patches at the start of a stage, the original at the end of the one before
    return re.sub(r"layers\.(\d+)\.downsample", lambda found: f"layers.{int(found[1]) - 1}.downsample", name)


def _backbone_of(state: Mapping[str, Tensor]) -> Backbone:
    if "backbone.patch_embed.proj.weight" in state:
        width = len(state["backbone.patch_embed.proj.weight"])
        deep = "backbone.layers.2.blocks.6.norm1.weight" in state
        return SwinBackbone(size="base" if width == 128 else "small" if deep else "tiny")
    blocks = sum(bool(re.fullmatch(r"backbone\.layer3\.\d+\.conv1\.weight", name)) for name in state)
    bottleneck = "backbone.layer1.0.conv3.weight" in state
    depths = {(False, 2): 18, (False, 6): 34, (True, 6): 50, (True, 23): 101, (True, 36): 152}
    if (bottleneck, blocks) not in depths:
        message = (
            "convert_official: state must have a ResNet-18, 34, 50, 101 or 152 or a Swin backbone, "
            f"got one with {blocks} blocks in backbone.layer3."
        )
        raise ForeignCheckpointError(message)
    return ResNetBackbone(depth=depths[bottleneck, blocks])  # type: ignore[arg-type]


def _materialized(recognizer: MEFARGRecognizer) -> MEFARGRecognizer:
    """Build a recogniser of the meta device again, on the CPU."""
    from zoo.components import build, portable, specification

    return build(portable(specification(recognizer)))
