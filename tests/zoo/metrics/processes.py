"""Metrics on several processes: pretended in one, and real ones with gloo."""

import torch
from torch import distributed, multiprocessing
from torchmetrics.utilities import dim_zero_cat


def ranks(make, *fills):
    """Give what the first of some ranks computes; each ``fill`` updates the metric of one rank."""
    others = []
    for fill in fills[1:]:
        other = make(distributed_available_fn=lambda: False)
        fill(other)
        others.append(other)

    def gather(own, group=None):
        name = next(names)
        # an empty rank sends rows none of the shape that the metric promised
        states = [getattr(other, name) for other in others]
        return [own, *(dim_zero_cat(state) if state else own[:0] for state in states)]

    metric = make(distributed_available_fn=lambda: True, dist_sync_fn=gather)
    fills[0](metric)
    names = iter(metric._reductions)
    return metric.compute()


def _work(rank, address, results, make, fills):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{address}", rank=rank, world_size=len(fills))
    metric = make()
    fills[rank](metric)
    torch.save(metric.compute(), f"{results}/{rank}.pt")
    distributed.destroy_process_group()


def processes(folder, make, *fills):
    """Give what each of some real processes computes; arguments are functions that can be pickled."""
    multiprocessing.spawn(_work, (folder / "address", folder, make, fills), nprocs=len(fills))
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(len(fills))]
