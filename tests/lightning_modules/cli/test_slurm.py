"""The script for SLURM, with stand-ins that set what SLURM sets: there is no cluster here."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "configs" / "trainer" / "slurm.sh"
SRUN = """#!/bin/bash
# Start the tasks, hand SIGTERM on to them, and end with the highest of their codes, as srun does.
trap 'kill -TERM "${tasks[@]}"' TERM
for ((task = 0; task < SLURM_NTASKS; task++)); do
  SLURM_PROCID=$task SLURM_LOCALID=$task SLURM_NODEID=0 "$@" &
  tasks+=($!)
done
highest=0
for task in "${tasks[@]}"; do
  wait "$task"
  code=$?
  while kill -0 "$task" 2> /dev/null; do # a trap ended the wait
    wait "$task"
    code=$?
  done
  [ $code -gt $highest ] && highest=$code
done
exit $highest
"""
SCONTROL = """#!/bin/bash
echo "$*" >> scontrol.txt
"""
ARGUMENTS = [
    *("fit", "--config", "tiny/stage1.yaml", "--config", "trainer/nodes.yaml", "--run", "job"),
    *("--trainer.accelerator", "cpu", "--callbacks.report", "null", "--data.num_train", "64"),
]


@pytest.fixture
def job(tmp_path):
    """Start the script as a job of two tasks on one node."""
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (stand_ins / name).write_text(text)
        (stand_ins / name).chmod(0o755)
    (stand_ins / "python").write_text(f'#!/bin/bash\nexec "{sys.executable}" "$@"\n')  # not a link: it is of a venv
    (stand_ins / "python").chmod(0o755)
    (tmp_path / "cli.py").write_text(f"import runpy; runpy.run_path({str(ROOT / 'cli.py')!r}, run_name='__main__')\n")
    environment = {
        **os.environ,
        "PATH": f"{stand_ins}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "auface",
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NODELIST": "localhost",
        "SLURM_CPUS_PER_TASK": "1",
    }

    def start(*more):
        return subprocess.Popen(
            ["bash", SCRIPT, *ARGUMENTS, *more],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.mark.slow
def test_a_job_that_reaches_its_limit_is_queued_again_and_goes_on(job, tmp_path):
    last = tmp_path / "runs" / "tiny" / "stage1" / "job" / "checkpoints" / "last.ckpt"
    first = job("--trainer.max_epochs", "1000")
    while first.poll() is None and not last.is_file():
        time.sleep(0.2)
    first.send_signal(signal.SIGTERM)  # as `#SBATCH --signal=B:TERM@300` does: to the script alone
    said, _ = first.communicate()
    assert first.returncode == 143, said
    assert "Starting with 2 processes" in said
    assert (tmp_path / "scontrol.txt").read_text() == "requeue 4711\n"
    reached = torch.load(last, weights_only=True)["global_step"]
    epochs = reached // 4 + 2
    again = job("--trainer.max_epochs", str(epochs))
    said, _ = again.communicate()
    assert again.returncode == 0, said
    assert torch.load(last, weights_only=True)["global_step"] == epochs * 4
    assert (tmp_path / "scontrol.txt").read_text() == "requeue 4711\n"  # one that has ended is not queued again


def test_bash_reads_the_script():
    subprocess.run(["bash", "-n", SCRIPT], check=True)
