from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def _small():
    spec = importlib.util.spec_from_file_location("small_run", HERE / "small_run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["small_run"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small():
    """The small stage I run of small_run.py."""
    return _small()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def in_processes():
    """Run small_run.py on two ranks in processes of their own; give what each rank says."""

    def run(folder: Path, **arguments):
        said = json.dumps({"folder": str(folder), "devices": 2, "strategy": "ddp", **arguments})
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, str(HERE / "small_run.py"), said],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        name = "resumed" if "ckpt_path" in arguments else "rank"
        return [json.loads((folder / f"{name}{rank}.json").read_text()) for rank in range(2)]

    return run
