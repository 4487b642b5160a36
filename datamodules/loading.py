"""Samplers and a loader whose order is a pure function of (seed, epoch), and which can start in the middle.

A sampler yields whole batches as :class:`Request` and the data set answers each with a finished batch, so
that reading is one indexed copy and no per-sample Python or collation is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.data import DataLoader, DistributedSampler, SequentialSampler

from zoo.randomness import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sized

    from numpy.typing import NDArray

_WINDOW = 32
"""Batches of a window."""


class Request(NamedTuple):
    """Ask a data set for a batch.

    Attributes:
        epoch: The epoch, the only thing besides its own seed that a sample's randomness may depend on.
        indices: Which samples, in order.
    """

    epoch: int
    indices: list[int]


class ResumableSampler(DistributedSampler[Request]):
    """Shuffle for training: the order is a function of the seed and the epoch, and can be entered anywhere.

    Batch j of all ranks together is the j-th slice of one permutation, so ``num_replicas`` ranks with
    ``batch_size`` see together what one rank with ``num_replicas * batch_size`` sees. What doesn't fill
    a batch on every rank is left out of that epoch.

    With ``lengths``, samples of similar length share a batch, so that little is padded: windows of the permutation
    are sorted by length, cut anew and shuffled as whole batches.

    Args:
        dataset: What is sampled.
        batch_size: Samples per batch and rank.
        seed: Changes the order.
        lengths: How long each sample is, in any unit.
        num_replicas: Number of ranks; asked from torch.distributed where not given.
        rank: This rank; asked from torch.distributed where not given.

    Example:
        >>> sampler = ResumableSampler(range(10), batch_size=4)
        >>> [len(request.indices) for request in sampler]
        [4, 4]
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        batch_size: int,
        seed: int = 0,
        lengths: NDArray[Any] | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        replicas, own = world(num_replicas, rank)
        super().__init__(dataset, num_replicas=replicas, rank=own, seed=seed, drop_last=True)  # type: ignore[arg-type]
        if len(dataset) < batch_size * replicas:
            message = (
                f"ResumableSampler: the data must have at least one batch for every rank, got {len(dataset)} samples "
                f"for batch_size {batch_size} on {replicas} rank(s). Use a smaller batch_size or more data."
            )
            raise ValueError(message)
        self.batch_size = batch_size
        self.lengths = None if lengths is None else torch.from_numpy(lengths)
        self.start = 0
        """Number of batches to leave out at the start of the next pass; back to 0 once it began."""

    def __len__(self) -> int:
        return len(self.dataset) // (self.batch_size * self.num_replicas)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Request]:
        start, self.start = self.start, 0
        generator = torch.Generator().manual_seed(int(seeds(self.seed, self.epoch)))
        step = self.batch_size * self.num_replicas
        order = torch.randperm(len(self.dataset), generator=generator)[: len(self) * step]  # type: ignore[arg-type]
        if self.lengths is not None:
            windows = order.split(_WINDOW * step)
            order = torch.cat([window[self.lengths[window].argsort(stable=True)] for window in windows])
            batches = [torch.randperm(len(window) // step, generator=generator) for window in windows]
            turns = torch.cat([turn + _WINDOW * place for place, turn in enumerate(batches)])
            order = order.view(-1, step)[turns].flatten()
        own = order.view(-1, self.num_replicas, self.batch_size)[start:, self.rank].tolist()
        for indices in own:
            yield Request(self.epoch, indices)


class EvaluationSampler(DistributedSampler[Request], SequentialSampler):
    """Go through the data in order, each sample exactly once over all ranks.

    All ranks get equally many batches, since a forward pass under DDP waits for the other ranks; the sizes
    of the last batches differ instead. Only a rank with fewer samples than batches repeats its last one.

    It is a ``SequentialSampler`` so that Lightning's ``overfit_batches`` leaves it alone.

    Args:
        dataset: What is sampled.
        batch_size: Most samples per batch.
        num_replicas: Number of ranks; asked from torch.distributed where not given.
        rank: This rank; asked from torch.distributed where not given.

    Example:
        >>> [request.indices for request in EvaluationSampler(range(5), batch_size=2, num_replicas=2, rank=0)]
        [[0, 2], [4]]
        >>> [request.indices for request in EvaluationSampler(range(5), batch_size=2, num_replicas=2, rank=1)]
        [[1], [3]]
    """

    def __init__(
        self, dataset: Sized, *, batch_size: int, num_replicas: int | None = None, rank: int | None = None
    ) -> None:
        replicas, own = world(num_replicas, rank)
        DistributedSampler.__init__(self, dataset, num_replicas=replicas, rank=own, shuffle=False)  # type: ignore[arg-type]
        self.batch_size = batch_size
        self.start = 0

    def __len__(self) -> int:
        per_rank = -(-len(self.dataset) // self.num_replicas)  # type: ignore[arg-type]
        return -(-per_rank // self.batch_size)

    def __iter__(self) -> Iterator[Request]:  # type: ignore[override]
        start, self.start = self.start, 0
        samples = len(self.dataset)  # type: ignore[arg-type]
        own = list(range(self.rank, samples, self.num_replicas)) or [0] * min(samples, 1)
        batches = [own[first : first + self.batch_size] for first in range(0, len(own), self.batch_size)]
        if len(batches) < len(self) and len(batches[-1]) > 1:  # this rank has one sample less than the first rank
            batches.append([batches[-1].pop()])
        elif len(batches) < len(self):
            batches.append(batches[-1])
        for indices in batches[start:]:
            yield Request(self.epoch, indices)


class ResumableLoader(DataLoader[Any]):
    """Load the batches of such a sampler, and say and restore how far an epoch has come.

    Lightning saves ``state_dict`` under ``loops.fit_loop.state_dict.combined_loader`` and restores it before
    it asks for the first batch. What counts are the batches that were used, not those that workers fetched.

    Args:
        dataset: Answers a :class:`Request` with a batch.
        sampler: Gives the requests.
        num_workers: Processes that read ahead.
        finished: Says how many batches of this epoch were trained on. A step that an exception broke off is
            then repeated on resume. Where not given, a batch counts once it was handed out.
        pin_memory: Whether batches are put into page-locked memory, for a faster copy to a GPU.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        sampler: ResumableSampler | EvaluationSampler,
        num_workers: int = 0,
        finished: Callable[[], int] | None = None,
        pin_memory: bool = False,
        **ignored: Any,
    ) -> None:
        # Lightning rebuilds loaders for prediction with all of DataLoader's arguments that differ from its defaults.
        super().__init__(
            dataset,
            batch_size=None,
            sampler=sampler,
            num_workers=num_workers,
            pin_memory=pin_memory,
            persistent_workers=num_workers > 0,
            # DataLoader draws a seed for its workers at every pass: not from the global stream, which training uses
            generator=torch.Generator().manual_seed(0),
        )
        self.finished = finished
        self._epoch = 0
        self._given = 0
        self._resumed: dict[str, int] = {}

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator on purpose: Lightning calls iter() before it sets the epoch, and next() after.
        sampler: Any = self.sampler
        if self._resumed and self._resumed["epoch"] == sampler.epoch:
            self._check_same()
            sampler.start = self._resumed["batches"]
        self._resumed = {}
        self._epoch, self._given = sampler.epoch, sampler.start
        for batch in super().__iter__():
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Say how far the epoch has come, as plain numbers."""
        if self._resumed:
            return dict(self._resumed)
        used = self._given if self.finished is None else min(self._given, self.finished())
        return {"epoch": self._epoch, "batches": used, **self._identity()}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on where ``state_dict`` was taken, if the next pass is of the same epoch."""
        self._resumed = dict(state_dict)
        sampler: Any = self.sampler
        sampler.set_epoch(state_dict["epoch"])

    def _identity(self) -> dict[str, int]:
        sampler: Any = self.sampler
        return {
            "samples": len(sampler.dataset),
            "batch_size": sampler.batch_size,
            "ranks": sampler.num_replicas,
            "seed": sampler.seed,
            "grouped": int(getattr(sampler, "lengths", None) is not None),
        }

    def _check_same(self) -> None:
        """An epoch goes on exactly only over the same data in the same batches."""
        differences = [
            f"{name} was {self._resumed.get(name, 0)} and is {value}"
            for name, value in self._identity().items()
            if self._resumed.get(name, 0) != value
        ]
        if self._resumed["batches"] and differences:
            message = (
                f"ResumableLoader: the checkpoint was taken after {self._resumed['batches']} batches of an epoch, and "
                f"that epoch must go on with the same data and batches, but {'; '.join(differences)}. Resume with the "
                "former values, or from a checkpoint taken at the end of an epoch."
            )
            raise ValueError(message)


def world(num_replicas: int | None = None, rank: int | None = None) -> tuple[int, int]:
    """Give the number of ranks and this rank, asked from torch.distributed where not given."""
    running = torch.distributed.is_available() and torch.distributed.is_initialized()
    if num_replicas is None:
        num_replicas = torch.distributed.get_world_size() if running else 1
    if rank is None:
        rank = torch.distributed.get_rank() if running else 0
    return num_replicas, rank
