"""AU cross-attention and token fusion, as section 4.2 of the paper describes them."""

from __future__ import annotations

import torch
from einops import repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.fusion.base import Context, Fusion
from zoo.layers.cross_attention import CrossAttention
from zoo.layers.normalization import RMSNorm
from zoo.text_encoders.base import EncodedText


class AUCrossAttentionFusion(Fusion):
    """Let the text look at the structure of the face, add who it is, and append how it looks.

    Text features attend to structure features, which gives the AU features T_AU; ``a T_A + b T_AU`` with learned
    scalars a and b is followed by the latent features T_V, one for each position of the token grid. The paper leaves
    open how lengths are matched: here T_A is broadcast over the text. Without structure T_AU is the text; without
    appearance the sum is T_AU alone; without latents nothing is appended (the ablations of Table 6).

    Args:
        text_dim: Channels of the text features.
        appearance_dim: Channels of the appearance features; None without them.
        structure_dim: Channels of the structure features; None without them.
        latent_dim: Channels of the latent features; None without them.
        num_positions: Positions of the token grid; only latent features need it.
        dim: Channels of the context.
        num_heads: Heads of the AU cross-attention.
        num_layers: How often the text looks at the structure.
        appearance_vectors: Vectors that the appearance is spread over; each text feature takes its own mixture of them.
    """

    def __init__(
        self,
        *,
        text_dim: int,
        appearance_dim: int | None = None,
        structure_dim: int | None = None,
        latent_dim: int | None = None,
        num_positions: int | None = None,
        dim: int = 512,
        num_heads: int = 8,
        num_layers: int = 1,
        appearance_vectors: int = 1,
    ) -> None:
        super().__init__()
        channels = {"text_dim": text_dim, "appearance_dim": appearance_dim, "structure_dim": structure_dim}
        channels |= {"latent_dim": latent_dim, "num_positions": num_positions}
        sizes = {"dim": dim, "num_heads": num_heads, "num_layers": num_layers, "appearance_vectors": appearance_vectors}
        for name, value in {**channels, **sizes}.items():
            if value is not None and value < 1:
                message = f"AUCrossAttentionFusion: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if latent_dim is not None and num_positions is None:
            message = "AUCrossAttentionFusion: num_positions must be given with latent_dim, got None."
            raise ValueError(message)
        self.dim, self.text_dim = dim, text_dim
        self.appearance_dim, self.structure_dim, self.latent_dim = appearance_dim, structure_dim, latent_dim
        self.num_positions = num_positions
        self.appearance_vectors = appearance_vectors
        self.text = nn.Linear(text_dim, dim)
        self.no_text = _vector(dim)
        if structure_dim is not None:
            self.no_structure = _vector(structure_dim)
            self.attention = nn.ModuleList(
                CrossAttention(dim, key_dim=structure_dim, num_heads=num_heads) for _ in range(num_layers)
            )
            self.feed_forward = nn.ModuleList(_feed_forward(dim) for _ in range(num_layers))
        if appearance_dim is not None:
            self.no_appearance = _vector(appearance_dim)
            self.appearance = nn.Linear(appearance_dim, dim * appearance_vectors)
            self.appearance_mixture = nn.Linear(dim, appearance_vectors)
            self.weights = nn.Parameter(torch.ones(2))
        if latent_dim is not None:
            assert num_positions is not None
            self.no_latent = _vector(latent_dim)
            self.latent = nn.Linear(latent_dim, dim)
            self.positions = nn.Parameter(0.02 * torch.randn(num_positions, dim))

    def forward(
        self,
        text: EncodedText,
        *,
        appearance: Float[Tensor, "batch vector appearance_dim"] | None = None,
        structure: Float[Tensor, "batch place structure_dim"] | None = None,
        latent: Float[Tensor, "batch position latent_dim"] | None = None,
        without_text: Bool[Tensor, " batch"] | None = None,
        without_reference: Bool[Tensor, " batch"] | None = None,
    ) -> Context:
        """Fuse; see :class:`zoo.fusion.base.Fusion`.

        Raises:
            ValueError: Features are given that it was built without, or the other way round.
        """
        for name, features in (("appearance", appearance), ("structure", structure), ("latent", latent)):
            expected = getattr(self, f"{name}_dim") is not None
            if (features is not None) != expected:
                message = (
                    f"AUCrossAttentionFusion: {name} must be {'given' if expected else 'None'}, as it was built "
                    f"{'with' if expected else 'without'} {name}_dim."
                )
                raise ValueError(message)
        words, mask = self._text(text, without_text)
        action, attention = words, None
        if structure is not None:
            structure = _replaced(structure, self.no_structure, without_reference)
            for attend, feed_forward in zip(self.attention, self.feed_forward, strict=True):
                found, attention = attend(action, structure)
                action = action + found
                action = action + feed_forward(action)
        features = action
        if appearance is not None:
            appearance = _replaced(appearance, self.no_appearance, without_reference)
            features = self.weights[0] * self._appearance(appearance, action) + self.weights[1] * action
        spatial = None
        if latent is not None:
            spatial = self.latent(_replaced(latent, self.no_latent, without_reference)) + self.positions
            features = torch.cat([features, spatial.to(features.dtype)], 1)
            mask = torch.cat([mask, mask.new_ones(spatial.shape[:2])], 1)
        return Context(features=features, mask=mask, spatial=spatial, action=action, attention=attention)

    def _text(self, text: EncodedText, without: Tensor | None) -> tuple[Tensor, Tensor]:
        words, mask = self.text(text.features), text.mask
        if without is not None:
            # one learned vector in the first place stands for no text
            first = torch.zeros_like(mask)
            first[:, 0] = True
            words = torch.where(without[:, None, None], self.no_text.to(words.dtype), words)
            # of bits and not by where, which ONNX Runtime lacks for them
            mask = (without[:, None] & first) | (~without[:, None] & mask)
        return words, mask

    def _appearance(self, appearance: Tensor, action: Tensor) -> Tensor:
        vectors = self.appearance(appearance.mean(1)).unflatten(1, (self.appearance_vectors, self.dim))
        return self.appearance_mixture(action).softmax(-1) @ vectors


def _vector(dim: int) -> nn.Parameter:
    return nn.Parameter(0.02 * torch.randn(dim))


def _feed_forward(dim: int) -> nn.Sequential:
    return nn.Sequential(RMSNorm(dim, eps=1e-6), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))


def _replaced(features: Tensor, nothing: Tensor, without: Tensor | None) -> Tensor:
    if without is None:
        return features
    everywhere = repeat(nothing.to(features.dtype), "d -> b n d", b=features.shape[0], n=features.shape[1])
    return torch.where(without[:, None, None], everywhere, features)
