"""Features of a text and a perceptron, the paper's text AU recogniser."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from zoo.facs import AUS
from zoo.text_encoders.base import EncodedText, TextEncoder
from zoo.text_recognizers.base import TextRecognition, TextRecognizer


class PerceptronTextRecognizer(TextRecognizer):
    """Recognise AUs in texts by a perceptron over their features.

    Appendix F.3: T5-large as feature extractor, a four-layer perceptron as classifier. How the features of a text
    become one vector, and how wide the layers are, the paper does not say. Our reading: the maximum of each channel,
    since a word that names an AU counts as much among two hundred words as among ten, and 512 channels.

    Args:
        encoder: Gives the features. T5 is frozen, the compact encoder learns along.
        aus: Numbers of the AUs.
        hidden_dim: Channels of the layers between the first and the last.
        num_layers: Linear layers, the last included.
        pooling: Whether the vector is the ``max`` or the ``mean`` of the features.
        dropout: Share of activations dropped in training.

    Example:
        >>> from zoo.text_encoders.compact import CompactTextEncoder
        >>> recognizer = PerceptronTextRecognizer(CompactTextEncoder(dim=16))
        >>> recognizer(["The lip corners rise.", "The brows lower."]).probability.shape
        torch.Size([2, 12])
    """

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        aus: Sequence[int] = AUS,
        hidden_dim: int = 512,
        num_layers: int = 4,
        pooling: Literal["max", "mean"] = "max",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if encoder.reads_labels:
            message = (
                f"PerceptronTextRecognizer: encoder must read texts, got {type(encoder).__name__}, which reads labels. "
                "Use text_encoders/t5.yaml or text_encoders/compact.yaml."
            )
            raise ValueError(message)
        for name, value in (("hidden_dim", hidden_dim), ("num_layers", num_layers)):
            if value < 1:
                message = f"PerceptronTextRecognizer: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if pooling not in {"max", "mean"}:
            message = f"PerceptronTextRecognizer: pooling must be 'max' or 'mean', got {pooling!r}."
            raise ValueError(message)
        self.encoder = encoder
        self.pooling = pooling
        self.aus = tuple(aus)
        widths = [encoder.dim, *[hidden_dim] * (num_layers - 1)]
        self.layers = nn.Sequential()
        for wide, narrow in itertools.pairwise(widths):
            self.layers.extend([nn.Linear(wide, narrow), nn.GELU(), nn.Dropout(dropout)])
        self.layers.append(nn.Linear(widths[-1], len(self.aus)))

    def forward(self, prompts: Sequence[str]) -> TextRecognition:
        """Recognise; see :class:`zoo.text_recognizers.base.TextRecognizer`."""
        logits = self.layers(self._pooled(self.encoder(prompts))).float()
        return TextRecognition(logits.sigmoid(), logits)

    def _pooled(self, text: EncodedText) -> Tensor:
        mask = text.mask[..., None]
        if self.pooling == "max":
            return text.features.masked_fill(~mask, -torch.inf).amax(dim=1)
        return (text.features * mask).sum(dim=1) / mask.sum(dim=1)
