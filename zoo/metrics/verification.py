"""How well vectors tell people apart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.utilities import dim_zero_cat


class Verification(Metric):
    """Compare all pairs of faces by cosine; both figures are better the higher they are.

    ``compute`` gives the area under the ROC curve of telling pairs of one person from pairs of two, and the *rank-one*
    rate: the share of faces whose nearest other face shows the same person, among those who are there twice. NaN where
    there is nothing to compare.

    Example:
        >>> metric = Verification()
        >>> metric.update(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), ["a", "a", "b"])
        >>> [figure.item() for figure in metric.compute()]
        [1.0, 1.0]
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    vectors: list[Tensor]
    people: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("vectors", [], dist_reduce_fx="cat")
        self.add_state("people", [], dist_reduce_fx="cat")

    def update(self, vectors: Float[Tensor, "batch dim"], subjects: Sequence[str]) -> None:
        """Gather one batch."""
        self.vectors.append(functional.normalize(vectors.detach().float(), dim=1))
        # numbers, which ranks can exchange; of 56 bits, so that no two people share one
        codes = [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big") for name in subjects]
        self.people.append(torch.tensor(codes, device=vectors.device))

    def compute(self) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Give the area under the curve and the rank-one rate."""
        vectors, people = dim_zero_cat(self.vectors), dim_zero_cat(self.people)
        cosines = vectors @ vectors.T
        same = people[:, None] == people
        upper = torch.ones_like(same).triu(1)
        pairs = same[upper]
        nan = torch.full((), torch.nan, device=vectors.device)
        auc = binary_auroc(cosines[upper], pairs.long()) if pairs.any() and not pairs.all() else nan
        nearest = cosines.fill_diagonal_(-torch.inf).argmax(1)
        repeated = same.sum(1) > 1
        return auc, same[torch.arange(len(people)), nearest][repeated].float().mean() if repeated.any() else nan
