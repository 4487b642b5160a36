"""One pass of the drawing loop as tensors in, tensors out, for runtimes that have none of our Python."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.fusion.base import Context
from zoo.generators.masked.guidance import combined
from zoo.generators.masked.stacks import StackGenerator
from zoo.shapes import Tokens


class StackStep(nn.Module):
    """Draw all levels of every hidden position once, given what is drawn so far.

    The loop around it belongs to the caller: begin with every position hidden; of what a step draws keep some positions
    (MaskGIT: the surest, few at first), unhide them, and ask again until none is hidden. Everything that is random
    comes in as ``lots``, so the same inputs give the same tokens everywhere. Drawn tokens and not logits come out, as a
    level is drawn given the coarser ones that were drawn just before.

    - ``tokens``: drawn so far, coarse levels first; whatever stands at hidden positions is not looked at.
    - ``hidden``: positions that are still to be drawn.
    - ``lots``: a uniform number in (0, 1) for each token: it takes the code in whose part of the summed-up
      probabilities the lot falls.
    - ``temperature``: logits are divided by it; 0 takes the likeliest code and reads no lot.
    - ``guidance``: how far to go from the second context to the first and on; 1 stays with the first.
    - ``features``, ``mask``, ``spatial``: two contexts as fusion gives them, the full one and the one without text (or
      without reference, or the full one again) along the first axis; ``spatial`` only where fusion gives it.
    - It gives ``drawn``: tokens, those of shown positions unchanged; and ``log_probability`` of each position's drawn
      tokens together, at this temperature, 0 where nothing was hidden.
    """

    def __init__(self, generator: StackGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self,
        tokens: Tokens,
        hidden: Bool[Tensor, "batch rows cols"],
        lots: Float[Tensor, "batch level rows cols"],
        temperature: Float[Tensor, ""],
        guidance: Float[Tensor, ""],
        features: Float[Tensor, "2 batch length dim"],
        mask: Bool[Tensor, "2 batch length"],
        spatial: Float[Tensor, "2 batch position dim"] | None = None,
    ) -> tuple[Tokens, Float[Tensor, "batch rows cols"]]:
        """Look once, draw everywhere."""
        generator, (batch, _, rows, _) = self.generator, tokens.shape
        everywhere = None if spatial is None else _joined(spatial)
        both = _joined(features)  # the action as such is not read
        context = Context(both, _joined(mask), spatial=everywhere, action=both, attention=None)
        memory = generator.trunk.read(context)
        canvas = rearrange(tokens, "b k h w -> b (h w) k")
        seen = generator._see(torch.cat([canvas] * 2), memory, hidden=torch.cat([hidden.flatten(1)] * 2))
        sites = torch.stack([seen[:batch], seen[batch:]])
        hints = None if memory.spatial is None else torch.stack([memory.spatial[:batch], memory.spatial[batch:]])

        def draw(states: Tensor, level: int) -> tuple[Tensor, Tensor]:
            logits = generator.classifier(combined(states, (guidance,)), level)
            return _chosen(logits, lots[:, level].flatten(1), temperature)

        drawn, sureness = generator.head.draw(sites, draw, generator.embedding, hints)
        drawn = rearrange(drawn, "b (h w) k -> b k h w", h=rows)
        sureness = rearrange(sureness, "b (h w) -> b h w", h=rows)
        return torch.where(hidden[:, None], drawn, tokens), sureness.masked_fill(~hidden, 0.0)


def _joined(contexts: Tensor) -> Tensor:
    """Put them one after another in the batch; a reshape would tie a graph to the number of samples."""
    return torch.cat([contexts[0], contexts[1]])


def _chosen(logits: Tensor, lots: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
    """As :meth:`~zoo.generators.masked.drawing.Drawing.choose`, of a temperature that a graph can be given."""
    is_greedy = temperature == 0
    shares = (logits / torch.where(is_greedy, 1.0, temperature)).softmax(-1)
    heap = shares.cumsum(-1)
    tokens = (heap <= lots[..., None] * heap[..., -1:]).sum(-1).clamp(max=logits.shape[-1] - 1)
    highest, likeliest = logits.log_softmax(-1).max(-1)
    chance = shares.gather(-1, tokens[..., None])[..., 0].log()
    return torch.where(is_greedy, likeliest, tokens), torch.where(is_greedy, highest, chance)
