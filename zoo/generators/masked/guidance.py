"""Guidance: compare what is guessed with and without a part of the context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from zoo.generators.base import GuidedContext
from zoo.generators.masked.memory import Memory
from zoo.generators.masked.trunk import Trunk
from zoo.sampling import Sampling

# Of a ramp. Guidance in a part of the passes costs less and loses nothing: You et al. 2025,
# https://arxiv.org/abs/2503.07197.
_GUIDED_SHARE = 0.75


@dataclass(frozen=True)
class Guidance:
    """Memories of all branches, one after another in the batch, and how far to go from each but the first.

    Attributes:
        memory: The full context first.
        scales: Guidance of each further branch.
        schedule: How it changes over the passes.
    """

    memory: Memory
    scales: tuple[float, ...]
    schedule: str

    @classmethod
    def of(cls, context: GuidedContext, sampling: Sampling, trunk: Trunk) -> Guidance:
        """Read the contexts that are needed: a guidance of 1 compares nothing.

        Raises:
            ValueError: A context is needed and missing.
        """
        contexts, scales = [context.full], []
        for name, without, scale in (
            ("text", context.without_text, sampling.text_guidance),
            ("reference", context.without_reference, sampling.reference_guidance),
        ):
            if scale != 1:
                if without is None:
                    message = (
                        f"sample: {name}_guidance must be 1 where the context has no without_{name}, got {scale}. "
                        f"Give GuidedContext(without_{name}=...)."
                    )
                    raise ValueError(message)
                contexts.append(without)
                scales.append(scale)
        return cls(Memory.joined([trunk.read(each) for each in contexts]), tuple(scales), sampling.guidance_schedule)

    def at(self, step: int, steps: int) -> tuple[float, ...]:
        """Give the scales that hold in a pass; none where nothing is guided in it."""
        if self.schedule == "constant":
            return self.scales
        guided = math.ceil(_GUIDED_SHARE * steps)
        if step >= guided:
            return ()
        return tuple(1 + (scale - 1) * (step + 1) / guided for scale in self.scales)


def combined(branches: Tensor, scales: Sequence[float | Tensor]) -> Tensor:
    """Go from each branch to the first one, and on: ``full + sum (scale - 1) (full - branch)``.

    Logits are linear in what the classifier reads, so this is done before it.
    """
    full, *others = branches
    guided = full
    for scale, other in zip(scales, others, strict=True):
        guided = guided + (scale - 1) * (full - other)
    return guided
