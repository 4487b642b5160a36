"""A folder with tiny configs, and the command line called in this process."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory that holds the tiny configs; their classes are importable as ``toys``."""
    shutil.copytree(HERE / "configs", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.delenv("DEBUG", raising=False)
    return tmp_path


@pytest.fixture
def call(folder, capfd):
    """Call ``cli.main`` and give its exit code and what it printed."""
    import cli

    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def run(*words):
        capfd.readouterr()
        code = cli.main([str(word) for word in words])
        return Result(code, *capfd.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def process(folder):
    """Run ``cli.py`` in a process of its own."""

    def run(*words, timeout=120):
        environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, ROOT / "cli.py", *words],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def write(folder):
    """Write a file below the working directory."""

    def write(name, text):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write
