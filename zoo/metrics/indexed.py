"""Metrics that remember each frame, so that no figure depends on how frames were batched or distributed."""

from __future__ import annotations

import hashlib
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchmetrics.utilities.prints import rank_zero_warn

_ABSENT = -1
_MAX_PEOPLE = 4096


@dataclass(frozen=True)
class Frames:
    """What was measured, one row for each frame, in the order of the frames' indices.

    Attributes:
        columns: Tensors in float32 with a leading axis of frames, on the CPU.
        subjects: Who each frame shows, for :func:`zoo.metrics.bootstrap.bootstrap_over_subjects`; where nobody said,
            each frame stands for itself.
        index: Number of each frame.
        has_subjects: Whether somebody said whom the frames show.
    """

    columns: Mapping[str, Tensor]
    subjects: Sequence[str]
    index: Int[Tensor, " frame"]
    has_subjects: bool

    def __len__(self) -> int:
        return len(self.index)


class IndexedMetric(Metric, ABC):
    """Gather rows of frames; frames that a distributed sampler repeats count once, by their index.

    Without indices rows keep the order of their arrival, and repeated frames can't be told: under DDP, that is warned
    of once. Without subjects each frame counts as evidence of its own, which makes intervals too narrow where people
    are there more than once.

    Args:
        columns: Names of what is kept of each frame, with the shape of one row.
        **options: As for every ``torchmetrics.Metric``.
    """

    is_differentiable = False
    full_state_update = False

    index: list[Tensor]
    subject: list[Tensor]

    def __init__(self, columns: Mapping[str, tuple[int, ...]], **options: Any) -> None:
        super().__init__(**options)
        self._columns = dict(columns)
        self._has_warned = False
        for name in ("index", "subject", *self._columns):
            self.add_state(name, [], dist_reduce_fx="cat")

    def _keep(
        self,
        columns: Mapping[str, Tensor],
        *,
        index: Int[Tensor, " batch"] | Sequence[int] | None,
        subject: Sequence[str] | None,
    ) -> None:
        """Keep the rows of one batch."""
        count = len(next(iter(columns.values())))
        if index is None:
            self._warn_of_order()
            numbers = torch.full((count,), _ABSENT)
        else:
            numbers = torch.as_tensor(index).long()
            if len(numbers) and int(numbers.min()) < 0:
                message = f"{type(self).__name__}: index must not be negative, got {int(numbers.min())}."
                raise ValueError(message)
        people = torch.full((count,), _ABSENT) if subject is None else torch.tensor([_number(name) for name in subject])
        for name, rows in (("index", index), ("subject", subject), *columns.items()):
            if rows is not None and len(rows) != count:
                message = f"{type(self).__name__}: {name} must have {count} rows, as the others, got {len(rows)}."
                raise ValueError(message)
        for name, rows in columns.items():
            if tuple(rows.shape[1:]) != self._columns[name]:
                message = (
                    f"{type(self).__name__}: {name} must have rows of shape {self._columns[name]}, "
                    f"got {tuple(rows.shape[1:])}."
                )
                raise ValueError(message)
        device = next(iter(columns.values())).device
        self.index.append(numbers.to(device))
        self.subject.append(people.long().to(device))
        for name, rows in columns.items():
            getattr(self, name).append(rows.detach().float())

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the rows of all ranks; one that saw nothing brings rows none of the right shape."""
        for name in self._reductions:
            state = getattr(self, name)
            if isinstance(state, list) and not state:
                is_number = name in {"index", "subject"}
                dtype = torch.long if is_number else torch.float32
                state.append(torch.zeros(0, *self._columns.get(name, ()), dtype=dtype, device=self.device))
        super().sync(*args, **kwargs)

    def _frames(self) -> Frames:
        """Give the rows of everything seen, sorted by index, each frame once.

        Raises:
            ValueError: Nothing was seen, or some frames came with an index or a subject and others without.
        """
        if isinstance(self.index, list) and not self.index:
            numbers = torch.zeros(0, dtype=torch.long)
        else:
            numbers = dim_zero_cat(self.index).cpu()
        if not len(numbers):
            message = f"{type(self).__name__}: nothing was measured; call update with at least one frame first."
            raise ValueError(message)
        people = dim_zero_cat(self.subject).cpu()
        for name, values in (("index", numbers), ("subject", people)):
            missing = int((values == _ABSENT).sum())
            if 0 < missing < len(values):
                message = (
                    f"{type(self).__name__}: {name} must be given for all frames or for none, "
                    f"got {missing} of {len(values)} frames without."
                )
                raise ValueError(message)
        if int(numbers[0]) == _ABSENT:
            numbers = torch.arange(len(numbers))
        order = torch.argsort(numbers, stable=True)
        ordered = numbers[order]
        kept = order[torch.cat([torch.ones(1, dtype=torch.bool), ordered[1:] != ordered[:-1]])]
        columns = {name: dim_zero_cat(getattr(self, name)).cpu()[kept] for name in self._columns}
        people = people[kept]
        has_subjects = int(people[0]) != _ABSENT
        if not has_subjects:
            # blocks of many frames have the same spread as frames alone, and cost less
            people = torch.arange(len(kept)) % _MAX_PEOPLE
        return Frames(columns, [str(person) for person in people.tolist()], numbers[kept], has_subjects)

    def _warn_of_order(self) -> None:
        is_distributed = self.distributed_available_fn() if self.distributed_available_fn is not None else False
        if self._has_warned or not is_distributed:
            return
        self._has_warned = True
        rank_zero_warn(
            f"{type(self).__name__}: no index was given on several processes. Frames are taken in the order of their "
            "ranks, and those that the sampler repeats count twice; pass `index`.",
            UserWarning,
        )


def _number(name: str) -> int:
    """Give a number that ranks can exchange; of 56 bits, so that no two people share one."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")
