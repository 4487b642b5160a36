"""Jobs for a scheduler, with a stand-in for sbatch."""

import json
import sys
from pathlib import Path

import pytest

from lightning_modules.cli.errors import UserError
from lightning_modules.study.submission import submit

SBATCH = """
import pathlib, sys
calls = pathlib.Path("calls.txt")
calls.write_text((calls.read_text() if calls.exists() else "") + " ".join(sys.argv[1:]) + chr(10))
if "small_seed_1" in sys.argv[-1] and pathlib.Path("full.txt").exists():
    sys.exit("sbatch: error: queue is full")
print(f"{100 + len(calls.read_text().splitlines())};cluster")
"""
TEMPLATE = "#!/bin/bash\n#SBATCH --job-name={name} --output={log}\nexport ${HOME}\n{command}\n"


@pytest.fixture
def submitted(work, folder):
    (folder / "sbatch.py").write_text(SBATCH)
    (folder / "job.sh").write_text(TEMPLATE)

    def call(made):
        told = []
        command = f"{sys.executable} sbatch.py"
        words = ["--config", "study.yaml"]
        return submit(made, Path("job.sh"), submit_command=command, words=words, tell=told.append), told

    return call


def test_each_run_is_a_job_after_what_it_needs(work, submitted):
    jobs, told = submitted(work())
    assert list(jobs) == ["codec/seed_0", "large/seed_0", "small/seed_0", "large/seed_1", "small/seed_1"]
    assert set(jobs.values()) == {"101", "102", "103", "104", "105"}
    calls = Path("calls.txt").read_text().splitlines()
    assert calls[0].endswith("codec_seed_0.sh")
    assert "dependency" not in calls[0]
    assert calls[1].startswith("--dependency=afterok:101 ")
    assert told[1] == "large/seed_0: job 102, after 101"
    assert json.loads(Path("out/jobs/jobs.json").read_text()) == jobs


def test_a_jobs_script_does_one_run(work, submitted):
    submitted(work())
    script = Path("out/jobs/small_seed_1.sh").read_text()
    assert "--job-name=study_small_1" in script
    assert "export ${HOME}" in script  # braces of the script's own
    assert script.rstrip().endswith("cli.py study --config study.yaml --only small --seeds 1")


def test_what_is_trained_needs_no_job(work, submitted, do):
    do(work(only=("codec",)))
    jobs, _ = submitted(work())
    assert "codec/seed_0" not in jobs
    assert "dependency" not in Path("calls.txt").read_text()


def test_what_is_complete_needs_no_job(work, submitted, do):
    do(work(only=("large",)))
    jobs, _ = submitted(work())
    assert list(jobs) == ["small/seed_0", "small/seed_1"]


def test_a_refused_job_is_told(work, submitted):
    Path("full.txt").touch()
    with pytest.raises(UserError, match=r"refused out/jobs/small_seed_1.sh: sbatch: error: queue is full"):
        submitted(work())


def test_a_template_without_a_command_is_refused(work, submitted):
    Path("job.sh").write_text("#!/bin/bash\n")
    with pytest.raises(UserError, match=r"must have \{command\}"):
        submitted(work())
