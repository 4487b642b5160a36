"""The drawing loop: reveal sites, pass by pass, then draw parts of them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.generators.masked.guidance import Guidance
from zoo.generators.masked.memory import Memory
from zoo.generators.masked.noise import Purpose, gumbel, uniform
from zoo.generators.masked.orders import reveal_counts
from zoo.sampling import Sampling

_PARTS = 4  # of a round of revision: each site is drawn again given three quarters of the picture


@dataclass(frozen=True)
class Pass:
    """One look at the picture.

    Attributes:
        number: Counts the passes of a run.
        open: Sites that are not known.
        index: Sites to guess, those of a sample that has fewer followed by others, whose guesses are not used.
        scales: Guidance in force.
        memory: What was read of the contexts of all branches in force.
    """

    number: int
    open: Bool[Tensor, "batch site"]
    index: Int[Tensor, "batch guessed"]
    scales: tuple[float, ...]
    memory: Memory


Guess = Callable[[Pass], tuple[Tensor, Tensor]]
"""Give tokens ``batch guessed slot`` and how sure they are, ``batch guessed``."""


class Drawing:
    """One run of sampling: whose turn it is, what noise each draw has, how far it is.

    Args:
        seeds: One for each sample.
        sampling: How tokens are drawn.
        guidance: Branches and scales.
        turns: When each site's turn comes; None where the surest come first.
        passes: Passes before revision, over which guidance is scheduled.
        revision_passes: Passes of each part that is drawn again.
        progress: Told after each pass how many are done, and of how many.
    """

    def __init__(
        self,
        *,
        seeds: Int[Tensor, " batch"],
        sampling: Sampling,
        guidance: Guidance,
        turns: Int[Tensor, "batch site"] | None,
        passes: int,
        revision_passes: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.seeds, self.sampling, self.guidance, self.turns = seeds, sampling, guidance, turns
        self.passes, self.progress = passes, progress
        self.total = passes + sampling.revise_rounds * _PARTS * revision_passes
        self.done = 0

    def reveal(
        self,
        guess: Guess,
        canvas: Int[Tensor, "batch site slot"],
        open_sites: Bool[Tensor, "batch site"],
        *,
        steps: int,
    ) -> None:
        """Draw the open sites onto the canvas, in place.

        Args:
            guess: Looks at the canvas.
            canvas: Tokens; those of other sites stay.
            open_sites: What is to be drawn.
            steps: Passes; a sample with fewer open sites needs fewer.
        """
        free = open_sites.sum(1).tolist()
        counts = [reveal_counts(number, steps) for number in free]
        due = torch.tensor(counts, device=canvas.device)
        own_steps = torch.tensor(free, device=canvas.device).clamp(1, steps)
        for step in range(steps):
            most, left = max(each[step] for each in counts), max(sum(each[step:]) for each in counts)
            if most > 0:
                index = self._candidates(open_sites, most=most, left=left)
                drawn, sureness = guess(self._look(open_sites, index))
                cooling = (1 - (step + 1) / own_steps).clamp(min=0)[:, None]
                chosen = self._chosen(open_sites, index, sureness, cooling, due[:, step, None])
                before = canvas.gather(1, index[..., None].expand_as(drawn))
                canvas.scatter_(1, index[..., None].expand_as(drawn), torch.where(chosen[..., None], drawn, before))
                open_sites = open_sites.scatter(1, index, open_sites.gather(1, index) & ~chosen)
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)

    def parts(self, free: Bool[Tensor, "batch site"]) -> Iterator[Bool[Tensor, "batch site"]]:
        """Divide the free sites of each sample at random, anew in each round of revision; give part after part."""
        count = free.sum(1, keepdim=True)
        sites = torch.arange(free.shape[1], device=free.device).expand_as(free)
        for number in range(self.sampling.revise_rounds):
            lot = uniform(self.seeds, Purpose.PART, number, sites).masked_fill(~free, 2.0)
            place = lot.argsort(dim=1, stable=True).argsort(1)
            part = place * _PARTS // count.clamp(min=1)
            for each in range(_PARTS):
                yield free & (part == each)

    def lots(self, now: Pass, level: int = 0) -> Float[Tensor, "batch guessed"]:
        """Give the random number that decides each guess of a pass."""
        return uniform(self.seeds, Purpose.TOKEN, now.number, now.index, level)

    def choose(
        self, logits: Float[Tensor, "*guess code"], lots: Float[Tensor, "*guess"]
    ) -> tuple[Int[Tensor, "*guess"], Float[Tensor, "*guess"]]:
        """Draw a token from each row of logits; give its log-probability, too."""
        temperature = self.sampling.temperature
        if temperature == 0:
            highest, tokens = logits.log_softmax(-1).max(-1)
            return tokens, highest
        shares = (logits / temperature).softmax(-1)
        heap = shares.cumsum(-1)
        # the first code whose heap is above the lot; rounding may leave none
        lot = lots[..., None].to(heap.dtype) * heap[..., -1:]
        tokens = torch.searchsorted(heap, lot, right=True).clamp_(max=logits.shape[-1] - 1)
        return tokens[..., 0], shares.gather(-1, tokens)[..., 0].log()

    def _candidates(self, open_sites: Tensor, *, most: int, left: int) -> Tensor:
        """Give the sites to guess: those whose turn it is, or all open ones where the surest are to be found."""
        if self.turns is None:
            return (~open_sites).long().argsort(dim=1, stable=True)[:, :left]
        return self.turns.masked_fill(~open_sites, open_sites.shape[1]).argsort(dim=1, stable=True)[:, :most]

    def _look(self, open_sites: Tensor, index: Tensor) -> Pass:
        revising = self.done >= self.passes
        scales = self.guidance.scales if revising else self.guidance.at(self.done, self.passes)
        memory = self.guidance.memory.first((1 + len(scales)) * len(self.seeds))
        return Pass(number=self.done, open=open_sites, index=index, scales=scales, memory=memory)

    def _chosen(self, open_sites: Tensor, index: Tensor, sureness: Tensor, cooling: Tensor, due: Tensor) -> Tensor:
        """Say which of the guesses are kept."""
        if self.turns is not None:
            return torch.arange(index.shape[1], device=index.device) < due
        noise = gumbel(uniform(self.seeds, Purpose.CHOICE, self.done, index)).to(sureness.dtype)
        sureness = sureness + self.sampling.choice_temperature * cooling.to(sureness.dtype) * noise
        sureness = sureness.masked_fill(~open_sites.gather(1, index), -torch.inf)
        return sureness.argsort(dim=1, descending=True, stable=True).argsort(1) < due
