"""What every fusion offers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from zoo.components import Component
from zoo.shapes import Features
from zoo.text_encoders.base import EncodedText


@dataclass(frozen=True)
class Context:
    """What a generator attends to.

    Attributes:
        features: All of it, ``batch length dim``.
        mask: Where features are real; every row has at least one.
        spatial: The part with one vector for each position of the token grid, in raster order (the paper's VAE
            tokens, T_V), projected to ``dim``; None without it.
        action: The paper's AU tokens, T_AU: one for each text feature, ``batch text dim``.
        attention: How much each text feature looks at each structure feature, mean over heads, rows sum to 1;
            None where there is no structure.
    """

    features: Features
    mask: Bool[Tensor, "batch length"]
    spatial: Float[Tensor, "batch position dim"] | None
    action: Float[Tensor, "batch text dim"]
    attention: Float[Tensor, "batch text place"] | None


class Fusion(Component):
    """Fuse appearance, structure, latent and text features (section 4.2 of the paper).

    Attributes:
        dim: Channels of the context.
        text_dim: Channels of the text features that it was built for.
        appearance_dim: Channels of the appearance features; None where it was built without them.
        structure_dim: Channels of the structure features, likewise.
        latent_dim: Channels of the latent features, likewise.
        num_positions: Positions of the token grid; only of meaning with latent features.
    """

    dim: int
    text_dim: int
    appearance_dim: int | None
    structure_dim: int | None
    latent_dim: int | None
    num_positions: int | None

    @abstractmethod
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
        """Fuse; features that it was built without must be None.

        Args:
            text: The paper's T_T.
            appearance: The paper's T_A.
            structure: The paper's T_S.
            latent: The paper's T_V.
            without_text: Samples whose text is replaced by a learned nothing, for guidance.
            without_reference: Samples whose reference features are replaced by learned nothings, for guidance.
        """
