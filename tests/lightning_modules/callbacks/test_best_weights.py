"""The first process may render for as long as it takes while the others wait."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from lightning_modules.callbacks.best_weights import loader_of

ROOT = Path(__file__).parents[3]

# two processes whose collectives give up after 4 seconds; the first one takes 9 to make its loader
_WAIT = """
import sys, time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
import torch
from lightning_modules.callbacks.best_weights import loader_of

folder, rank = Path(sys.argv[1]), int(sys.argv[2])
(folder / f"ready{rank}").touch()
while not (folder / f"ready{1 - rank}").exists():  # imports take longer than the limit
    time.sleep(0.05)
store = f"file://{folder}/store"
torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=timedelta(seconds=4))

class Data:
    def test_dataloader(self):
        if rank == 0:
            time.sleep(9)
            (folder / "rendered").touch()
        assert (folder / "rendered").exists(), "asked before it was rendered"
        return ["batch"]

assert loader_of(SimpleNamespace(datamodule=Data(), local_rank=rank), "test") == ["batch"]
torch.distributed.barrier()
"""


@pytest.mark.slow
def test_waiting_for_the_first_process_knows_no_time_limit(tmp_path):
    words = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(_WAIT), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([*words, str(rank)], env=environment, stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)


def test_each_process_makes_the_loader_once():
    made = []
    data = SimpleNamespace(test_dataloader=lambda: made.append(1) or "loader")
    for local_rank in range(2):
        assert loader_of(SimpleNamespace(datamodule=data, local_rank=local_rank), "test") == "loader"
    assert len(made) == 2


def test_validation_batches_are_those_of_training():
    trainer = SimpleNamespace(datamodule=None, val_dataloaders=None)
    assert loader_of(trainer, "test") == []
    trainer.val_dataloaders = ["batch"]
    assert loader_of(trainer, "validation") == ["batch"]
