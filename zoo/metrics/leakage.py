"""What commanding one AU does to the others: the leakage matrix."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def leakage_matrix(
    commands: Float[Tensor, "frame au"], responses: Float[Tensor, "frame measured"]
) -> Float[Tensor, "au measured"]:
    """Give how much each measured AU rises for each unit of a commanded one, others held, by least squares.

    Rows are commanded AUs, columns measured ones; a constant is fitted too. A row is NaN where its AU never varies, and
    all are where the commands don't tell AUs apart (two that always come together).

    Args:
        commands: Commanded intensity of each AU.
        responses: Measured intensity of each AU.
    """
    commands, responses = commands.double(), responses.double()
    varies = commands.std(dim=0, correction=0) > 0
    design = torch.cat([commands[:, varies], commands.new_ones(len(commands), 1)], dim=1)
    found = torch.full((commands.shape[1], responses.shape[1]), torch.nan, dtype=torch.double)
    if int(torch.linalg.matrix_rank(design)) == design.shape[1]:
        found[varies] = torch.linalg.lstsq(design, responses).solution[:-1]
    return found


def diagonal_dominance(leakage: Float[Tensor, "au au"]) -> Float[Tensor, ""]:
    """Give the mean over commanded AUs of |own response| / sum of all |responses|; 1 is best."""
    sizes = leakage.abs()
    return (sizes.diagonal() / sizes.sum(dim=1)).nanmean()


def unexplained_leakage(leakage: Float[Tensor, "au au"], expected: Bool[Tensor, "au au"]) -> Float[Tensor, ""]:
    """Give the share of all |responses| that neither the commanded AU nor anatomy explains; lower is better.

    Args:
        leakage: Of :func:`leakage_matrix`.
        expected: Which measured AUs are expected to go with a commanded one, such as AU6 with AU12.
    """
    sizes = leakage.abs()
    others = ~expected & ~torch.eye(len(leakage), dtype=torch.bool, device=leakage.device)
    return (sizes * others).nansum() / sizes.nansum()
