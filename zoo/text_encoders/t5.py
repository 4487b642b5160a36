"""T5, the paper's text encoder."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from zoo.frozen import Frozen
from zoo.shapes import Intensity, Occurrence
from zoo.text_encoders.base import EncodedText, TextEncoder
from zoo.text_encoders.words.hashing import hashed_ids, words_of

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = "random"
_LOG = logging.getLogger(__name__)
# channels, channels of the feed-forward layers, layers, heads (Raffel et al. 2020, table 14)
_SIZES = {
    "small": (512, 2048, 6, 8),
    "base": (768, 3072, 12, 12),
    "large": (1024, 4096, 24, 16),
    "3b": (1024, 16384, 24, 32),
}
_VOCABULARY = 32_100
_END = 1


class T5TextEncoder(TextEncoder):
    """Encode prompts with the frozen encoder of T5 (Raffel et al. 2020, https://arxiv.org/abs/1910.10683).

    The paper uses T5-large (section 4.2). Prompts are encoded whole, however long: T5 has relative positions, so
    nothing is cut at the 512 tokens that it was trained on. The weights are not part of checkpoints or bundles.

    Args:
        size: Size of the network, which gives ``dim``.
        weights: A folder in transformers' layout, as ``git clone`` or ``save_pretrained`` makes it, or a name on the
            Hugging Face hub; None is the hub's T5 of this size; ``random`` gives seeded random weights and hashed
            words, which are good for shapes and speed only.
        length: Pads every prompt to this many features, as the paper's 2,048 may be read; None pads to the longest.
    """

    def __init__(
        self,
        *,
        size: Literal["small", "base", "large", "3b"] = "large",
        weights: str | None = None,
        length: int | None = None,
    ) -> None:
        super().__init__()
        if size not in _SIZES:
            message = f"T5TextEncoder: size must be one of {', '.join(_SIZES)}, got {size!r}."
            raise ValueError(message)
        if length is not None and length < 1:
            message = f"T5TextEncoder: length must be at least 1, got {length}."
            raise ValueError(message)
        self.dim = _SIZES[size][0]
        self.size = size
        self.length = length
        self.weights = weights or f"google-t5/t5-{size}"
        self.has_random_weights = weights == RANDOM
        self.network = Frozen(functools.partial(_network, self.weights, size))
        self._tokenizer: Any = None
        self.register_buffer("_here", torch.empty(0), persistent=False)  # knows the device, as no parameter does

    _here: torch.Tensor

    @torch.no_grad()
    def forward(
        self, prompts: Sequence[str], *, occurrence: Occurrence | None = None, intensity: Intensity | None = None
    ) -> EncodedText:
        """Encode the prompts; see :class:`zoo.text_encoders.base.TextEncoder`.

        Raises:
            ValueError: A prompt is longer than ``length``.
        """
        device = self._here.device
        ids = [torch.tensor(each) for each in self._ids(prompts)]
        longest = max(map(len, ids))
        if self.length is not None and longest > self.length:
            message = (
                f"T5TextEncoder: length must be at least that of the longest prompt, {longest}, got {self.length}. "
                "null pads to the longest."
            )
            raise ValueError(message)
        padded = nn.utils.rnn.pad_sequence(ids, batch_first=True)
        padded = nn.functional.pad(padded, (0, (self.length or longest) - longest))
        mask = torch.arange(padded.shape[1]) < torch.tensor([len(each) for each in ids])[:, None]
        padded, mask = padded.to(device), mask.to(device)
        features = self.network.on(device)(input_ids=padded, attention_mask=mask.long()).last_hidden_state
        return EncodedText(features * mask[..., None], mask)

    def _ids(self, prompts: Sequence[str]) -> list[list[int]]:
        if self.has_random_weights:
            return [[*hashed_ids(words_of(prompt), _VOCABULARY - 3, salt=0, first=3), _END] for prompt in prompts]
        if self._tokenizer is None:
            self._tokenizer = _pretrained(self.weights, tokenizer=True)
        ids: list[list[int]] = self._tokenizer(list(prompts), truncation=False).input_ids
        return ids


def _network(weights: str, size: str) -> nn.Module:
    from transformers import T5Config, T5EncoderModel

    if weights != RANDOM:
        network: nn.Module = _pretrained(weights, tokenizer=False)
        width = getattr(network.config, "d_model", None)
        if width != _SIZES[size][0]:
            message = (
                f"T5TextEncoder: size must be that of the weights, got {size!r} with {_SIZES[size][0]} channels, while "
                f"{weights!r} has {width}."
            )
            raise ValueError(message)
        return network
    _LOG.warning("T5TextEncoder: random weights: shapes and speed only.")
    dim, hidden, layers, heads = _SIZES[size]
    config = T5Config(
        vocab_size=_VOCABULARY,
        d_model=dim,
        d_kv=128 if size == "3b" else 64,
        d_ff=hidden,
        num_layers=layers,
        num_heads=heads,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return T5EncoderModel(config)


def _pretrained(weights: str, *, tokenizer: bool) -> Any:
    from transformers import AutoTokenizer, T5EncoderModel

    from zoo.bundles import WeightsNotFoundError, find

    place: str | Path
    try:
        place = find(weights)
    except WeightsNotFoundError:
        place = weights
    try:
        if tokenizer:
            # nothing is cut, so there is nothing to warn of
            return AutoTokenizer.from_pretrained(place, model_max_length=10**9)
        return T5EncoderModel.from_pretrained(place, use_safetensors=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = (
            f"T5TextEncoder: weights must be a folder with T5 in transformers' layout (config.json, model.safetensors, "
            f"tokenizer.json) or a name on the Hugging Face hub, got {weights!r}: {reason} Fetch it with "
            "`hf download google-t5/t5-large --local-dir models/t5-large` and name that folder; random is for shapes "
            "and speed."
        )
        raise WeightsNotFoundError(message) from error
