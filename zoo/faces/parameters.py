"""Everything that decides the pixels of a batch of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

Values = dict[str, Tensor]


@dataclass(frozen=True)
class FaceParameters:
    """Who is seen, how, and doing what; every tensor has the batch in front.

    Attributes:
        identity: Shape, colours, hair and wrinkles of the person.
        view: Pose, gaze, light, background, clothes and camera.
        activation: How strongly each AU acts on each side of the face, in [0, 1]; side 0 is the image's left.
        nuisance: What moves the face but is not labelled: ``part`` (lips), ``jaw`` (drop) and ``blink``,
            each from 0 (rest) to 1.
    """

    identity: Values
    view: Values
    activation: Float[Tensor, "batch 2 au"]
    nuisance: Values

    def __len__(self) -> int:
        return self.activation.shape[0]

    def __getitem__(self, index: slice | Sequence[int] | Tensor) -> FaceParameters:
        if isinstance(index, Tensor):
            index = index.to(self.activation.device)
        return FaceParameters(
            {name: value[index] for name, value in self.identity.items()},
            {name: value[index] for name, value in self.view.items()},
            self.activation[index],
            {name: value[index] for name, value in self.nuisance.items()},
        )

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.activation.device

    def to(self, device: torch.device | str) -> FaceParameters:
        """Move all tensors."""
        return FaceParameters(
            {name: value.to(device) for name, value in self.identity.items()},
            {name: value.to(device) for name, value in self.view.items()},
            self.activation.to(device),
            {name: value.to(device) for name, value in self.nuisance.items()},
        )

    def with_activation(self, activation: Tensor) -> FaceParameters:
        """Let other AUs act: (batch, au) for both sides alike, or (batch, 2, au)."""
        if activation.dim() == 2:
            activation = torch.stack([activation, activation], 1)
        return replace(self, activation=activation)

    def without_nuisance(self) -> FaceParameters:
        """Close the jaw, open the eyes."""
        return replace(self, nuisance={name: torch.zeros_like(value) for name, value in self.nuisance.items()})

    def neutral(self) -> FaceParameters:
        """The same person in the same view, with neither AUs nor nuisances."""
        return replace(self.without_nuisance(), activation=torch.zeros_like(self.activation))

    def with_view_of(self, other: FaceParameters) -> FaceParameters:
        """The same faces, seen as ``other`` is seen."""
        return replace(self, view=other.view)

    def table(self) -> tuple[tuple[str, ...], Float[Tensor, "batch parameter"]]:
        """List view and nuisance as numbers: the columns' names, and one row per face."""
        names: list[str] = []
        columns: list[Tensor] = []
        for name, value in (self.view | self.nuisance).items():
            flat = value.reshape(len(self), -1).float()
            names += [name] if value.dim() == 1 else [f"{name}.{column}" for column in range(flat.shape[1])]
            columns.append(flat)
        return tuple(names), torch.cat(columns, 1)

    @staticmethod
    def cat(parts: Sequence[FaceParameters]) -> FaceParameters:
        """Join batches, one after the other."""
        first = parts[0]
        return FaceParameters(
            {name: torch.cat([part.identity[name] for part in parts]) for name in first.identity},
            {name: torch.cat([part.view[name] for part in parts]) for name in first.view},
            torch.cat([part.activation for part in parts]),
            {name: torch.cat([part.nuisance[name] for part in parts]) for name in first.nuisance},
        )
